"""What the gateway does without being asked: rounds, and errands that are tried until they succeed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from contracts.errors import InterlockError

LOG: Final = structlog.get_logger("gateway.background")

_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 60.0
_ERRAND_SECONDS: Final = 30.0
_AT_ONCE: Final = 16


def cause(error: BaseException) -> str:
    """What a log line may say of an error: our own sentences, and of others the kind alone."""
    return error.sentence if isinstance(error, InterlockError) else type(error).__name__


class Rounds:
    """Does a duty every few seconds, and at once when poked; a round that fails is logged, the next comes."""

    def __init__(self, name: str, duty: Callable[[], Awaitable[None]], every: float = 2.0) -> None:
        self._name = name
        self._duty = duty
        self._every = every
        self._poked = asyncio.Event()

    def poke(self) -> None:
        self._poked.set()

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        while True:
            self._poked.clear()
            try:
                await self._duty()
            except Exception as error:
                # Whatever it is, the next round may go better, and without rounds runs would sleep for ever.
                LOG.warning("round failed", duty=self._name, error=cause(error))
            await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._every):
                await self._poked.wait()
        except TimeoutError:
            return


class Errands:
    """Carries out errands by key: one at a time for each, again with growing patience when it fails."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._under_way: dict[str, asyncio.Task[None]] = {}
        #: Failures so far, and when to try again (monotonic seconds).
        self._failed: dict[str, tuple[int, float]] = {}

    def offer(self, key: str, errand: Callable[[], Awaitable[None]]) -> None:
        """Start the errand, unless it is under way or failed a moment ago."""
        _, ready = self._failed.get(key, (0, 0.0))
        if key in self._under_way or time.monotonic() < ready:
            return
        task = asyncio.create_task(self._carry_out(key, errand))
        self._under_way[key] = task
        task.add_done_callback(lambda _: self._under_way.pop(key, None))

    async def close(self) -> None:
        """Give up what is under way; the next start takes it up from the store."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry_out(self, key: str, errand: Callable[[], Awaitable[None]]) -> None:
        async with self._gate:
            try:
                async with asyncio.timeout(_ERRAND_SECONDS):
                    await errand()
            except Exception as error:
                # An errand is owed: it is tried again whatever went wrong.
                self._postpone(key, error)
            else:
                self._failed.pop(key, None)

    def _postpone(self, key: str, error: Exception) -> None:
        failures = self._failed.get(key, (0, 0.0))[0] + 1
        wait = min(_FIRST_WAIT * 2 ** min(failures, 10), _LONGEST_WAIT)
        self._failed[key] = (failures, time.monotonic() + wait)
        LOG.warning("errand failed", errand=self._name, key=key, failures=failures, error=cause(error))
