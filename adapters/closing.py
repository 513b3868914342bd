"""Nothing stays open behind a run: what its end leaves undecided or unsettled is closed, and audited."""

from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.about import about
from adapters.audit_log import append
from adapters.schema import actions, approvals, claims
from contracts.approval import ApprovalState
from contracts.audit import AuditRecord
from contracts.run import Outcome, WarrantedRun


async def close_open(connection: AsyncConnection, run: WarrantedRun, at_ms: int) -> None:
    """Waiting approvals are cancelled, unsettled claims are unknown, all else that is open is skipped."""
    for row in await _waiting(connection, run):
        await _cancel(connection, run, row, at_ms)
    unsettled = select(claims.c.action_id).where(
        claims.c.run_id == run.warrant.run_id, claims.c.state == "claimed"
    )
    unknown = set(await connection.scalars(unsettled))
    for row in await _open(connection, run):
        outcome = Outcome.UNKNOWN if row.action_id in unknown else Outcome.SKIPPED
        await _conclude(connection, run, row, outcome, at_ms)
    await connection.execute(
        update(claims)
        .where(claims.c.run_id == run.warrant.run_id, claims.c.state == "claimed")
        .values(state="unknown")
    )
    await connection.execute(
        update(approvals)
        .where(approvals.c.run_id == run.warrant.run_id, approvals.c.state == ApprovalState.APPROVED)
        .values(version=approvals.c.version + 1)
    )


async def _waiting(connection: AsyncConnection, run: WarrantedRun) -> list[Row[Any]]:
    statement = (
        select(actions)
        .join(approvals, approvals.c.action_id == actions.c.action_id)
        .where(approvals.c.run_id == run.warrant.run_id, approvals.c.state == ApprovalState.WAITING)
        .order_by(actions.c.step, actions.c.place)
    )
    return list(await connection.execute(statement))


async def _open(connection: AsyncConnection, run: WarrantedRun) -> list[Row[Any]]:
    statement = (
        select(actions)
        .where(actions.c.run_id == run.warrant.run_id, actions.c.outcome.is_(None))
        .order_by(actions.c.step, actions.c.place)
    )
    return list(await connection.execute(statement))


async def _cancel(connection: AsyncConnection, run: WarrantedRun, row: Row[Any], at_ms: int) -> None:
    await connection.execute(
        update(approvals)
        .where(approvals.c.approval_id == row.approval_id)
        .values(state=ApprovalState.CANCELLED, version=approvals.c.version + 1)
    )
    cancelled = AuditRecord(
        **about(run, row), kind="approval", at_ms=at_ms, actor="run", outcome=ApprovalState.CANCELLED
    )
    await append(connection, cancelled)


async def _conclude(
    connection: AsyncConnection, run: WarrantedRun, row: Row[Any], outcome: Outcome, at_ms: int
) -> None:
    await connection.execute(
        update(actions).where(actions.c.action_id == row.action_id).values(outcome=outcome)
    )
    ended = AuditRecord(
        **about(run, row),
        kind="result",
        at_ms=at_ms,
        actor="run",
        outcome=outcome,
        reason="the run ended before it did",
    )
    await append(connection, ended)
