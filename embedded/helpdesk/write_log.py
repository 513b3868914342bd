"""The log of every executed write: the target's own count, against which callers' books are held."""

import sqlite3
from dataclasses import asdict, dataclass
from typing import Any

#: What no caller can look up by its key, as at a mail relay. A refund is asked about by sending it again.
UNFINDABLE = frozenset({"send_mail", "refund"})

_COLUMNS = (
    "at, tenant, operation, ticket, version_before, version_after, idempotency_key, request_id,"
    " capability_sha256, scope, body_sha256"
)


@dataclass(frozen=True, kw_only=True)
class Write:
    """One write that had its effect."""

    at: str
    tenant: str
    operation: str
    #: Id of the ticket; of a refund the order's.
    ticket: str
    version_before: int
    version_after: int
    idempotency_key: str | None
    #: The caller's Interlock-Request-Id, if any.
    request_id: str | None
    #: Of the caller's Interlock-Capability, if any.
    capability_sha256: str | None
    scope: str
    #: Of the body's bytes as they came.
    body_sha256: str

    def document(self) -> dict[str, Any]:
        return asdict(self)


def append(connection: sqlite3.Connection, write: Write) -> None:
    connection.execute(
        f"INSERT INTO writes ({_COLUMNS}) VALUES (:at, :tenant, :operation, :ticket, :version_before,"  # noqa: S608 - a constant
        " :version_after, :idempotency_key, :request_id, :capability_sha256, :scope, :body_sha256)",
        write.document(),
    )


def writes(connection: sqlite3.Connection, *, tenant: str | None, key: str | None) -> list[Write]:
    """In the order of their execution; of one tenant and one idempotency key, or of all."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM writes WHERE (:tenant IS NULL OR tenant = :tenant)"  # noqa: S608 - a constant
        " AND (:key IS NULL OR idempotency_key = :key) ORDER BY id",
        {"tenant": tenant, "key": key},
    )
    return [Write(**dict(row)) for row in rows]
