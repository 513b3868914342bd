"""The outbox as operators see it: what has not arrived, and what was given up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.letters import begun, behind, hasten, of_env, order, tell_audit
from adapters.schema import alerts, outbox, runs
from adapters.store import Store
from contracts.audit import SYSTEM_TENANT
from contracts.errors import Unknown
from contracts.outbox import Letter, LetterKind
from contracts.ports import Clock


@dataclass(frozen=True, kw_only=True)
class LetterQuery:
    """Which letters, in the order of their ids; None is any. ``after`` is the last id seen.

    Alerts are of no tenant and no route: only who asks for any of both sees them.
    """

    tenant: str | None = None
    routes: Sequence[str] | None = None
    #: Only those that were given up.
    dead: bool = False
    after: str = ""
    limit: int = 1_000


class StoreOutbox:
    """The letters of one environment."""

    def __init__(self, store: Store, clock: Clock, env: str) -> None:
        self._store = store
        self._clock = clock
        self._env = env

    async def list(self, query: LetterQuery) -> tuple[Letter, ...]:
        """Letters that have not arrived or were given up."""
        statement = self._letters().where(outbox.c.outbox_id > query.after)
        if query.tenant is not None:
            statement = statement.where(runs.c.tenant == query.tenant)
        if query.routes is not None:
            statement = statement.where(runs.c.route.in_(query.routes))
        if query.dead:
            statement = statement.where(outbox.c.dead)
        async with self._store.read() as connection:
            found = await connection.execute(statement.order_by(outbox.c.outbox_id).limit(query.limit))
            return tuple(_letter(row) for row in found)

    async def get(self, outbox_id: str) -> Letter:
        """Raises Unknown where no such letter waits."""
        async with self._store.read() as connection:
            return _letter(await self._read(connection, outbox_id))

    async def retry(self, outbox_id: str, *, actor: str) -> Letter:
        """Take a letter up again, audited: at once, or when the post that is under way is over.

        Raises:
            Unknown: no such letter waits.
        """

        async def work(connection: AsyncConnection) -> Letter:
            row, now = await self._read(connection, outbox_id), self._clock.now_ms()
            next_ms = row.next_ms if row.posting and not row.dead else now
            again = update(outbox).where(outbox.c.outbox_id == outbox_id)
            await connection.execute(again.values(dead=False, attempts=0, error="", next_ms=next_ms))
            await tell_audit(connection, outbox_id, now, actor=actor, outcome="retried", reason=outbox_id)
            return _letter(await self._read(connection, outbox_id))

        return await self._store.write(work)

    async def resume(self, run_ids: Iterable[str]) -> None:
        """Order that these runs are told that what halted them may be over; again is once more."""

        async def work(connection: AsyncConnection) -> None:
            now = self._clock.now_ms()
            for run_id in run_ids:
                if not await hasten(connection, LetterKind.RESUME, run_id, now):
                    await order(connection, LetterKind.RESUME, run_id, run_id=run_id, next_ms=now)

        await self._store.write(work)

    async def _read(self, connection: AsyncConnection, outbox_id: str) -> Row[Any]:
        row: Row[Any] | None = (
            await connection.execute(self._letters().where(outbox.c.outbox_id == outbox_id))
        ).first()
        if row is None:
            raise Unknown(f"no letter {outbox_id} waits in the outbox")
        return row

    def _letters(self) -> Select[Any]:
        return (
            select(outbox, runs.c.tenant, runs.c.route)
            .outerjoin(runs, runs.c.run_id == outbox.c.run_id)
            .outerjoin(alerts, alerts.c.alert_id == outbox.c.alert_id)
            .where(of_env(self._env), or_(outbox.c.dead, and_(behind(), begun(self._clock.now_ms()))))
        )


def _letter(row: Row[Any]) -> Letter:
    return Letter(
        outbox_id=row.outbox_id,
        kind=LetterKind(row.kind),
        run_id=row.run_id or "",
        tenant=row.tenant or SYSTEM_TENANT,
        route=row.route or "",
        approval_id=row.approval_id,
        attempts=row.attempts,
        dead=row.dead,
        error=row.error,
        next_ms=row.next_ms,
    )
