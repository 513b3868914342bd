"""A stack whose break-glass process dies and stops where it is told to, and a second one that takes over."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path
from typing import Final

import httpx
import psutil

from embedded.ports import Ports, url
from embedded.process import Child, Command
from embedded.stack import ignore
from tests.acceptance.glass_desk import CONSENTER, OPENER, GlassDesk, Json
from tests.acceptance.stack_world import MEMBERS, World, running_world
from tests.chaos.points import Points, Way
from tests.passkeys import DEVICES

PART: Final = "break-glass"


@dataclass(frozen=True, kw_only=True)
class GlassStage:
    """The world, the people of break-glass, and the orders to its process."""

    world: World
    desk: GlassDesk
    points: Points
    #: Of the people who ask, whose turn it is.
    turns: Iterator[str] = field(default_factory=lambda: cycle((OPENER, *MEMBERS)))

    def asking(self) -> GlassDesk:
        """The desk with the next person at it."""
        return replace(self.desk, opener=next(self.turns))

    @asynccontextmanager
    async def reachable(self, desk: GlassDesk, way: Way) -> AsyncIterator[GlassDesk]:
        """Where people get an answer: a killed process is started again, beside a stopped one is another."""
        if way is Way.KILL:
            yield desk
            return
        port = Ports.free().break_glass
        child = Child(_second(self.world, port), self.world.state, ignore)
        await child.start()
        try:
            yield replace(desk, elsewhere=url(port))
        finally:
            await child.stop()


async def until_ended(desk: GlassDesk, session: Json, *, seconds: float = 60) -> Json:
    """The session, once it has ended; a process that is away is asked again."""
    async with asyncio.timeout(seconds):
        while True:
            with suppress(httpx.TransportError):
                found = await desk.session(session)
                if found["state"] != "open":
                    return found
            await asyncio.sleep(0.2)


@asynccontextmanager
async def running_glass(directory: Path) -> AsyncIterator[GlassStage]:
    """A stack whose break-glass process passes the points."""
    points = Points(directory / "points")
    programs = {PART: ("tests.chaos.glass", str(directory / "points"))}
    async with (
        running_world(directory, programs=programs, break_glass=True) as world,
        httpx.AsyncClient(trust_env=False, timeout=90) as http,
    ):
        desk = GlassDesk(state=world.state, http=http, device=DEVICES[CONSENTER])
        stage = GlassStage(world=world, desk=desk, points=points)
        try:
            yield stage
        finally:
            points.clear()
            with suppress(ProcessLookupError):
                os.kill(world.pids()[PART], signal.SIGCONT)


def _second(world: World, port: int) -> Command:
    """Started as the stack's own is, environment and all, but for its port."""
    own = psutil.Process(world.pids()[PART])
    arguments = [*own.cmdline()[:-1], str(port)]

    async def answers(_pid: int) -> bool:
        async with httpx.AsyncClient(trust_env=False) as http:
            try:
                return (await http.get(f"{url(port)}/healthz")).is_success
            except httpx.TransportError:
                return False

    return Command(name=f"{PART}-2", arguments=arguments, environment=own.environ(), probe=answers)
