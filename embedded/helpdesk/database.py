"""The helpdesk's SQLite file: its schema, and transactions over it."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Clock = Callable[[], datetime]

#: Raised with each change of the schema. Until now each only added tables, so an older file is brought up to
#: date by the same statements that make a new one.
_LAYOUT = 3

_SCHEMA = """
CREATE TABLE IF NOT EXISTS customers (
  tenant TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY (tenant, id)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS articles (
  tenant TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY (tenant, id)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tickets (
  tenant TEXT NOT NULL, id TEXT NOT NULL UNIQUE, status TEXT NOT NULL, customer_id TEXT NOT NULL,
  version INTEGER NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY (tenant, id)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders (
  tenant TEXT NOT NULL, id TEXT NOT NULL UNIQUE, version INTEGER NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY (tenant, id)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS writes (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, tenant TEXT NOT NULL, operation TEXT NOT NULL,
  ticket TEXT NOT NULL, version_before INTEGER NOT NULL, version_after INTEGER NOT NULL, idempotency_key TEXT,
  request_id TEXT, capability_sha256 TEXT, scope TEXT NOT NULL, body_sha256 TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS writes_by_key ON writes (tenant, idempotency_key);
CREATE TABLE IF NOT EXISTS answers (
  tenant TEXT NOT NULL, idempotency_key TEXT NOT NULL, at TEXT NOT NULL, fingerprint TEXT NOT NULL,
  status INTEGER NOT NULL, etag TEXT NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (tenant, idempotency_key)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mails (
  id TEXT NOT NULL PRIMARY KEY, at TEXT NOT NULL, tenant TEXT NOT NULL, ticket TEXT NOT NULL,
  recipient TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS requests (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, tenant TEXT NOT NULL, scope TEXT NOT NULL,
  method TEXT NOT NULL, path TEXT NOT NULL, query TEXT NOT NULL, request_id TEXT, capability INTEGER NOT NULL,
  capability_sha256 TEXT, status INTEGER) STRICT;
"""


class DatabaseUnusable(Exception):
    """The database file cannot be opened as the helpdesk's; the sentence says why."""


def now() -> datetime:
    return datetime.now(UTC)


def stamp(at: datetime) -> str:
    """RFC 3339 in UTC, of one length, so that texts sort as times do."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Database:
    """Opens a connection for each transaction; calls block and belong in threads."""

    def __init__(self, path: Path, *, clock: Clock = now) -> None:
        """Raises DatabaseUnusable."""
        self._path = path
        self.clock = clock
        try:
            self._kept = self._connect()
        except sqlite3.Error as error:
            raise DatabaseUnusable(f"the database {path} cannot be opened: {error}") from error
        try:
            self._lay_out()
        except sqlite3.Error as error:
            self._kept.close()
            raise DatabaseUnusable(f"the database {path} cannot be used: {error}") from error
        except DatabaseUnusable:
            self._kept.close()
            raise

    def close(self) -> None:
        self._kept.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One snapshot of everything."""
        with closing(self._connect()) as connection:
            connection.execute("BEGIN")
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """One transaction with nobody else's beside it: all of it is on disk afterwards, or none.

        One that is not durable survives the process, and may be lost with the machine.
        """
        with closing(self._connect()) as connection:
            if not durable:
                connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=10, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _lay_out(self) -> None:
        """The kept connection stays open: closing a file's last one would fold its journal each time."""
        self._kept.execute("PRAGMA journal_mode = WAL")
        layout = self._kept.execute("PRAGMA user_version").fetchone()[0]
        if layout not in range(_LAYOUT + 1):
            raise DatabaseUnusable(
                f"the database {self._path} has layout {layout}, this helpdesk knows {_LAYOUT}:"
                " move the file away"
            )
        self._kept.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_LAYOUT}; COMMIT;")


def document(row: sqlite3.Row | None) -> dict[str, Any] | None:
    """The JSON object in a row's ``document``."""
    if row is None:
        return None
    loaded: dict[str, Any] = json.loads(row["document"])
    return loaded
