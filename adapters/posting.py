"""Posts on their way to Slack, as their letters' rows say it: announced before they leave.

Where the fate of an announced post is not known, its message is looked for before another one is sent.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.leases import mine
from adapters.store import Store
from contracts.outbox import Held
from contracts.ports import Clock


class Posting:
    """Announces posts and takes announcements back, each in a transaction of its own."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def announce(self, held: Held) -> bool:
        """Commit that a post is about to leave; False where the lease was lost."""
        return await self._set(held, posting=True)

    async def retract(self, held: Held) -> None:
        """Commit that the announced post had no effect; an earlier one of unknown fate still may have."""
        await self._set(held, posting=held.posting)

    async def _set(self, held: Held, *, posting: bool) -> bool:
        async def work(connection: AsyncConnection) -> bool:
            own = mine(held, self._clock.now_ms()).values(posting=posting)
            return (await connection.execute(own)).rowcount == 1

        return await self._store.write(work)
