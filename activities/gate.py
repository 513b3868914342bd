"""The last look before a request leaves: what was stopped meanwhile goes no further.

A secret may take seconds to fetch, a connection as long, and one call of a tool may be several requests. So a
session asks at each request's first byte, and whoever asks gets an answer that is fresh or made anew.
"""

import math
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from contracts.errors import Halted, PermissionRefused
from contracts.ledger import Claim, ClaimRequest, Ledger

T = TypeVar("T")

LEAVE_WITHIN: Final = 0.5
"""Seconds by which the store was looked into before a request leaves."""


class ReadGate:
    """Implements ``contracts.toolbox.Gate`` for the requests of one activity that only read."""

    def __init__(self, look: Callable[[], Awaitable[float]]) -> None:
        """``look`` comes to the monotonic moment it speaks of; a no is Halted or PermissionRefused."""
        self._look = look
        self._looked = -math.inf
        #: What it said no with: it stays with it.
        self.no: Halted | PermissionRefused | None = None

    async def __call__(self) -> None:
        if self.no is not None:
            raise self.no
        while time.monotonic() - self._looked > LEAVE_WITHIN:
            self._looked = await self._heeded(self._look())

    async def first(self, look: Awaitable[T]) -> T:
        """A look that writes down that it was made, and what it comes to."""
        began = time.monotonic()
        found = await self._heeded(look)
        self._looked = began
        return found

    async def _heeded(self, look: Awaitable[T]) -> T:
        try:
            return await look
        except (Halted, PermissionRefused) as no:
            self.no = no
            raise

    async def outcome(self, question: Awaitable[T]) -> T:
        """What a tool's code comes to; or what held a request of it back, whatever its code made of that."""
        try:
            result = await question
        except Exception:
            # Whatever a tool's code raises once its request was held back, the no is what happened.
            if self.no is None:
                raise
            raise self.no from None
        if self.no is not None:
            raise self.no
        return result


class WriteGate:
    """Implements ``contracts.toolbox.Gate`` for one write that was just claimed."""

    def __init__(self, ledger: Ledger, request: ClaimRequest, claim: Claim) -> None:
        self._ledger = ledger
        self._request = request
        self._fence = claim.fence
        self._looked = claim.committed / 1000

    async def __call__(self) -> None:
        while time.monotonic() - self._looked > LEAVE_WITHIN:
            began = time.monotonic()
            if not await self._ledger.confirm(self._request, self._fence):
                raise PermissionRefused("it was claimed, and may be sent no more; nothing was sent")
            self._looked = began
