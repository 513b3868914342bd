"""What a breaker counts: how the route's runs ended, what was denied, unknown and spent, of all tenants."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Self

from sqlalchemy import Row, Select, and_, func, literal, or_, select, union, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.schema import actions, approvals, attempts, claims, runs
from contracts.approval import ApprovalKind
from contracts.breaker import BreakerRecord
from contracts.run import Outcome, RunState, StopReason
from policies.breaker import Counts, since
from policies.limits import total
from policies.route import Breaker

_FAILURES: Final = (
    StopReason.DENIALS,
    StopReason.LOOP,
    StopReason.MODEL_REFUSED,
    StopReason.RECONCILIATION,
)
"""So stopped, a run did not do its work; a budget that ran out and a person's no are no failures."""


_AT_ONCE: Final = 200
"""Routes in one query: SQLite takes 500 terms in one, PostgreSQL 65,535 parameters."""


@dataclass(frozen=True, kw_only=True)
class Counting:
    """What is counted for one route."""

    route: str
    breaker: Breaker
    #: Unix milliseconds: what happened before does not count.
    since_ms: int

    @classmethod
    def of(cls, breaker: Breaker, record: BreakerRecord, now_ms: int) -> Self:
        return cls(route=record.route, breaker=breaker, since_ms=since(breaker, record, now_ms))


async def counts(connection: AsyncConnection, env: str, wanted: Sequence[Counting]) -> dict[str, Counts]:
    """By route. One query for many; dollars, which are text, take another where a breaker asks for them."""
    found: dict[str, Row[Any]] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        rows = await connection.execute(union_all(*(_counted(env, one) for one in some)))
        found |= {row.route: row for row in rows}
    return {
        one.route: Counts(
            runs=found[one.route].runs,
            failed=found[one.route].failed,
            denials=found[one.route].denials,
            unknowns=found[one.route].unknowns,
            usd=Decimal(0) if one.breaker.usd is None else await _usd(connection, env, one),
        )
        for one in wanted
    }


def _counted(env: str, one: Counting) -> Select[Any]:
    route, since_ms = one.route, one.since_ms
    return select(
        literal(route).label("route"),
        _runs(env, route, since_ms).scalar_subquery().label("runs"),
        _runs(env, route, since_ms).where(_FAILED).scalar_subquery().label("failed"),
        _denials(env, route, since_ms).scalar_subquery().label("denials"),
        _unknowns(env, route, since_ms).scalar_subquery().label("unknowns"),
    )


_FAILED: Final = or_(
    runs.c.state == RunState.FAILED,
    and_(runs.c.state == RunState.STOPPED, runs.c.stop_reason.in_(_FAILURES)),
)


def _runs(env: str, route: str, since_ms: int) -> Select[int]:
    return (
        select(func.count())
        .select_from(runs)
        .where(runs.c.env == env, runs.c.route == route, runs.c.ended_ms > since_ms)
    )


def _denials(env: str, route: str, since_ms: int) -> Select[int]:
    return (
        select(func.count())
        .select_from(actions)
        .where(
            actions.c.env == env,
            actions.c.route == route,
            actions.c.outcome == Outcome.DENIED,
            actions.c.created_ms > since_ms,
        )
    )


def _unknowns(env: str, route: str, since_ms: int) -> Select[int]:
    """Writes that nobody knows of, and those that people were asked about, whatever they said."""
    unknown = select(claims.c.action_id).where(
        claims.c.state == Outcome.UNKNOWN,
        claims.c.env == env,
        claims.c.route == route,
        claims.c.claimed_ms > since_ms,
    )
    asked = select(approvals.c.action_id).where(
        approvals.c.kind == ApprovalKind.RECONCILE,
        approvals.c.env == env,
        approvals.c.route == route,
        approvals.c.requested_ms > since_ms,
    )
    return select(func.count()).select_from(union(unknown, asked).subquery())


async def _usd(connection: AsyncConnection, env: str, one: Counting) -> Decimal:
    charged = (
        select(attempts.c.usd)
        .join(runs, runs.c.run_id == attempts.c.run_id)
        .where(
            attempts.c.started_ms > one.since_ms,
            attempts.c.open.is_(False),
            runs.c.env == env,
            runs.c.route == one.route,
        )
    )
    return total(Decimal(usd) for usd in await connection.scalars(charged))
