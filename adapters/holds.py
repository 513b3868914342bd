"""Which break-glass process acts in a session: each second it says that it lives, or another takes over."""

from typing import Final

from sqlalchemy import func, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.schema import openings
from adapters.store import Store
from contracts.break_glass import SessionState
from contracts.ports import Clock

SILENCE_MS: Final = 10_000
"""For so long a process may say nothing of a session and keep it."""


class StoreHolds:
    """Implements ``contracts.break_glass_ports.Holds``."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.silence_ms = SILENCE_MS
        self._store = store
        self._clock = clock

    async def take(self, session_id: str, holder: str) -> bool:
        async def work(connection: AsyncConnection) -> bool:
            now = self._clock.now_ms()
            # Whose process died between the opening and its first word was silent since the opening.
            heard = func.coalesce(openings.c.held_ms, openings.c.opened_ms)
            taken = await connection.execute(
                update(openings)
                .where(openings.c.session_id == session_id, openings.c.state == SessionState.OPEN)
                .where(or_(openings.c.holder == holder, heard <= now - self.silence_ms))
                .values(holder=holder, held_ms=now)
            )
            return taken.rowcount == 1

        return await self._store.write(work)

    async def begin(self, session_id: str, holder: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(
                update(openings)
                .where(openings.c.session_id == session_id, openings.c.holder.is_(None))
                .values(holder=holder, held_ms=self._clock.now_ms())
            )

        await self._store.write(work)

    async def refused(self, session_id: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(
                update(openings)
                .where(openings.c.session_id == session_id)
                .values(refused=openings.c.refused + 1)
            )

        await self._store.write(work)
