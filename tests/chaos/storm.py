"""What happens to the stack during a round: processes end and stop, answers are lost, tickets change."""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import httpx

from tests.acceptance.stack_world import open_tickets
from tests.chaos.points import Order, Point, Way
from tests.chaos.stage import OWN, SECOND, Stage
from tests.chaos.writes import KINDS

_PARTS: Final = (OWN, SECOND, "agent", "broker", "gateway", "temporal", "helpdesk", "slack", "aws")
_OPERATIONS: Final = ("close", "reopen", "patch", "send_mail", "get_writes", "get_ticket", "*")
_MODES: Final = ("slow", "fail_before", "lose_answer")
_WAIT: Final = (0.2, 1.4)
"""Seconds between two troubles."""
_ORDERS: Final = 4
"""Named points that wait for a worker, at most: more of them, and no write gets through undisturbed."""
_TAKEN_OVER: Final = 9.0
"""Seconds for which a worker stays stopped at a named point: another has its write by then."""


@dataclass(kw_only=True)
class Storm:
    """One trouble after another, drawn from the seed, until it is cancelled."""

    stage: Stage
    rng: random.Random
    #: What was done, and how often.
    told: dict[str, int] = field(default_factory=dict)
    _woken: set[tuple[int, float]] = field(default_factory=set)

    async def rage(self) -> None:
        """Never returns."""
        troubles: list[Callable[[], Awaitable[str]]] = [
            *[self._kill] * 3,
            *[self._stop] * 2,
            *[self._fault] * 4,
            *[self._point] * 5,
            self._touch,
        ]
        waker = asyncio.create_task(self._wake())
        try:
            while True:
                await asyncio.sleep(self.rng.uniform(*_WAIT))
                trouble = self.rng.choice(troubles)
                with suppress(httpx.HTTPError):
                    name = await trouble()
                    self.told[name] = self.told.get(name, 0) + 1
        finally:
            waker.cancel()

    async def calm(self) -> None:
        """No more orders; whatever is stopped goes on."""
        self.stage.points.clear()
        for _ in range(4):
            self.stage.go_on()
            await asyncio.sleep(0.5)
        for _ in range(40):
            with suppress(httpx.HTTPError):
                await self.stage.world.no_faults()
                return
            await asyncio.sleep(0.5)

    async def _kill(self) -> str:
        part = self.rng.choice(_PARTS)
        self.stage.send(part, signal.SIGKILL)
        return f"kill {part}"

    async def _stop(self) -> str:
        part, seconds = self.rng.choice(_PARTS), self.rng.uniform(0.5, 8.0)
        pid = self.stage.pid(part)
        self.stage.send(part, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            _continue(pid)
        return f"stop {part}"

    async def _fault(self) -> str:
        operation, mode = self.rng.choice(_OPERATIONS), self.rng.choice(_MODES)
        times, seconds = self.rng.randint(1, 3), self.rng.choice((1.0, 4.0, 22.0))
        await self.stage.world.fault(operation, mode, times=times, seconds=seconds)
        return f"fault {mode}"

    async def _point(self) -> str:
        point, way = self.rng.choice(list(Point)), self.rng.choice(list(Way))
        kind = self.rng.choice(list(KINDS.values()))
        if self.stage.points.waiting() >= _ORDERS:
            return "none"
        self.stage.points.order(Order(point=point, way=way, words=f":{kind.tool}:"))
        return f"{way} {point}"

    async def _touch(self) -> str:
        await self.stage.world.touch(self.rng.choice(open_tickets()))
        return "touch"

    async def _wake(self) -> None:
        """Continue a worker that stopped itself, when another has taken over."""
        async with asyncio.TaskGroup() as group:
            while True:
                for passage in self.stage.points.passages():
                    mark = (passage.pid, passage.at)
                    if passage.struck == Way.STOP and mark not in self._woken:
                        self._woken.add(mark)
                        group.create_task(_later(passage.pid, _TAKEN_OVER))
                await asyncio.sleep(0.5)


async def _later(pid: int, seconds: float) -> None:
    await asyncio.sleep(seconds)
    _continue(pid)


def _continue(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
