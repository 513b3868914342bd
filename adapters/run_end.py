"""A run's end: nothing stays open behind it, and its result says what it came to."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.action_rows import artifacts_of, read_actions
from adapters.audit_log import append
from adapters.closing import close_open
from adapters.contents import FORGOTTEN, sealed
from adapters.messages import body
from adapters.questions import leave_open
from adapters.run_rows import read_run, run_place, run_record, touch
from adapters.schema import messages
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
    now = await read_run(connection, run.run_id)
    if now.state.ended:
        return
    await leave_open(connection, run, at_ms)
    await close_open(connection, run, at_ms)
    result = canonical(await _result(connection, now, ending)).decode()
    await touch(
        connection,
        run.run_id,
        state=ending.state,
        stop_reason=ending.reason,
        ended_ms=at_ms,
        result=sealed(connection, run_place(run, "result"), result),
    )
    told = run_record(run, at_ms, actor=actor, outcome=ending.state, reason=ending.reason or ending.text)
    await append(connection, told)


async def _result(connection: AsyncConnection, run: RunRecord, ending: Ending) -> Json:
    text = ending.text or await _last_words(connection, run)
    if ending.state != RunState.COMPLETED:
        said = deeds(await read_actions(connection, run.run_id))
        text = "\n".join(part for part in (text, said) if part)
    return {"text": text, "data": {}, "artifacts": await artifacts_of(connection, run.run_id)}


async def _last_words(connection: AsyncConnection, run: RunRecord) -> str:
    last = await connection.execute(
        select(messages.c.seq, messages.c.body)
        .where(messages.c.run_id == run.run_id, messages.c.role == Role.ASSISTANT)
        .order_by(messages.c.seq.desc())
        .limit(1)
    )
    row = last.first()
    if row is None:
        return ""
    said = body(connection, run, row.seq, row.body)
    return FORGOTTEN if said is None else str(said["text"])
