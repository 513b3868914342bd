"""One write: effect, new version, log row and remembered answer, all in one transaction or none of them."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Generic, TypeAlias

from embedded.helpdesk.conditions import Condition
from embedded.helpdesk.database import Database, stamp
from embedded.helpdesk.problems import Problem
from embedded.helpdesk.shelves import Shelf, T
from embedded.helpdesk.write_log import Write, append

#: How long a key's answer is remembered; the tool catalogue declares the same.
KEY_RETENTION = timedelta(hours=24)

#: What the write makes of its target, at that time; raises Problem when it may not be done.
Change: TypeAlias = Callable[[sqlite3.Connection, T, str], T]


@dataclass(frozen=True, kw_only=True)
class Order(Generic[T]):
    """A write as it was asked for."""

    tenant: str
    scope: str
    operation: str
    #: Id of what it changes, and where that is kept.
    target: str
    shelf: Shelf[T]
    condition: Condition
    idempotency_key: str | None
    path: str
    body: bytes
    request_id: str | None
    capability_sha256: str | None
    change: Change[T]

    @property
    def body_sha256(self) -> str:
        return sha256(self.body).hexdigest()

    @property
    def fingerprint(self) -> str:
        """What must be the same for a key to mean the same request."""
        return sha256(f"{self.operation}\n{self.path}\n{self.body_sha256}".encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a write was answered with: its target as it is since."""

    status: int
    etag: str
    body: bytes
    replayed: bool = False


class InFlight:
    """The keys that are being worked on right now. Lives on the event loop; a crash empties it, rightly."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], str] = {}

    @contextmanager
    def hold(self, order: Order[Any]) -> Iterator[None]:
        """Raises Problem when the order's key is held already."""
        if order.idempotency_key is None:
            yield
            return
        place = (order.tenant, order.idempotency_key)
        if place in self._held:
            raise _reused() if self._held[place] != order.fingerprint else _in_flight()
        self._held[place] = order.fingerprint
        try:
            yield
        finally:
            del self._held[place]


def execute(database: Database, order: Order[Any]) -> Answer:
    """Do it, once for each key. Blocks.

    Only a write that had its effect is remembered under its key: a refusal changed nothing and binds nothing.

    Raises:
        Problem: it may not be done, and nothing was.
    """
    with database.writing() as connection:
        at = database.clock()
        if (earlier := _remembered(connection, order, at)) is not None:
            return earlier
        after = carry_out(connection, order, stamp(at))
        answer = Answer(
            status=200, etag=after.etag, body=json.dumps(after.document(), ensure_ascii=False).encode()
        )
        _remember(connection, order, answer, at)
        return answer


def carry_out(connection: sqlite3.Connection, order: Order[T], at: str) -> T:
    """Effect, new version and log row within the caller's transaction; the key is noted and not asked.

    Raises:
        Problem: it may not be done.
    """
    before = order.shelf.load(connection, order.tenant, order.target)
    order.condition.check(before)
    after = order.change(connection, before, at)
    order.shelf.save(connection, order.tenant, after)
    append(connection, _logged(order, before, after, at))
    return after


def _logged(order: Order[T], before: T, after: T, at: str) -> Write:
    return Write(
        at=at,
        tenant=order.tenant,
        operation=order.operation,
        ticket=after.id,
        version_before=before.version,
        version_after=after.version,
        idempotency_key=order.idempotency_key,
        request_id=order.request_id,
        capability_sha256=order.capability_sha256,
        scope=order.scope,
        body_sha256=order.body_sha256,
    )


def _remembered(connection: sqlite3.Connection, order: Order[Any], at: datetime) -> Answer | None:
    """Raises Problem when the key stands for another request."""
    row = connection.execute(
        "SELECT fingerprint, status, etag, body FROM answers"
        " WHERE tenant = ? AND idempotency_key = ? AND at > ?",
        (order.tenant, order.idempotency_key, stamp(at - KEY_RETENTION)),
    ).fetchone()
    if row is None:
        return None
    if row["fingerprint"] != order.fingerprint:
        raise _reused()
    return Answer(status=row["status"], etag=row["etag"], body=row["body"], replayed=True)


def _remember(connection: sqlite3.Connection, order: Order[Any], answer: Answer, at: datetime) -> None:
    if order.idempotency_key is None:
        return
    connection.execute("DELETE FROM answers WHERE at <= ?", (stamp(at - KEY_RETENTION),))
    connection.execute(
        "INSERT INTO answers (tenant, idempotency_key, at, fingerprint, status, etag, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            order.tenant,
            order.idempotency_key,
            stamp(at),
            order.fingerprint,
            answer.status,
            answer.etag,
            answer.body,
        ),
    )


def _reused() -> Problem:
    return Problem("key-reused", "this Idempotency-Key was used for another operation, path or body")


def _in_flight() -> Problem:
    return Problem("in-flight", "a request with this Idempotency-Key is being worked on; ask again later")
