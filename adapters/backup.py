"""A copy of a SQLite store that is in use."""

import sqlite3
from contextlib import closing
from pathlib import Path

from contracts.errors import Malformed, Unavailable

_SQLITE = "sqlite+aiosqlite:///"


def copy(url: str, target: Path) -> None:
    """Copy the store of that URL, as one moment saw it, to a new file of its owner's alone.

    Raises:
        Malformed: the store is no SQLite file, or the target is there already.
        Unavailable: it cannot be read or written.
    """
    if not url.startswith(_SQLITE):
        raise Malformed("this copies a SQLite store; back PostgreSQL up with pg_dump")
    source = Path(url.removeprefix(_SQLITE))
    if not source.is_file():
        raise Unavailable(f"there is no store {source}: name its directory with --state")
    try:
        target.touch(mode=0o600, exist_ok=False)
        with closing(sqlite3.connect(source)) as store, closing(sqlite3.connect(target)) as made:
            store.backup(made)
    except FileExistsError as error:
        raise Malformed(f"{target} is there already; a backup overwrites nothing") from error
    except (OSError, sqlite3.Error) as error:
        raise Unavailable(f"the store could not be copied to {target}: {error}") from error
