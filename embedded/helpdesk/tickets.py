"""A ticket, what may happen to it, and where tickets are kept."""

import json
import sqlite3
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from embedded.helpdesk.problems import Problem


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """One ticket of one tenant; each change is a new version."""

    id: str
    subject: str
    body: str
    #: ``open``, ``pending`` (waits for the customer) or ``closed``.
    status: str
    #: ``low``, ``normal``, ``high`` or ``urgent``.
    priority: str
    customer_id: str
    #: ``name`` and ``email``.
    requester: dict[str, str]
    tags: list[str]
    #: Of ``author``, ``at`` and ``text``, oldest first.
    conversation: list[dict[str, str]]
    version: int
    created_at: str
    updated_at: str
    #: Of a closed ticket: ``reason``, ``article`` (id or null) and ``at``.
    resolution: dict[str, str | None] | None = None

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, document: dict[str, Any]) -> Self:
        return cls(**document)

    @property
    def etag(self) -> str:
        return f'"{self.version}"'

    def closed(self, *, reason: str, article: str | None, at: str) -> "Ticket":
        """Raises Problem when it is closed already."""
        if self.status == "closed":
            raise Problem("already-closed", f"{self.id} is already closed", current_version=self.version)
        resolution = {"reason": reason, "article": article, "at": at}
        return self._noted(f"Closed: {reason}", at, status="closed", resolution=resolution)

    def reopened(self, *, reason: str, at: str) -> "Ticket":
        """Raises Problem when it is not closed."""
        if self.status != "closed":
            raise Problem(
                "not-closed", f"{self.id} is {self.status}, not closed", current_version=self.version
            )
        return self._noted(f"Reopened: {reason}", at, status="open", resolution=None)

    def patched(self, changes: dict[str, Any], *, at: str) -> "Ticket":
        """Raises Problem when the change would reopen a closed ticket by the way."""
        if self.status == "closed" and "status" in changes:
            raise Problem(
                "already-closed", f"{self.id} is closed: reopen it first", current_version=self.version
            )
        return replace(self, **changes, version=self.version + 1, updated_at=at)

    def touched(self, *, at: str) -> "Ticket":
        return replace(self, version=self.version + 1, updated_at=at)

    def _noted(self, text: str, at: str, **changes: Any) -> "Ticket":
        note = {"author": "Helpdesk", "at": at, "text": text}
        return replace(
            self, **changes, conversation=[*self.conversation, note], version=self.version + 1, updated_at=at
        )


def ticket(connection: sqlite3.Connection, tenant: str, ticket_id: str) -> Ticket:
    """Raises Problem when this tenant has no such ticket, whoever else may have one."""
    row = connection.execute(
        "SELECT document FROM tickets WHERE tenant = ? AND id = ?", (tenant, ticket_id)
    ).fetchone()
    if row is None:
        raise Problem("not-found", "there is no such ticket")
    return Ticket.read(json.loads(row["document"]))


def save(connection: sqlite3.Connection, tenant: str, changed: Ticket) -> None:
    """Add the ticket, or put it in the place of its earlier version."""
    connection.execute(
        "INSERT INTO tickets (tenant, id, status, customer_id, version, document) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (tenant, id) DO UPDATE SET status = excluded.status, version = excluded.version,"
        " document = excluded.document",
        (
            tenant,
            changed.id,
            changed.status,
            changed.customer_id,
            changed.version,
            json.dumps(changed.document(), ensure_ascii=False),
        ),
    )


def listing(
    connection: sqlite3.Connection,
    tenant: str,
    *,
    status: str | None,
    words: str,
    customer_id: str | None,
    after: str,
) -> list[Ticket]:
    """The tenant's tickets in order of their ids, from the one after ``after`` on.

    Every word must occur in the subject or the body, in whatever case.
    """
    rows = connection.execute(
        "SELECT document FROM tickets WHERE tenant = ? AND id > ? AND (? IS NULL OR status = ?)"
        " AND (? IS NULL OR customer_id = ?) ORDER BY id",
        (tenant, after, status, status, customer_id, customer_id),
    )
    found = (Ticket.read(json.loads(row["document"])) for row in rows)
    wanted = words.lower().split()
    return [one for one in found if all(word in f"{one.subject} {one.body}".lower() for word in wanted)]


def of_anybody(connection: sqlite3.Connection, ticket_id: str) -> tuple[str, Ticket]:
    """The ticket and its tenant, for the control interface alone. Raises Problem when there is none."""
    row = connection.execute("SELECT tenant FROM tickets WHERE id = ?", (ticket_id,)).fetchone()
    if row is None:
        raise Problem("not-found", "there is no such ticket")
    return row["tenant"], ticket(connection, row["tenant"], ticket_id)
