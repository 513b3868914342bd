"""The log of every authenticated request, whatever became of it; the oldest give way."""

import sqlite3
from dataclasses import asdict, dataclass
from typing import Any, Self

from embedded.helpdesk.database import Database

#: Requests that the log keeps.
_KEPT = 20_000

_COLUMNS = "at, tenant, scope, method, path, query, request_id, capability, capability_sha256"


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One request as it came in."""

    at: str
    tenant: str
    scope: str
    method: str
    path: str
    query: str
    #: The caller's Interlock-Request-Id, if any.
    request_id: str | None
    #: Whether an Interlock-Capability came along, and its hash.
    capability: bool
    capability_sha256: str | None
    #: Of the answer; null while there is none, and for ever when it was lost.
    status: int | None = None

    @classmethod
    def read(cls, row: sqlite3.Row) -> Self:
        return cls(**{**dict(row), "capability": bool(row["capability"])})

    def document(self) -> dict[str, Any]:
        return asdict(self)


def enter(database: Database, visit: Visit) -> int:
    """Note that the request came in; the number is what ``leave`` wants. Blocks."""
    with database.writing(durable=False) as connection:
        entry = connection.execute(
            f"INSERT INTO requests ({_COLUMNS}) VALUES"  # noqa: S608 - the columns are a constant of this file
            " (:at, :tenant, :scope, :method, :path, :query, :request_id, :capability, :capability_sha256)",
            visit.document(),
        ).lastrowid
        assert entry is not None  # noqa: S101 - an INSERT that did not raise has made a row
        connection.execute("DELETE FROM requests WHERE id <= ?", (entry - _KEPT,))
        return entry


def leave(database: Database, entry: int, status: int) -> None:
    """Note the status that is about to be answered. Blocks."""
    with database.writing(durable=False) as connection:
        connection.execute("UPDATE requests SET status = ? WHERE id = ?", (status, entry))


def visits(connection: sqlite3.Connection, *, tenant: str | None, limit: int) -> list[Visit]:
    """The newest requests, oldest first; of one tenant, or of all."""
    rows = connection.execute(
        f"SELECT {_COLUMNS}, status FROM requests"  # noqa: S608 - the columns are a constant of this file
        " WHERE ? IS NULL OR tenant = ? ORDER BY id DESC LIMIT ?",
        (tenant, tenant, limit),
    ).fetchall()
    return [Visit.read(row) for row in reversed(rows)]
