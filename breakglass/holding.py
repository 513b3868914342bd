"""The sessions that this process acts in: those it opened, while it says in time that it lives."""

import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from contracts.break_glass_ports import Holds


@dataclass(frozen=True, kw_only=True)
class Holding:
    """A session has one process. What another was silent about is taken over, to be ended."""

    holds: Holds
    #: This process's own name.
    holder: str = field(default_factory=lambda: secrets.token_hex(16))
    #: A clock in seconds that nobody sets: whoever puts the machine's time back lengthens no session.
    passed: Callable[[], float] = time.monotonic
    #: By session, when its minutes are over by that clock.
    _own: dict[str, float] = field(default_factory=dict)

    async def begin(self, session_id: str, minutes: int) -> None:
        """Of a session that this process opened, for so long."""
        over = self.passed() + minutes * 60
        await self.holds.begin(session_id, self.holder)
        self._own[session_id] = over

    async def keep(self, session_id: str) -> bool:
        """Say that this process lives, or take a session over; False: another process has it."""
        kept = await self.holds.take(session_id, self.holder)
        if not kept:
            self.forget(session_id)
        return kept

    async def acts(self, session_id: str) -> bool:
        """Whether this process may act in it right now."""
        return self.own(session_id) and not self.over(session_id) and await self.keep(session_id)

    def own(self, session_id: str) -> bool:
        """Whether it was opened here, and never taken over."""
        return session_id in self._own

    def over(self, session_id: str) -> bool:
        """Whether its minutes have passed since it was opened here, whatever the time of day."""
        return self.passed() >= self._own.get(session_id, math.inf)

    def forget(self, session_id: str) -> None:
        """It has ended, or is another process's."""
        self._own.pop(session_id, None)
