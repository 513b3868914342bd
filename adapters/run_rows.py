"""A run's row: read, changed visibly, and told to the audit."""

import json
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.audit_log import append
from adapters.contents import FORGOTTEN, Place, opened
from adapters.schema import runs
from contracts.audit import AuditRecord
from contracts.break_glass import is_session
from contracts.budget import Spend
from contracts.digest import Json
from contracts.errors import TokenRefused, Unknown
from contracts.run import RunRecord, RunState, StopReason
from contracts.tokens import Warrant


async def carry_on(connection: AsyncConnection, run_id: str, at_ms: int, **values: Any) -> None:
    """Show a run that acts as running, and audit it where it waited; one that has ended stays as it ended."""
    run = await read_run(connection, run_id)
    waited = not run.state.ended and run.state is not RunState.RUNNING
    await touch(connection, run_id, state=RunState.RUNNING if waited else run.state, **values)
    if waited:
        await append(connection, run_record(run, at_ms, actor="run", outcome=RunState.RUNNING))


async def touch(connection: AsyncConnection, run_id: str, **values: Any) -> None:
    """Change a run's row, visibly."""
    await connection.execute(
        update(runs).where(runs.c.run_id == run_id).values(version=runs.c.version + 1, **values)
    )


async def read_run(connection: AsyncConnection, run_id: str) -> RunRecord:
    """The run as this transaction sees it. Raises Unknown, of a session of break-glass too: it is no run."""
    if is_session(run_id):
        raise Unknown(f"there is no run {run_id}")
    return await _read(connection, run_id)


async def read_session_run(connection: AsyncConnection, session_id: str) -> RunRecord:
    """The row that stands among the runs for a session of break-glass. Raises Unknown."""
    if not is_session(session_id):
        raise Unknown(f"there is no session {session_id} of break-glass")
    return await _read(connection, session_id)


async def _read(connection: AsyncConnection, run_id: str) -> RunRecord:
    row = (await connection.execute(select(runs).where(runs.c.run_id == run_id))).first()
    if row is None:
        raise Unknown(f"there is no run {run_id}")
    return record(connection, row)


async def read_open_run(connection: AsyncConnection, run_id: str) -> RunRecord:
    """The run, if it goes on: whoever was held up until after its end changes nothing of it.

    Raises:
        TokenRefused: it has ended.
    """
    run = await read_run(connection, run_id)
    if run.state.ended:
        raise TokenRefused("the run has ended")
    return run


def run_record(
    run: Warrant | RunRecord, at_ms: int, *, actor: str, outcome: str, reason: str = ""
) -> AuditRecord:
    """An audit record about the run itself."""
    return AuditRecord(
        kind="run",
        at_ms=at_ms,
        tenant=run.tenant,
        env=run.env,
        actor=actor,
        outcome=outcome,
        request_id=run.request_id,
        run_id=run.run_id,
        route=run.route,
        policy_digest=run.policy_digest,
        reason=reason,
    )


def run_place(run: Warrant | RunRecord | Row[Any], column: str) -> Place:
    """Where content of a run's row lies."""
    return Place(tenant=run.tenant, env=run.env, column=f"runs.{column}", row=run.run_id)


def cancel_reason(connection: AsyncConnection, row: Row[Any]) -> str | None:
    """Why the run of this row is to be cancelled; None: it is not."""
    if row.cancel_reason is None:
        return None
    found = opened(connection, run_place(row, "cancel_reason"), row.cancel_reason)
    return FORGOTTEN if found is None else found


def _result(connection: AsyncConnection, row: Row[Any]) -> Json:
    if row.result is None:
        return None
    found = opened(connection, run_place(row, "result"), row.result)
    return {"text": FORGOTTEN, "data": {}, "artifacts": []} if found is None else json.loads(found)


def record(connection: AsyncConnection, row: Row[Any]) -> RunRecord:
    """A run's row as its record."""
    given = opened(connection, run_place(row, "input"), row.input)
    return RunRecord(
        run_id=row.run_id,
        request_id=row.request_id,
        tenant=row.tenant,
        env=row.env,
        route=row.route,
        caller=row.caller,
        on_behalf_of=row.on_behalf_of,
        policy_digest=row.policy_digest,
        catalogue_digest=row.catalogue_digest,
        warrant=row.warrant,
        input=None if given is None else json.loads(given),
        state=RunState(row.state),
        stop_reason=StopReason(row.stop_reason) if row.stop_reason else None,
        first_execution=row.first_execution,
        cancel_reason=cancel_reason(connection, row),
        budget=json.loads(row.budget),
        spend=Spend(steps=row.steps, seconds=row.spent_ms / 1000, usd=row.spent_usd, denials=row.denials),
        created_ms=row.created_ms,
        started_ms=row.started_ms,
        ended_ms=row.ended_ms,
        result=_result(connection, row),
        version=row.version,
        undoes=row.undoes,
    )
