"""Who is signed in on the gateway's pages: rows of digests, from which nobody can make a cookie."""

from typing import Protocol

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.schema import clicks, sessions
from adapters.store import Store
from contracts.ports import Clock


class Proven(Protocol):
    """Who it is, and the digest of what proved it."""

    @property
    def principal(self) -> str: ...
    @property
    def proof(self) -> str: ...


class StoreSessions:
    """Implements ``gateway.ports.SessionRows``."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def find(self, session: str) -> str | None:
        wanted = select(sessions.c.principal, sessions.c.until_ms).where(sessions.c.session == session)
        async with self._store.read() as connection:
            row = (await connection.execute(wanted)).first()
        if row is None:
            return None
        if row.until_ms <= self._clock.now_ms():
            await self.close(session)
            return None
        found: str = row.principal
        return found

    async def open(self, session: str, signed_in: Proven, *, until_ms: int, instead_of: str) -> bool:
        async def work(connection: AsyncConnection) -> bool:
            now = self._clock.now_ms()
            if await connection.scalar(select(clicks.c.proof).where(clicks.c.proof == signed_in.proof)):
                return False
            await connection.execute(insert(clicks).values(proof=signed_in.proof, at_ms=now))
            over = (sessions.c.session == instead_of) | (sessions.c.until_ms <= now)
            await connection.execute(delete(sessions).where(over))
            begun = {"session": session, "principal": signed_in.principal, "at_ms": now, "until_ms": until_ms}
            await connection.execute(insert(sessions).values(**begun))
            return True

        return await self._store.write(work)

    async def close(self, session: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(sessions).where(sessions.c.session == session))

        await self._store.write(work)
