"""Nothing stays open behind a run but questions about unknown writes: the rest is closed, and audited."""

from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.about import about
from adapters.audit_log import append
from adapters.notices import order_notice
from adapters.schema import actions, approvals
from adapters.standing import CLOSED
from contracts.approval import ApprovalKind, ApprovalState
from contracts.audit import AuditRecord
from contracts.run import Outcome, RunRecord
from contracts.tokens import Warrant


async def close_open(connection: AsyncConnection, run: Warrant | RunRecord, at_ms: int) -> None:
    """Waiting approvals are cancelled, actions without an outcome skipped; questions about writes stay."""
    await cancel_waiting(connection, run, at_ms)
    for row in await _open(connection, run):
        await _skip(connection, run, row, at_ms)
    await connection.execute(
        update(approvals)
        .where(approvals.c.run_id == run.run_id, approvals.c.state == ApprovalState.APPROVED)
        .values(version=approvals.c.version + 1)
    )


async def cancel_waiting(connection: AsyncConnection, run: Warrant | RunRecord, at_ms: int) -> None:
    """Nobody is asked any more to approve what this run proposed."""
    for row in await _waiting(connection, run):
        await _cancel(connection, run, row, at_ms)


async def _waiting(connection: AsyncConnection, run: Warrant | RunRecord) -> list[Row[Any]]:
    statement = (
        select(actions)
        .join(approvals, approvals.c.action_id == actions.c.action_id)
        .where(
            approvals.c.run_id == run.run_id,
            approvals.c.state == ApprovalState.WAITING,
            approvals.c.kind == ApprovalKind.ACTION,
        )
        .order_by(actions.c.step, actions.c.place)
    )
    return list(await connection.execute(statement))


async def _open(connection: AsyncConnection, run: Warrant | RunRecord) -> list[Row[Any]]:
    statement = (
        select(actions)
        .where(actions.c.run_id == run.run_id, actions.c.outcome.is_(None))
        .order_by(actions.c.step, actions.c.place)
    )
    return list(await connection.execute(statement))


async def _cancel(connection: AsyncConnection, run: Warrant | RunRecord, row: Row[Any], at_ms: int) -> None:
    await connection.execute(
        update(approvals)
        .where(approvals.c.approval_id == row.approval_id)
        .values(state=ApprovalState.CANCELLED, version=approvals.c.version + 1)
    )
    cancelled = AuditRecord(
        **about(run, row), kind="approval", at_ms=at_ms, actor="run", outcome=ApprovalState.CANCELLED
    )
    await append(connection, cancelled)


async def _skip(connection: AsyncConnection, run: Warrant | RunRecord, row: Row[Any], at_ms: int) -> None:
    await connection.execute(
        update(actions).where(actions.c.action_id == row.action_id).values(outcome=Outcome.SKIPPED)
    )
    ended = AuditRecord(
        **about(run, row),
        kind="result",
        at_ms=at_ms,
        actor="run",
        outcome=Outcome.SKIPPED,
        rules=CLOSED,
        reason="the run ended before it did",
    )
    await append(connection, ended)
    await order_notice(connection, run.run_id, row.action_id, Outcome.SKIPPED, at_ms)
