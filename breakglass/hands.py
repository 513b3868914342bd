"""One act at a time: what is in hand goes on to its end, whoever hangs up, and nothing begins beside it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from contracts.errors import Conflict

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class _Held:
    what: str
    task: asyncio.Task[Any]


@dataclass(frozen=True, kw_only=True)
class Hands:
    """Of this process: by session, what it is doing right now."""

    _held: dict[str, _Held] = field(default_factory=dict)
    #: Sessions that are being ended.
    _closed: set[str] = field(default_factory=set)

    async def do(self, session_id: str, what: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do it as a task of its own. The same thing again joins it.

        Raises Conflict while something else is in hand, or the session is being ended.
        """
        held = self._held.get(session_id)
        if held is None:
            held = self._begin(session_id, what, work)
        elif held.what != what:
            raise Conflict("another act of this session is in hand; wait for its end")
        result: T = await asyncio.shield(held.task)
        return result

    async def close(self, session_id: str) -> None:
        """Let nothing more begin, and wait for what is in hand."""
        self._closed.add(session_id)
        await self._over(session_id)

    def open(self, session_id: str) -> None:
        """Its end is over."""
        self._closed.discard(session_id)

    async def rest(self) -> None:
        """Wait for everything that is in hand."""
        for session_id in list(self._held):
            await self._over(session_id)

    def _begin(self, session_id: str, what: str, work: Callable[[], Awaitable[T]]) -> _Held:
        if session_id in self._closed:
            raise Conflict("the session is being ended; nothing more begins")
        held = _Held(what=what, task=asyncio.ensure_future(_run(work)))
        self._held[session_id] = held
        held.task.add_done_callback(lambda task: self._done(session_id, task))
        return held

    def _done(self, session_id: str, task: asyncio.Task[Any]) -> None:
        self._held.pop(session_id, None)
        if not task.cancelled():
            # Nobody may be left who asks for it, and asyncio would log it with what it says.
            task.exception()

    async def _over(self, session_id: str) -> None:
        held = self._held.get(session_id)
        if held is not None:
            await asyncio.wait([held.task])


async def _run(work: Callable[[], Awaitable[T]]) -> T:
    return await work()
