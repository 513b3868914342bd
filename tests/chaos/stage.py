"""A stack whose tool workers die and stop where they are told to, and a second one of them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from adapters.pollers import worker_identity
from embedded.process import Child, Command
from embedded.roles import QUEUES
from embedded.stack import ignore
from embedded.temporal import Temporal
from tests.acceptance.stack_world import World, running_world
from tests.chaos.points import Points

ROUTE_NAME: Final = "support/chaos"
ROUTE: Final = """
description: Do what the run's input says.
model: {name: scripted, max_output_tokens: 800}
prompt: Do what the input says.
input: {type: object, properties: {}}
allow_tools: [tickets.get, ticket.update, ticket.close, ticket.reopen, email.send]
budgets: {steps: 25, seconds: 3600, usd: "1.00", denials: 3}
approval: {group: support-leads, deadline: 4h}
audit: {enabled: true}
"""
OWN, SECOND = "tools", "tools-2"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The world, the orders to its tool workers, and their processes."""

    world: World
    points: Points
    second: Child

    def pid(self, part: str) -> int:
        return self.second.pid if part == SECOND else self.world.pids()[part]

    def send(self, part: str, number: signal.Signals) -> None:
        """A signal to a part, which may just have died by itself."""
        with suppress(ProcessLookupError):
            os.kill(self.pid(part), number)

    def go_on(self) -> None:
        """Continue every stopped process of the stack."""
        for part in (*self.world.pids(), SECOND):
            self.send(part, signal.SIGCONT)

    async def ended(self, pid: int, since: float, *, seconds: float = 45) -> None:
        """Return when an attempt in that process is over, after that time."""
        async with asyncio.timeout(seconds):
            while not any(  # noqa: ASYNC110 - only a file tells, and sets no event
                passage.point == "ended" and passage.pid == pid and passage.at > since
                for passage in self.points.passages()
            ):
                await asyncio.sleep(0.05)


@asynccontextmanager
async def running_stage(directory: Path, *, slots: int | None = None) -> AsyncIterator[Stage]:
    """``slots``: activities at a time in each tool worker; one: a stopped worker holds no other task back."""
    points = Points(directory / "points")
    program = (
        "tests.chaos.worker",
        str(directory / "points"),
        *([] if slots is None else [f"--slots={slots}"]),
    )
    programs = {"tools": program, "agent": program}
    async with running_world(directory, {ROUTE_NAME: ROUTE}, programs=programs) as world:
        second = Child(_second(world), world.state, ignore)
        await second.start()
        keeper = asyncio.create_task(second.keep(lambda: None))
        stage = Stage(world=world, points=points, second=second)
        try:
            yield stage
        finally:
            points.clear()
            stage.go_on()
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            await second.stop()


def _second(world: World) -> Command:
    """Started as the stack's own is, environment and all."""
    own = psutil.Process(world.pids()[OWN])
    temporal = Temporal(int(world.at("temporal").rpartition(":")[2]))

    async def polls(pid: int) -> bool:
        return await temporal.polled(QUEUES[OWN], worker_identity(OWN, pid), workflows=False)

    return Command(name=SECOND, arguments=own.cmdline(), environment=own.environ(), probe=polls)
