"""Brings a store's tables up to date; again is nothing."""

from sqlalchemy import create_engine

from adapters.schema import metadata


def migrate(url: str) -> None:
    """Create what is missing. ``url`` is the store's own (``sqlite+aiosqlite:///…``)."""
    engine = create_engine(url.replace("+aiosqlite", ""))
    try:
        metadata.create_all(engine)
    finally:
        engine.dispose()
