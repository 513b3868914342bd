"""Mails that went out about tickets."""

import sqlite3
from dataclasses import asdict, dataclass
from typing import Any

_COLUMNS = "id, at, tenant, ticket, recipient, subject, body"


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One mail that was sent."""

    id: str
    at: str
    tenant: str
    ticket: str
    recipient: str
    subject: str
    body: str

    def document(self) -> dict[str, Any]:
        return asdict(self)


def save(connection: sqlite3.Connection, mail: Mail) -> None:
    connection.execute(
        f"INSERT INTO mails ({_COLUMNS}) VALUES"  # noqa: S608 - the columns are a constant of this file
        " (:id, :at, :tenant, :ticket, :recipient, :subject, :body)",
        mail.document(),
    )


def mails(connection: sqlite3.Connection, *, tenant: str | None) -> list[Mail]:
    """In the order in which they were sent; of one tenant, or of all."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM mails WHERE ? IS NULL OR tenant = ? ORDER BY rowid",  # noqa: S608 - a constant
        (tenant, tenant),
    )
    return [Mail(**dict(row)) for row in rows]
