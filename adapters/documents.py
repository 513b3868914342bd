"""Policies, catalogues and people by digest, and which of them are in force."""

import json
from collections.abc import Mapping

from sqlalchemy import ColumnElement, and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.audit_log import append
from adapters.schema import documents, published, rule_places
from adapters.store import Store
from contracts.audit import SYSTEM_TENANT, AuditRecord
from contracts.digest import Json, canonical, digest
from contracts.errors import Refused, Unknown
from contracts.ports import Clock


class StoreDocuments:
    """Implements ``contracts.ports.Documents``. Documents never change, so they are kept once read."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._kept: dict[str, Json] = {}

    async def document(self, digest: str) -> Json:
        if digest not in self._kept:
            async with self._store.read() as connection:
                self._kept[digest] = await read_document(connection, digest)
        return self._kept[digest]

    async def published(self, env: str, kind: str, name: str) -> str | None:
        async with self._store.read() as connection:
            return await in_force(connection, env, kind, name)

    async def routes(self, env: str) -> Mapping[str, str]:
        statement = select(published.c.name, published.c.digest).where(
            published.c.env == env, published.c.kind == "route"
        )
        async with self._store.read() as connection:
            return {row.name: row.digest for row in await connection.execute(statement)}

    async def publish(
        self, env: str, kind: str, name: str, document: Json, *, actor: str
    ) -> tuple[str, bool]:
        body = canonical(document).decode()
        identity = digest(document)

        async def work(connection: AsyncConnection) -> bool:
            if await in_force(connection, env, kind, name) == identity:
                return False
            known = await connection.scalar(select(documents.c.digest).where(documents.c.digest == identity))
            if known is None:
                await connection.execute(
                    insert(documents).values(digest=identity, kind=kind, name=name, body=body)
                )
            await self._put_in_force(connection, env, kind, name, identity, actor)
            return True

        return identity, await self._store.write(work)

    async def keep_places(self, subject: str, places: Mapping[str, tuple[str, int]]) -> None:
        """Remember in which file and line each rule of a published document stood; the last word stands."""
        body = canonical({rule: list(place) for rule, place in places.items()}).decode()

        async def work(connection: AsyncConnection) -> None:
            moved = await connection.execute(
                update(rule_places).where(rule_places.c.subject == subject).values(body=body)
            )
            if moved.rowcount == 0:
                await connection.execute(insert(rule_places).values(subject=subject, body=body))

        await self._store.write(work)

    async def places(self, subject: str) -> Mapping[str, tuple[str, int]]:
        """File and line by rule of the document with this digest, as it was published last."""
        async with self._store.read() as connection:
            body = await connection.scalar(select(rule_places.c.body).where(rule_places.c.subject == subject))
        found = {} if body is None else json.loads(body)
        return {rule: (file, line) for rule, (file, line) in found.items()}

    async def withdraw(self, env: str, kind: str, name: str, *, actor: str) -> None:
        """Take a document out of force: a route that the published directory no longer has."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(published).where(_names(env, kind, name)))
            await append(connection, self._record(env, kind, name, None, actor, "withdrawn"))

        await self._store.write(work)

    async def _put_in_force(
        self, connection: AsyncConnection, env: str, kind: str, name: str, identity: str, actor: str
    ) -> None:
        await connection.execute(delete(published).where(_names(env, kind, name)))
        now = self._clock.now_ms()
        await connection.execute(
            insert(published).values(env=env, kind=kind, name=name, digest=identity, actor=actor, at_ms=now)
        )
        await append(connection, self._record(env, kind, name, identity, actor, "published"))

    def _record(
        self, env: str, kind: str, name: str, identity: str | None, actor: str, outcome: str
    ) -> AuditRecord:
        return AuditRecord(
            kind="policy",
            at_ms=self._clock.now_ms(),
            tenant=SYSTEM_TENANT,
            env=env,
            actor=actor,
            outcome=outcome,
            route=name if kind == "route" else None,
            policy_digest=identity,
            reason=f"{kind} {name}",
        )


def _names(env: str, kind: str, name: str) -> ColumnElement[bool]:
    return and_(published.c.env == env, published.c.kind == kind, published.c.name == name)


async def in_force(connection: AsyncConnection, env: str, kind: str, name: str) -> str | None:
    """Digest of the document in force, seen by this transaction."""
    return await connection.scalar(select(published.c.digest).where(_names(env, kind, name)))


async def read_document(connection: AsyncConnection, identity: str) -> Json:
    """The document with this digest, recomputed from its body.

    Raises:
        Unknown: there is none.
        Refused: the stored body is not what the digest names.
    """
    body = await connection.scalar(select(documents.c.body).where(documents.c.digest == identity))
    if body is None:
        raise Unknown(f"no document has the digest {identity}")
    document = json.loads(body)
    if digest(document) != identity:
        raise Refused(
            f"the stored document {identity} was altered; publish it again and look into who changed it"
        )
    return document
