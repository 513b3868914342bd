"""Puts a whole set of rules in force in one transaction, if nothing changed since it was compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.alerts import raise_alert
from adapters.audit_log import append
from adapters.documents import (
    Key,
    keep_document,
    keep_rule_places,
    publication,
    put_in_force,
    read_document,
    take_out_of_force,
)
from adapters.schema import published
from adapters.store import Store
from contracts.alert import Alert
from contracts.audit import AuditRecord
from contracts.digest import Json, digest
from contracts.errors import Conflict
from contracts.ports import Clock


@dataclass(frozen=True, kw_only=True)
class Note:
    """What the audit says of a document that changes."""

    rules: tuple[str, ...] = ()
    #: A sentence; empty: there is none.
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Publication:
    """What is to be in force, and what was when that was decided."""

    env: str
    #: Everything, in the order in which it takes effect; what is not here is withdrawn.
    documents: Mapping[Key, Json]
    #: Digests of all that was in force when this was compared with it.
    instead_of: Mapping[Key, str]
    actor: str
    notes: Mapping[Key, Note] = field(default_factory=dict)
    #: File and line by rule, by the document's digest.
    places: Mapping[str, Mapping[str, tuple[str, int]]] = field(default_factory=dict)
    #: Of what is changed; None: nobody need be told.
    alert: Alert | None = None

    def record(self, key: Key, identity: str | None, now_ms: int) -> AuditRecord:
        note = self.notes.get(key, Note())
        return publication(self.env, key, identity, self.actor, now_ms, rules=note.rules, text=note.text)


class Publisher:
    """The published documents of a store, as who publishes sees them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def in_force(self, env: str) -> tuple[Mapping[Key, str], Mapping[Key, Json]]:
        """Digests and documents of everything in force, of one moment.

        Raises:
            Refused: a document was altered.
        """
        async with self._store.read() as connection:
            digests = await _digests(connection, env)
            found = {key: await read_document(connection, identity) for key, identity in digests.items()}
            return digests, found

    async def put(self, wanted: Publication) -> list[str]:
        """What changed, a line each; all of it or nothing.

        Raises:
            Conflict: something else is in force by now than it was compared with.
        """
        return await self._store.write(lambda connection: self._put(connection, wanted))

    async def _put(self, connection: AsyncConnection, wanted: Publication) -> list[str]:
        before, now = await _digests(connection, wanted.env), self._clock.now_ms()
        if before != dict(wanted.instead_of):
            raise Conflict("the policy in force has changed since it was compared: look at the diff again")
        changes = []
        for key in sorted(before.keys() - wanted.documents.keys()):
            await take_out_of_force(connection, wanted.env, key)
            await append(connection, wanted.record(key, None, now))
            changes.append(f"withdrew {key[0]} {key[1]}")
        for key, document in wanted.documents.items():
            identity = digest(document)
            if before.get(key) != identity:
                await keep_document(connection, key, document)
                await put_in_force(connection, wanted.env, key, identity, wanted.actor, now)
                await append(connection, wanted.record(key, identity, now))
                changes.append(f"published {key[0]} {key[1]} as {identity}")
        for identity, places in wanted.places.items():
            await keep_rule_places(connection, identity, places)
        if wanted.alert is not None and changes:
            await raise_alert(connection, wanted.alert)
        return changes


async def _digests(connection: AsyncConnection, env: str) -> dict[Key, str]:
    rows = await connection.execute(
        select(published.c.kind, published.c.name, published.c.digest).where(published.c.env == env)
    )
    return {(row.kind, row.name): row.digest for row in rows}
