"""After a restore from backup: nothing goes on, and what the lost books said is not guessed.

Between the backup and the restore runs may have spent, approved and written. So no run that was open in the
backup goes on: its spend is not known any more. A write that was frozen and has no end in the books may have
been sent since: it is unknown, blocks its target, and people are asked about it. Sessions of break-glass end
the same way, and nothing is asked in the name of a run: whoever is of the group settles what is unknown.
"""

from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters import epoch
from adapters.action_rows import WITH_RUN, frozen_of
from adapters.actions import conclude
from adapters.audit_log import append
from adapters.claim_rows import doubt
from adapters.closing import cancel_waiting
from adapters.letters import order
from adapters.opening_rows import read_unended
from adapters.questions import break_off, leave_open
from adapters.run_rows import read_session_run, record, run_record, touch
from adapters.schema import actions, audit_tips, claims, runs
from adapters.session_end import close_acts, put_end
from adapters.store import Store
from contracts.action import Frozen
from contracts.audit import SYSTEM_TENANT, AuditRecord
from contracts.break_glass import ROUTE, SessionRecord, SessionState
from contracts.break_glass_ports import End
from contracts.ledger import Conclusion
from contracts.outbox import LetterKind
from contracts.ports import Clock
from contracts.run import Outcome, RunRecord

CANCELLED: Final = "the store was restored from a backup; start it again under a new key"
ENDED: Final = "the store was restored from a backup"
_DOUBTFUL: Final = Conclusion(
    outcome=Outcome.UNKNOWN,
    content="",
    text="it was proposed before the store was restored from a backup; the books do not say what came of it",
    duration_ms=0,
)


async def restored(store: Store, clock: Clock, *, env: str, actor: str, reason: str) -> int:
    """Begin a new epoch after a restore; how many writes are unknown now.

    Say it before any process is started on the restored store. Grants given before are void, open runs are
    cancelled, and every tenant's audit says so.
    """

    async def work(connection: AsyncConnection) -> int:
        now = clock.now_ms()
        await epoch.begin(connection, actor, now)
        found = await connection.execute(
            select(runs).where(runs.c.env == env, runs.c.ended_ms.is_(None), runs.c.route != ROUTE)
        )
        doubtful = [await _give_up(connection, record(connection, row), actor, now) for row in found.all()]
        doubtful += [
            await _end_session(connection, session, actor, now)
            for session in await read_unended(connection, env)
        ]
        tenants = {SYSTEM_TENANT, *await connection.scalars(select(audit_tips.c.tenant))}
        for tenant in sorted(tenants):
            await append(connection, _audited(tenant, env, actor, reason, now))
        return sum(doubtful)

    return await store.write(work)


async def _give_up(connection: AsyncConnection, run: RunRecord, actor: str, now_ms: int) -> int:
    """Cancel the run, and ask about each of its writes that may have been sent; how many those are."""
    doubtful = await _doubt_open(connection, run, now_ms)
    await cancel_waiting(connection, run, now_ms)
    await leave_open(connection, run, now_ms)
    if run.cancel_reason is None:
        await touch(connection, run.run_id, cancel_reason=CANCELLED)
        await order(connection, LetterKind.CANCEL, run.run_id, run_id=run.run_id, next_ms=now_ms)
        told = run_record(run, now_ms, actor=actor, outcome="cancel", reason=CANCELLED)
        await append(connection, told)
    return doubtful


async def _end_session(connection: AsyncConnection, session: SessionRecord, actor: str, now_ms: int) -> int:
    """End it, and leave each of its acts that may have been sent unknown; how many."""
    if session.state is SessionState.WAITING:
        await put_end(connection, session, End(state=SessionState.LAPSED, actor=actor, why=ENDED), now_ms)
        return 0
    run = await read_session_run(connection, session.opening.session_id)
    doubtful = await _doubt_open(connection, run, now_ms)
    await break_off(connection, run, now_ms)
    await close_acts(connection, run.run_id, now_ms)
    await put_end(connection, session, End(state=SessionState.CLOSED, actor=actor, why=ENDED), now_ms)
    return doubtful


async def _doubt_open(connection: AsyncConnection, run: RunRecord, now_ms: int) -> int:
    """Say of each write that may have been sent that nobody knows; how many those are."""
    rows = await connection.execute(
        WITH_RUN.add_columns(claims.c.state.label("claim"), claims.c.fence)
        .outerjoin(claims, claims.c.key_hash == actions.c.key_hash)
        .where(actions.c.run_id == run.run_id, actions.c.frozen.is_not(None))
        .where(actions.c.outcome.is_(None) | (actions.c.outcome == Outcome.UNKNOWN))
        .order_by(actions.c.step, actions.c.place)
    )
    doubtful = rows.all()
    for row in doubtful:
        await _doubt(connection, run, row, now_ms)
    return len(doubtful)


async def _doubt(connection: AsyncConnection, run: RunRecord, row: Row[Any], now_ms: int) -> None:
    """A claimed write keeps its claim; any other gets one that says that nobody knows."""
    if row.claim not in ("claimed", Outcome.UNKNOWN):
        await doubt(connection, Frozen.read(frozen_of(connection, row)), row.fence, now_ms)
    await conclude(connection, run, row.action_id, replace(_DOUBTFUL, attempts=row.attempts), now_ms)


def _audited(tenant: str, env: str, actor: str, reason: str, now_ms: int) -> AuditRecord:
    return AuditRecord(
        kind="store", at_ms=now_ms, tenant=tenant, env=env, actor=actor, outcome="restored", reason=reason
    )
