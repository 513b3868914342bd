"""The migrations build exactly the tables that the code uses."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from adapters.migrations import migrate
from adapters.schema import metadata


def test_migrations_build_the_schema(tmp_path: Path) -> None:
    """After every migration nothing is left to generate; migrating again changes nothing."""
    url = f"sqlite+aiosqlite:///{tmp_path}/store.db"
    migrate(url)
    migrate(url)
    engine = create_engine(url.replace("+aiosqlite", ""))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()
