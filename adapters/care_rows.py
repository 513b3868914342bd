"""How people answered, as the books have it: their decisions, and the marks of the audit on them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.schema import approvals, audit, decisions
from adapters.store import Store
from contracts.approval import Answer, ApprovalKind
from policies.care import Decided
from policies.reading import FAST

_ANSWERS: Final = (Answer.APPROVE, Answer.DENY, Answer.WITHDRAW)


@dataclass(frozen=True, kw_only=True)
class CareQuery:
    """Whose answers of an environment since when, the newest first; None is any."""

    env: str
    tenant: str | None
    routes: Sequence[str] | None
    since_ms: int
    limit: int


class StoreCare:
    """Two queries, however many people there are."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def answers(self, query: CareQuery) -> tuple[Decided, ...]:
        """Answers to questions whether a write may happen."""
        async with self._store.read() as connection:
            fast = await _marked(connection, query)
            wanted = _answered(query).order_by(decisions.c.at_ms.desc()).limit(query.limit)
            return tuple(_decided(row, fast) for row in await connection.execute(wanted))


def _answered(query: CareQuery) -> Select[Any]:
    return (
        select(decisions, approvals.c.requested_ms, approvals.c.shown_ms)
        .join(approvals, approvals.c.approval_id == decisions.c.approval_id)
        .where(_within(query))
    )


def _within(query: CareQuery) -> ColumnElement[bool]:
    within = and_(
        approvals.c.env == query.env,
        approvals.c.kind == ApprovalKind.ACTION,
        decisions.c.decision.in_(_ANSWERS),
        decisions.c.at_ms >= query.since_ms,
    )
    if query.tenant is not None:
        within = and_(within, approvals.c.tenant == query.tenant)
    if query.routes is not None:
        within = and_(within, approvals.c.route.in_(query.routes))
    return within


async def _marked(connection: AsyncConnection, query: CareQuery) -> frozenset[tuple[str, str]]:
    """Approval and person of each approval that the audit marks as sooner than it can be read.

    The runs come first: they lead to their records by an index, the time alone does not.
    """
    decided = (
        select(approvals.c.run_id)
        .join(decisions, decisions.c.approval_id == approvals.c.approval_id)
        .where(_within(query))
    )
    marked = select(audit.c.body).where(
        audit.c.run_id.in_(decided), audit.c.at_ms >= query.since_ms, audit.c.body.contains(f'"{FAST}"')
    )
    records = [json.loads(body) for body in await connection.scalars(marked)]
    return frozenset(
        (record["approval_id"], record["actor"])
        for record in records
        if FAST in record["rules"] and record["outcome"] == Answer.APPROVE
    )


def _decided(row: Row[Any], fast: frozenset[tuple[str, str]]) -> Decided:
    """Who decided before the card stood in Slack could read it elsewhere since it was asked for."""
    shown = row.shown_ms is not None and row.shown_ms <= row.at_ms
    answer = Answer(row.decision)
    return Decided(
        principal=row.approver,
        answer=answer,
        at_ms=row.at_ms,
        readable_ms=row.shown_ms if shown else row.requested_ms,
        fast=answer is Answer.APPROVE and (row.approval_id, row.approver) in fast,
    )
