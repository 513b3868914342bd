"""A run's end: nothing stays open behind it, and its result says what it came to."""

import json

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.actions import read_actions
from adapters.audit_log import append
from adapters.closing import close_open
from adapters.questions import leave_open
from adapters.run_rows import read_run, run_record, touch
from adapters.schema import actions, messages
from contracts.digest import Json, canonical
from contracts.run import RunRecord, RunState
from contracts.tokens import Warrant
from contracts.transcript import Role
from contracts.wire import Ending
from policies.deeds import deeds


async def end(
    connection: AsyncConnection, run: Warrant | RunRecord, ending: Ending, at_ms: int, *, actor: str
) -> None:
    """End it in the caller's transaction; the first end stands."""
    if (await read_run(connection, run.run_id)).state.ended:
        return
    await leave_open(connection, run, at_ms)
    await close_open(connection, run, at_ms)
    await touch(
        connection,
        run.run_id,
        state=ending.state,
        stop_reason=ending.reason,
        ended_ms=at_ms,
        result=canonical(await _result(connection, run.run_id, ending)).decode(),
    )
    told = run_record(run, at_ms, actor=actor, outcome=ending.state, reason=ending.reason or ending.text)
    await append(connection, told)


async def _result(connection: AsyncConnection, run_id: str, ending: Ending) -> Json:
    last = await connection.scalar(
        select(messages.c.body)
        .where(messages.c.run_id == run_id, messages.c.role == Role.ASSISTANT)
        .order_by(messages.c.seq.desc())
        .limit(1)
    )
    text = ending.text or (json.loads(last)["text"] if last else "")
    if ending.state != RunState.COMPLETED:
        said = deeds(await read_actions(connection, run_id))
        text = "\n".join(part for part in (text, said) if part)
    return {"text": text, "data": {}, "artifacts": await _artifacts(connection, run_id)}


async def _artifacts(connection: AsyncConnection, run_id: str) -> list[Json]:
    """What the run's actions made, in the order of their proposal, each with the action that made it."""
    rows = await connection.execute(
        select(actions.c.step, actions.c.tool, actions.c.artifact)
        .where(actions.c.run_id == run_id, actions.c.artifact.is_not(None))
        .order_by(actions.c.step, actions.c.place)
    )
    return [
        {**json.loads(row.artifact), "action": {"step": row.step, "tool": row.tool}} for row in rows.all()
    ]
