"""The audit log: append-only, one hash chain a tenant, appended inside the transaction that it records."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.contents import FORGOTTEN, Place, opened, sealed
from adapters.schema import audit, audit_heads, audit_tips
from adapters.store import Store
from contracts.audit import GENESIS, SYSTEM_TENANT, AuditRecord, ChainedRecord, SignedHead, link
from contracts.digest import canonical
from contracts.errors import Malformed

_OF_TENANTS: Final = frozenset({"run", "decision", "approval", "attempt", "result", "break_glass"})
"""Kinds of records whose reasons may quote a tenant's content, where they are in a tenant's chain."""


async def append(connection: AsyncConnection, record: AuditRecord) -> int:
    """Append to the tenant's chain within the caller's write transaction; the record's place, from 1."""
    tip = (
        await connection.execute(
            select(audit_tips.c.seq, audit_tips.c.hash).where(audit_tips.c.tenant == record.tenant)
        )
    ).first()
    seq, previous = (tip.seq + 1, tip.hash) if tip else (1, GENESIS)
    document = _document(connection, record, seq)
    hashed = link(previous, document)
    # The tip first: whoever races for this place is turned away here, and not by the record's own key.
    moved = (
        update(audit_tips).where(audit_tips.c.tenant == record.tenant).values(seq=seq, hash=hashed)
        if tip
        else insert(audit_tips).values(tenant=record.tenant, seq=seq, hash=hashed)
    )
    await connection.execute(moved)
    await connection.execute(
        insert(audit).values(
            tenant=record.tenant,
            seq=seq,
            env=record.env,
            run_id=record.run_id,
            tool=record.tool,
            route=record.route,
            body=canonical(document).decode(),
            previous=previous,
            hash=hashed,
            at_ms=record.at_ms,
        )
    )
    return seq


@dataclass(frozen=True, kw_only=True)
class AuditQuery:
    """Which records; None is any. ``after`` is the place of the last one seen."""

    tenant: str
    env: str | None = None
    run_id: str | None = None
    tool: str | None = None
    routes: Sequence[str] | None = None
    since_ms: int | None = None
    after: int = 0
    limit: int = 100


class StoreAuditLog:
    """Reads the log, appends lone records, and keeps the signed heads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def append(self, record: AuditRecord) -> None:
        """Append one record in a transaction of its own."""

        async def work(connection: AsyncConnection) -> None:
            await append(connection, record)

        await self._store.write(work)

    async def tenants(self) -> tuple[str, ...]:
        async with self._store.read() as connection:
            return tuple(await connection.scalars(select(audit_tips.c.tenant).order_by(audit_tips.c.tenant)))

    async def kept(self, query: AuditQuery) -> tuple[ChainedRecord, ...]:
        """Matching records in the order of the chain, as they are kept: enough to verify it."""
        async with self._store.read() as connection:
            return tuple(_chained(row) for row in await connection.execute(_selected(query)))

    async def search(self, query: AuditQuery) -> tuple[ChainedRecord, ...]:
        """Matching records in the order of the chain, each with its reason to be read."""

        async def work(connection: AsyncConnection) -> tuple[ChainedRecord, ...]:
            found = [_chained(row) for row in await connection.execute(_selected(query))]
            return tuple([replace(one, reason=_reason(connection, one)) for one in found])

        return await self._store.look(work)

    async def tips(self, run_ids: Sequence[str]) -> Mapping[str, int]:
        """The place of each run's last record."""
        statement = (
            select(audit.c.run_id, func.max(audit.c.seq).label("seq"))
            .where(audit.c.run_id.in_(run_ids))
            .group_by(audit.c.run_id)
        )
        async with self._store.read() as connection:
            return {row.run_id: row.seq for row in await connection.execute(statement)}

    async def heads(self, tenant: str) -> tuple[SignedHead, ...]:
        """Signed heads in the order of the chain."""
        statement = select(audit_heads).where(audit_heads.c.tenant == tenant).order_by(audit_heads.c.seq)
        async with self._store.read() as connection:
            return tuple(
                SignedHead(tenant=row.tenant, seq=row.seq, hash=row.hash, token=row.token)
                for row in await connection.execute(statement)
            )

    async def unsigned(self) -> tuple[tuple[str, int, str], ...]:
        """(tenant, place, hash) of each chain's tip that no head covers yet."""
        statement = (
            select(audit_tips)
            .outerjoin(
                audit_heads,
                (audit_heads.c.tenant == audit_tips.c.tenant) & (audit_heads.c.seq == audit_tips.c.seq),
            )
            .where(audit_heads.c.seq.is_(None))
        )
        async with self._store.read() as connection:
            return tuple((row.tenant, row.seq, row.hash) for row in await connection.execute(statement))

    async def keep_head(self, head: SignedHead, at_ms: int) -> None:
        """Keep a signed head; it counts once it is anchored."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(
                insert(audit_heads).values(
                    tenant=head.tenant,
                    seq=head.seq,
                    hash=head.hash,
                    token=head.token,
                    anchored=False,
                    at_ms=at_ms,
                )
            )

        await self._store.write(work)

    async def unanchored(self) -> tuple[SignedHead, ...]:
        statement = select(audit_heads).where(audit_heads.c.anchored.is_(False)).order_by(audit_heads.c.seq)
        async with self._store.read() as connection:
            return tuple(
                SignedHead(tenant=row.tenant, seq=row.seq, hash=row.hash, token=row.token)
                for row in await connection.execute(statement)
            )

    async def mark_anchored(self, head: SignedHead) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(
                update(audit_heads)
                .where(audit_heads.c.tenant == head.tenant, audit_heads.c.seq == head.seq)
                .values(anchored=True)
            )

        await self._store.write(work)


def _document(connection: AsyncConnection, record: AuditRecord, seq: int) -> dict[str, Any]:
    """The record as it is kept and hashed: without the tenant's key it verifies, and its reason is closed.

    What operators say of switches, policies, keys and the store is no tenant's content, and stays readable.
    """
    document = record.document()
    if record.kind not in _OF_TENANTS or record.tenant == SYSTEM_TENANT:
        return document
    return document | {"reason": sealed(connection, _place(document, seq), record.reason)}


def _place(document: Mapping[str, Any], seq: int) -> Place:
    return Place(
        tenant=document["tenant"],
        env=document["env"],
        column="audit.reason",
        row=f"{document['tenant']}/{seq}",
    )


def _reason(connection: AsyncConnection, chained: ChainedRecord) -> str:
    """Of a record that somebody altered, what stands there: it is for ``audit verify`` to say so."""
    record = chained.record
    try:
        found = opened(connection, _place(record, chained.seq), record["reason"])
    except Malformed:
        return str(record["reason"])
    return FORGOTTEN if found is None else found


def _selected(query: AuditQuery) -> Select[Any]:
    return (
        select(audit)
        .where(audit.c.tenant == query.tenant, audit.c.seq > query.after, *_conditions(query))
        .order_by(audit.c.seq)
        .limit(query.limit)
    )


def _conditions(query: AuditQuery) -> list[ColumnElement[bool]]:
    wanted: list[tuple[Any, Any]] = [
        (audit.c.env, query.env),
        (audit.c.run_id, query.run_id),
        (audit.c.tool, query.tool),
    ]
    conditions: list[ColumnElement[bool]] = [column == value for column, value in wanted if value is not None]
    if query.routes is not None:
        conditions.append(audit.c.route.in_(list(query.routes)))
    if query.since_ms is not None:
        conditions.append(audit.c.at_ms >= query.since_ms)
    return conditions


def _chained(row: Row[Any]) -> ChainedRecord:
    return ChainedRecord(seq=row.seq, record=json.loads(row.body), previous=row.previous, hash=row.hash)
