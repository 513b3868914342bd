"""A run's end: nothing stays open behind it, and its result says what it came to."""

from dataclasses import replace

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
from adapters.turn_rows import last_turn
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
    text, rules = await _told(connection, now, ending)
    result = canonical(await _result(connection, now, ending, text)).decode()
    await touch(
        connection,
        run.run_id,
        state=ending.state,
        stop_reason=ending.reason,
        ended_ms=at_ms,
        result=sealed(connection, run_place(run, "result"), result),
    )
    reason = text or ending.reason or ""
    told = run_record(run, at_ms, actor=actor, outcome=ending.state, reason=reason)
    await append(connection, replace(told, rules=rules))


async def _told(connection: AsyncConnection, run: RunRecord, ending: Ending) -> tuple[str, tuple[str, ...]]:
    """What there is to say of the end in a sentence, and the rules that asked for it."""
    turn = await last_turn(connection, run)
    if ending.reason is None or turn is None or turn.stop != ending.reason:
        return ending.text, ()
    return turn.text or ending.text, turn.rules


async def _result(connection: AsyncConnection, run: RunRecord, ending: Ending, text: str) -> Json:
    said = [text]
    if not text or ending.state == RunState.STOPPED:
        said.append(await _last_words(connection, run))
    if ending.state != RunState.COMPLETED:
        said.append(deeds(await read_actions(connection, run.run_id)))
    text = "\n".join(filter(None, said))
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
