"""Policies, catalogues and people by digest, and which of them are in force."""

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from sqlalchemy import ColumnElement, and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.audit_log import append
from adapters.schema import documents, published, rule_places
from adapters.store import Store
from contracts.audit import SYSTEM_TENANT, AuditRecord
from contracts.digest import Json, canonical, digest
from contracts.errors import Refused, Unknown
from contracts.ports import Clock

Key: TypeAlias = tuple[str, str]
"""Kind and name of a published document."""


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
        key, now = (kind, name), self._clock.now_ms()
        identity = digest(document)

        async def work(connection: AsyncConnection) -> bool:
            if await in_force(connection, env, kind, name) == identity:
                return False
            await keep_document(connection, key, document)
            await put_in_force(connection, env, key, identity, actor, now)
            await append(connection, publication(env, key, identity, actor, now))
            return True

        return identity, await self._store.write(work)

    async def places(self, subject: str) -> Mapping[str, tuple[str, int]]:
        """File and line by rule of the document with this digest, as it was published last."""
        async with self._store.read() as connection:
            body = await connection.scalar(select(rule_places.c.body).where(rule_places.c.subject == subject))
        found = {} if body is None else json.loads(body)
        return {rule: (file, line) for rule, (file, line) in found.items()}


def _named(env: str, kind: str, name: str) -> ColumnElement[bool]:
    return and_(published.c.env == env, published.c.kind == kind, published.c.name == name)


async def keep_document(connection: AsyncConnection, key: Key, document: Json) -> None:
    """Keep it under its digest, if it is not kept yet."""
    identity = digest(document)
    known = await connection.scalar(select(documents.c.digest).where(documents.c.digest == identity))
    if known is None:
        row = {"digest": identity, "kind": key[0], "name": key[1], "body": canonical(document).decode()}
        await connection.execute(insert(documents).values(row))


async def put_in_force(
    connection: AsyncConnection, env: str, key: Key, identity: str, actor: str, now_ms: int
) -> None:
    """In the place of what is in force under that name; whoever calls audits it."""
    await take_out_of_force(connection, env, key)
    row = {"env": env, "kind": key[0], "name": key[1], "digest": identity, "actor": actor, "at_ms": now_ms}
    await connection.execute(insert(published).values(row))


async def take_out_of_force(connection: AsyncConnection, env: str, key: Key) -> None:
    await connection.execute(delete(published).where(_named(env, *key)))


async def keep_rule_places(
    connection: AsyncConnection, subject: str, places: Mapping[str, tuple[str, int]]
) -> None:
    body = canonical({rule: list(place) for rule, place in places.items()}).decode()
    moved = await connection.execute(
        update(rule_places).where(rule_places.c.subject == subject).values(body=body)
    )
    if moved.rowcount == 0:
        await connection.execute(insert(rule_places).values(subject=subject, body=body))


def publication(
    env: str,
    key: Key,
    identity: str | None,
    actor: str,
    now_ms: int,
    *,
    rules: Sequence[str] = (),
    text: str = "",
) -> AuditRecord:
    """The audit record of a document that came into force, or, without a digest, went out of it."""
    return AuditRecord(
        kind="policy",
        at_ms=now_ms,
        tenant=SYSTEM_TENANT,
        env=env,
        actor=actor,
        outcome="withdrawn" if identity is None else "published",
        route=key[1] if key[0] == "route" else None,
        policy_digest=identity,
        rules=tuple(rules),
        reason=f"{key[0]} {key[1]}" + (f": {text}" if text else ""),
    )


async def in_force(connection: AsyncConnection, env: str, kind: str, name: str) -> str | None:
    """Digest of the document in force, seen by this transaction."""
    return await connection.scalar(select(published.c.digest).where(_named(env, kind, name)))


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
