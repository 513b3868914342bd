"""What the gateway does without being asked, in rounds."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from contracts.errors import InterlockError

LOG: Final = structlog.get_logger("gateway.background")


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
