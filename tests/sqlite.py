"""An SQLite store of a test's own: migrated once a process, copied for each test."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from adapters.migrations import migrate


def sqlite(directory: Path) -> str:
    """The URL of a store in that directory, with our tables in it; made where there is none."""
    path = directory / "store.db"
    if not path.exists():
        path.write_bytes(_migrated())
    return f"sqlite+aiosqlite:///{path}"


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "store.db"
        migrate(f"sqlite+aiosqlite:///{path}")
        return path.read_bytes()
