"""Trouble on demand and the rate limit: what a Slack that is busy, down or cut off does to a call."""

import asyncio
import math
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import Literal

from uvicorn.protocols.http.h11_impl import H11Protocol

Kind = Literal["rate_limited", "fail", "drop"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What the next calls of a method meet."""

    #: A Web API method, or `*` for any.
    method: str
    #: `rate_limited`: 429 and nothing done. `fail`: 500 and nothing done. `drop`: done, then the line is cut.
    kind: Kind
    #: Calls that are left.
    count: int
    #: Seconds in the Retry-After of a 429.
    retry_after: int


class Faults:
    """Faults in the order they were set."""

    def __init__(self) -> None:
        self._pending: deque[Fault] = deque()

    @property
    def pending(self) -> list[Fault]:
        """Faults that still have calls to hit."""
        return list(self._pending)

    def add(self, fault: Fault) -> None:
        """Let the fault hit calls once those set before it are used up."""
        self._pending.append(fault)

    def clear(self) -> None:
        """No more trouble."""
        self._pending.clear()

    def take(self, method: str) -> Fault | None:
        """The fault that this call meets, counted down."""
        for index, fault in enumerate(self._pending):
            if fault.method in (method, "*"):
                if fault.count > 1:
                    self._pending[index] = replace(fault, count=fault.count - 1)
                else:
                    del self._pending[index]
                return fault
        return None


class RateLimit:
    """A token bucket for each channel."""

    def __init__(self, per_second: float | None, burst: int) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, channel: str) -> int:
        """Take a token: 0, or whole seconds until there is one."""
        if self._per_second is None:
            return 0
        now = time.monotonic()
        left, since = self._buckets.get(channel, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._per_second)
        if left >= 1:
            self._buckets[channel] = (left - 1, now)
            return 0
        self._buckets[channel] = (left, now)
        return math.ceil((1 - left) / self._per_second)


class Lines:
    """Open connections by the client's address, so that one can be cut."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], tuple[asyncio.Transport, asyncio.Event]] = {}

    def protocol(self) -> type[H11Protocol]:
        """uvicorn's HTTP protocol, which also enters its connections here."""
        lines = self._open

        class Listed(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
                super().connection_made(transport)
                lines[transport.get_extra_info("peername")] = (transport, asyncio.Event())

            def connection_lost(self, exc: Exception | None) -> None:
                _, gone = lines.pop(self.transport.get_extra_info("peername"))
                super().connection_lost(exc)
                gone.set()

        return Listed

    async def cut(self, client: tuple[str, int]) -> None:
        """Abort that client's connection, and return when the server knows it is gone."""
        if client in self._open:
            transport, gone = self._open[client]
            transport.abort()
            await gone.wait()
