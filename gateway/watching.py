"""Who watches which run: one look at the store for all of them, and a seat for each."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from gateway.background import cause
from gateway.ports import AuditRows
from gateway.problems import Problem, ProblemType

LOG: Final = structlog.get_logger("gateway.watching")

SEATS: Final = 256
"""Streams of one process."""

EACH: Final = 64
"""Streams of one token's holder: nobody may take all the seats."""

#: Seconds between two looks, and after one that failed.
_LOOK: Final = 0.25
_REST: Final = 2.0


class Watching:
    """Knows how far the records of every watched run have come. It looks only while somebody watches."""

    def __init__(self, audit: AuditRows, *, seats: int = SEATS, each: int = EACH) -> None:
        self._audit = audit
        self._seats = seats
        self._each = each
        self._runs: Counter[str] = Counter()
        self._holders: Counter[str] = Counter()
        self._tips: dict[str, int] = {}
        self._news = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    @property
    def watched(self) -> int:
        """Streams that are open now."""
        return self._holders.total()

    @asynccontextmanager
    async def seat(self, holder: str, run_id: str) -> AsyncIterator[None]:
        """A place from which a run is watched. Raises Problem where there is none left."""
        if self.watched >= self._seats or self._holders[holder] >= self._each:
            raise Problem(
                ProblemType.UNAVAILABLE, "too many event streams are open; close some, or read with ?wait="
            )
        self._holders[holder] += 1
        self._runs[run_id] += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            self._leave(holder, run_id)

    def _leave(self, holder: str, run_id: str) -> None:
        # Unary plus drops what has come down to nothing.
        self._holders[holder] -= 1
        self._runs[run_id] -= 1
        self._holders, self._runs = +self._holders, +self._runs
        if run_id not in self._runs:
            self._tips.pop(run_id, None)

    async def later(self, run_id: str, after: int, seconds: float) -> bool:
        """Whether the run has a record after that place, or gets one within so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                while self._tips.get(run_id, 0) <= after:
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def _look(self) -> None:
        while self._runs:
            try:
                found = await self._audit.tips(list(self._runs))
            except Exception as error:
                # Whatever it is, the next look may go better; without one, streams would fall silent.
                LOG.warning("look failed", error=cause(error))
                await asyncio.sleep(_REST)
            else:
                self._tell({run_id: seq for run_id, seq in found.items() if run_id in self._runs})
                await asyncio.sleep(_LOOK)

    def _tell(self, tips: dict[str, int]) -> None:
        if tips != self._tips:
            self._tips = tips
            self._news.set()
            self._news = asyncio.Event()
