"""Runs whose execution was ended in Temporal by somebody else: their rows are ended too."""

import asyncio
import time
from collections.abc import Collection
from typing import Final

import structlog

from adapters.endings import TemporalEndings
from adapters.runs import StoreRuns
from contracts.errors import InterlockError, Unavailable
from contracts.ports import Clock
from contracts.run import RunRecord, RunState
from contracts.wire import Ending

LOG: Final = structlog.get_logger("adapters.orphans")

_EVERY: Final = 5.0
_WHOLE: Final = 3_600.0
"""Seconds between two looks at every open run."""
_LAG_MS: Final = 60_000
"""How much later than it happened an end may show up in Temporal's lists, clocks included."""


class Orphans:
    """The broker's: where nobody is left to finish a run, it does.

    What was closed of late is listed; where the row is open, the execution is described, to be sure. At the
    start and once an hour every open row is held against what runs.
    """

    def __init__(self, runs: StoreRuns, endings: TemporalEndings, clock: Clock, env: str) -> None:
        self._runs = runs
        self._endings = endings
        self._clock = clock
        self._env = env
        #: Ended in Temporal, and a worker may still be at one of their writes.
        self._pending: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Goes on until it is cancelled; what fails is tried again."""
        whole_at = time.monotonic()
        while True:
            try:
                if time.monotonic() >= whole_at:
                    await self.look_at_all()
                    whole_at = time.monotonic() + _WHOLE
                else:
                    await self.look()
            except InterlockError as error:
                LOG.warning("orphans_wait", error=error.name, reason=error.sentence)
            await asyncio.sleep(_EVERY)

    async def look(self) -> None:
        """End the rows of what was closed of late."""
        closed = await self._endings.closed_since(self._clock.now_ms() - _LAG_MS)
        await self._end(await self._runs.unended(self._env, closed | self._pending))

    async def look_at_all(self) -> None:
        """End the rows of whatever runs no more."""
        rows = await self._runs.unended(self._env)
        running = await self._endings.running()
        await self._end([row for row in rows if row.run_id not in running])

    async def _end(self, rows: Collection[RunRecord]) -> None:
        pending = set()
        for row in rows:
            how = await self._endings.how_it_ended(row)
            if how is None:
                continue
            try:
                await self._runs.give_up(row, _ending(row, how))
            except Unavailable as error:
                LOG.info("orphan_waits", run_id=row.run_id, reason=error.sentence)
                pending.add(row.run_id)
        self._pending = frozenset(pending)


def _ending(run: RunRecord, how: str) -> Ending:
    text = f"its execution {how}; nothing of it goes on"
    if run.cancel_reason is not None:
        return Ending(state=RunState.CANCELLED, text=f"{run.cancel_reason}; {text}")
    return Ending(state=RunState.FAILED, text=text)
