"""The ring of Temporal's payloads, followed while a process runs: a rotation needs no restart."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from adapters.rings import DataKey, Ring
from contracts.errors import InterlockError, Malformed, Unavailable
from contracts.secret import Secret

LOG: Final = structlog.get_logger("adapters.payload_keys")

REFRESH_SECONDS: Final = 30.0
"""How old a ring is when it is read again."""
MISS_SECONDS: Final = 5.0
"""Between two readings for keys that the ring lacks: made-up key ids must not reach AWS each time."""


class PayloadKeys:
    """Encrypts by the key in force, decrypts by any."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Secret]],
        *,
        now: Callable[[], float] = time.time,
        passed: Callable[[], float] = time.monotonic,
    ) -> None:
        """``fetch`` reads the secret; ``now`` is Unix time, ``passed`` a clock that never goes back."""
        self._fetch = fetch
        self._now = now
        self._passed = passed
        self._ring = Ring()
        #: When it was read last, and when that was last tried.
        self._read = self._tried = float("-inf")
        self._reading = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        """Read the ring now. Raises as the fetch does, and Malformed."""
        async with self._reading:
            await self._refresh()

    async def _refresh(self) -> None:
        self._tried = self._passed()
        self._ring = Ring.read(await self._fetch())
        self._read = self._passed()

    async def current(self) -> DataKey:
        """The key that encrypts. A ring that grew old is read again beside this: nothing waits for it.

        Raises:
            Malformed: the ring has none in force.
            InterlockError: the ring was never read, and cannot be now.
        """
        if not self._ring.keys:
            await self.refresh()
        elif self._passed() - self._tried >= REFRESH_SECONDS and not self._reading.locked():
            self._following = asyncio.create_task(self._follow())
        found = self._ring.current(self._now())
        if found is None:
            raise Malformed("no payload key is in force yet: look at its use_from")
        return found

    async def named(self, key_id: str) -> DataKey:
        """The key that encrypted something.

        Raises:
            Malformed: no ring has it.
            Unavailable: it is not known here, and the ring could not be read again.
        """
        return self._ring.named(key_id) or await self._sought(key_id)

    async def _sought(self, key_id: str) -> DataKey:
        # Under the lock: whoever comes while the ring is being read must wait for it, not be refused.
        async with self._reading:
            if self._ring.named(key_id) is None and self._passed() - self._read >= MISS_SECONDS:
                if self._passed() - self._tried < MISS_SECONDS:
                    raise Unavailable(
                        "a payload's key is not known here, and could not be looked up just now"
                    )
                await self._refresh()
            found = self._ring.named(key_id)
        if found is None:
            raise Malformed("this payload was encrypted with another key")
        return found

    async def _follow(self) -> None:
        try:
            await self.refresh()
        except InterlockError as error:
            # The ring at hand still opens and seals; the next use tries again.
            LOG.warning("payload_keys_kept", error=error.name, reason=error.sentence)
