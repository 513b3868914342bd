"""The store's epoch: what was approved or claimed before a restore from backup counts no more."""

import secrets

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.audit_log import append
from adapters.questions import leave_open
from adapters.run_rows import record
from adapters.schema import claims, epochs, runs
from adapters.store import Store
from contracts.audit import SYSTEM_TENANT, AuditRecord
from contracts.ports import Clock


async def current(connection: AsyncConnection) -> str:
    """The epoch as this transaction sees it; the first one has no name."""
    return await connection.scalar(select(epochs.c.name).order_by(epochs.c.place.desc()).limit(1)) or ""


async def restored(store: Store, clock: Clock, *, env: str, actor: str, reason: str) -> int:
    """Begin a new epoch after a restore; how many writes became unknown.

    Grants given before are void. A claim that was open is unknown: the books do not say what happened to it
    after the backup was made, so people are asked.
    """

    async def work(connection: AsyncConnection) -> int:
        now = clock.now_ms()
        last = await connection.scalar(select(epochs.c.place).order_by(epochs.c.place.desc()).limit(1)) or 0
        await connection.execute(
            insert(epochs).values(place=last + 1, name=f"ep_{secrets.token_hex(8)}", actor=actor, at_ms=now)
        )
        open_claims = select(claims.c.run_id).where(claims.c.env == env, claims.c.state == "claimed")
        found = (await connection.execute(select(runs).where(runs.c.run_id.in_(open_claims)))).all()
        for row in found:
            await leave_open(connection, record(connection, row), now)
        await append(connection, _audited(env, actor, reason, now, len(found)))
        return len(found)

    return await store.write(work)


def _audited(env: str, actor: str, reason: str, now_ms: int, unknown: int) -> AuditRecord:
    return AuditRecord(
        kind="store",
        at_ms=now_ms,
        tenant=SYSTEM_TENANT,
        env=env,
        actor=actor,
        outcome="restored",
        reason=f"{reason}; {unknown} runs with open claims became unknown",
    )
