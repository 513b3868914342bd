"""The sessions that this process acts in: those it opened, while it says in time that it lives."""

import secrets
from dataclasses import dataclass, field

from contracts.break_glass_ports import Holds


@dataclass(frozen=True, kw_only=True)
class Holding:
    """A session has one process. What another was silent about is taken over, to be ended."""

    holds: Holds
    #: This process's own name.
    holder: str = field(default_factory=lambda: secrets.token_hex(16))
    _own: set[str] = field(default_factory=set)

    async def begin(self, session_id: str) -> None:
        """Of a session that this process opened."""
        await self.holds.begin(session_id, self.holder)
        self._own.add(session_id)

    async def keep(self, session_id: str) -> bool:
        """Say that this process lives, or take a session over; False: another process has it."""
        kept = await self.holds.take(session_id, self.holder)
        if not kept:
            self._own.discard(session_id)
        return kept

    async def acts(self, session_id: str) -> bool:
        """Whether this process may act in it right now."""
        return session_id in self._own and await self.keep(session_id)

    def own(self, session_id: str) -> bool:
        """Whether it was opened here, and never taken over."""
        return session_id in self._own

    def forget(self, session_id: str) -> None:
        """It has ended."""
        self._own.discard(session_id)
