"""A session's end: nothing stays open behind it, everybody is told, and its report is kept."""

from dataclasses import replace

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.action_rows import read_actions
from adapters.actions import conclude
from adapters.alerts import raise_alert, session_alert
from adapters.audit_log import append
from adapters.contents import sealed
from adapters.opening_rows import read_session, report_place, session_record
from adapters.run_rows import read_session_run, touch
from adapters.schema import claims, openings
from adapters.standing import CLOSED
from contracts.break_glass import SessionRecord, SessionState
from contracts.break_glass_ports import End
from contracts.digest import Json, canonical, digest
from contracts.errors import Conflict, Unavailable
from contracts.ledger import Conclusion
from contracts.run import Outcome, RunState
from policies.break_glass_report import report
from policies.break_glass_words import ended

_ENDS = {
    SessionState.WAITING: (SessionState.REFUSED, SessionState.LAPSED),
    SessionState.OPEN: (SessionState.CLOSED,),
}
_SKIPPED = Conclusion(
    outcome=Outcome.SKIPPED,
    content="",
    text="the session ended before it was sent",
    duration_ms=0,
    rules=CLOSED,
)


async def end(connection: AsyncConnection, found: SessionRecord, end: End, now_ms: int) -> SessionRecord:
    """End it in the caller's transaction; the first end stands.

    Raises:
        Conflict: it does not end so, from where it is.
        Unavailable: one of its acts is in hand.
    """
    if found.state.ended:
        return found
    if end.state not in _ENDS[found.state]:
        raise Conflict(f"the session is {found.state}, so it does not end as {end.state}")
    if found.state is SessionState.OPEN:
        await close_acts(connection, found.opening.session_id, now_ms)
    await put_end(connection, found, end, now_ms)
    return await read_session(connection, found.opening.session_id)


async def close_acts(connection: AsyncConnection, session_id: str, now_ms: int) -> None:
    """Skip what was never sent, and end the row that stands among the runs.

    Raises Unavailable where an act was claimed and not settled.
    """
    in_hand = select(claims.c.key_hash).where(claims.c.run_id == session_id, claims.c.state == "claimed")
    if (await connection.execute(in_hand)).first() is not None:
        raise Unavailable(f"an act of {session_id} is on its way; its answer comes first")
    run = await read_session_run(connection, session_id)
    for action in await read_actions(connection, session_id):
        if action.outcome is None:
            skipped = replace(_SKIPPED, attempts=action.attempts)
            await conclude(connection, run, action.action_id, skipped, now_ms)
    await touch(connection, session_id, state=RunState.COMPLETED, ended_ms=now_ms)


async def put_end(connection: AsyncConnection, found: SessionRecord, end: End, now_ms: int) -> None:
    """The session's own row, its report, its audit record and what everybody is told.

    Only one that was open has a report; its acts have come to their ends.
    """
    opening, was_open = found.opening, found.state is SessionState.OPEN
    told = await _reported(connection, found, end, now_ms) if was_open else None
    kept = None if told is None else sealed(connection, report_place(opening), canonical(told).decode())
    identity = None if told is None else digest(told)
    await connection.execute(
        update(openings)
        .where(openings.c.session_id == opening.session_id)
        .values(
            state=end.state,
            ended_ms=now_ms,
            ended_by=end.actor,
            ended_why=end.why,
            report=kept,
            report_digest=identity,
        )
    )
    reason = _reason(end.why, identity)
    await append(
        connection, session_record(opening, now_ms, actor=end.actor, outcome=end.state, reason=reason)
    )
    words = ended(opening, end.state, end.actor, end.why, told)
    await raise_alert(connection, session_alert(opening, words, now_ms, actor=end.actor))


async def _reported(connection: AsyncConnection, found: SessionRecord, end: End, now_ms: int) -> Json:
    session_id = found.opening.session_id
    refused = await connection.scalar(select(openings.c.refused).where(openings.c.session_id == session_id))
    settled = await connection.execute(
        select(claims.c.action_id, claims.c.settled_ms).where(
            claims.c.run_id == session_id, claims.c.settled_ms.is_not(None)
        )
    )
    return report(
        found,
        await read_actions(connection, session_id),
        ended_ms=now_ms,
        ended_by=end.actor,
        why=end.why,
        refused=refused or 0,
        settled={row.action_id: row.settled_ms for row in settled},
    )


def _reason(why: str, report_digest: Json) -> str:
    return why if report_digest is None else f"{why.rstrip('.')}; report {report_digest}"
