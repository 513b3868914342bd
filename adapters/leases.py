"""Leases on the outbox's letters: who holds one brings it, and says what came of that."""

import random
from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Update, and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.letters import behind, of_env, tell_audit
from adapters.schema import alerts, approvals, outbox, runs
from adapters.store import Store
from contracts.errors import InterlockError
from contracts.outbox import Held, LetterKind, Shown
from contracts.ports import Clock
from policies.retrying import wait_ms

_BATCH: Final = 20


class Leases:
    """Of the letters of some kinds of one environment, each for so many milliseconds."""

    def __init__(
        self, store: Store, clock: Clock, *, env: str, kinds: Collection[LetterKind], lease_ms: int
    ) -> None:
        self.lease_ms: Final = lease_ms
        self._store = store
        self._clock = clock
        self._env = env
        self._kinds = tuple(kinds)

    async def due(self) -> tuple[str, ...]:
        """Ids of letters that may be tried now, the longest waiting first; one query."""
        statement = (
            select(outbox.c.outbox_id)
            .outerjoin(runs, runs.c.run_id == outbox.c.run_id)
            .outerjoin(alerts, alerts.c.alert_id == outbox.c.alert_id)
            .where(of_env(self._env), outbox.c.kind.in_(self._kinds))
            .where(outbox.c.dead.is_(False), outbox.c.next_ms <= self._clock.now_ms(), behind())
            .order_by(outbox.c.next_ms)
            .limit(_BATCH)
        )
        async with self._store.read() as connection:
            return tuple(await connection.scalars(statement))

    async def hold(self, outbox_id: str) -> Held | None:
        """Take the letter's lease; None where another drainer was faster."""
        now = self._clock.now_ms()
        columns = ("outbox_id", "kind", "run_id", "approval_id", "attempts", "posting")
        statement = (
            update(outbox)
            .where(outbox.c.outbox_id == outbox_id, outbox.c.dead.is_(False))
            .where(outbox.c.next_ms <= now, behind())
            .values(next_ms=now + self.lease_ms)
            .returning(*(outbox.c[name] for name in columns))
        )

        async def work(connection: AsyncConnection) -> Row[Any] | None:
            return (await connection.execute(statement)).first()

        row = await self._store.write(work)
        if row is None:
            return None
        told = {**row._mapping, "kind": LetterKind(row.kind), "run_id": row.run_id or ""}
        return Held(**told, lease_ms=now + self.lease_ms)

    async def done(self, held: Held, shown: Shown | None) -> None:
        """It arrived; a card shows this version there."""

        async def work(connection: AsyncConnection) -> None:
            now = self._clock.now_ms()
            if shown is None:
                await connection.execute(delete(outbox).where(_own(held, now)))
                return
            place = {"channel": shown.channel, "message_ts": shown.message_ts}
            await connection.execute(unplaced(held).values(**place, shown_ms=now))
            news = {"done_version": shown.version, "attempts": 0, "posting": False, "error": ""}
            await connection.execute(mine(held, now).values(**news, next_ms=now))

        await self._store.write(work)

    async def failed(self, held: Held, error: Exception) -> bool:
        """Say when to try again, or give it up, audited; whether it was given up."""
        wait = wait_ms(error, held.attempts + 1, random.random())  # noqa: S311  jitter, no secret
        news = {"attempts": held.attempts + 1, "error": _sentence(error)[:1_000], "dead": wait is None}
        reason = f"{held.outbox_id}: {type(error).__name__}"

        async def work(connection: AsyncConnection) -> bool:
            now = self._clock.now_ms()
            changed = await connection.execute(mine(held, now).values(**news, next_ms=now + (wait or 0)))
            given_up = wait is None and changed.rowcount == 1
            if given_up:
                await tell_audit(
                    connection, held.outbox_id, now, actor="outbox", outcome="dead", reason=reason
                )
            return given_up

        return await self._store.write(work)


def mine(held: Held, now_ms: int) -> Update:
    """Changes the row only while the lease is this drainer's; afterwards the row may be anybody's."""
    return update(outbox).where(_own(held, now_ms))


def unplaced(held: Held) -> Update:
    """Changes a card's approval only while nobody knows where the card stands."""
    return update(approvals).where(
        approvals.c.approval_id == held.approval_id, approvals.c.message_ts.is_(None)
    )


def _own(held: Held, now_ms: int) -> ColumnElement[bool]:
    return and_(
        outbox.c.outbox_id == held.outbox_id, outbox.c.next_ms == held.lease_ms, outbox.c.next_ms > now_ms
    )


def _sentence(error: Exception) -> str:
    """Our own sentences, and of others the kind alone: their words may hold anything."""
    if isinstance(error, InterlockError):
        return error.sentence
    return f"it failed by a mistake of ours ({type(error).__name__}); the log names the place"
