"""The stack that all scenes are played on: as shipped, but for the models of the attacked routes."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

import pytest
import yaml

from embedded.stack import running_stack, shipped_policies
from tests.acceptance.command_line import document
from tests.acceptance.conftest import World, world_of
from tests.corpus.arrivals import leaks
from tests.corpus.books import Books, books, effects, keys, rightful
from tests.corpus.ground import EVIL, Ground, ground, plant
from tests.corpus.outside import Outside, listening
from tests.corpus.play import ATTACKED, Player
from tests.corpus.report import Report
from tests.corpus.scene import Json, Scene, scenes, tasks
from tests.passkeys import with_passkeys

AT_A_TIME: Final = 8
"""Runs in flight."""
OPENED: Final = "opened"
_TO_THE_ATTACKER: Final = {
    "host": EVIL,
    "schemes": ["http"],
    "methods": ["GET"],
    "paths": ["/"],
    "query": ["d"],
}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One running stack, its helpdesk's books, and the attacker's server."""

    world: World
    outside: Outside
    _turns: Iterator[int] = field(default_factory=count, repr=False)

    @property
    def state(self) -> Path:
        return Path(self.world.endpoints.state)

    async def play(self, chosen: Sequence[Scene], *, careless: bool = False, below: str = ATTACKED) -> Report:
        """Both plays of each scene; then what the world's books say of all of them together."""
        turn = next(self._turns)
        port = self.outside.address.partition(":")[2]
        places = {id(scene): place for place, scene in enumerate(scenes())}
        pairs = [
            tuple(
                ground(scene, places[id(scene)], attacked=attacked, port=port, turn=turn)
                for attacked in (True, False)
            )
            for scene in chosen
        ]
        grounds = [one for pair in pairs for one in pair]
        before = await self._open(grounds)
        player = Player(world=self.world, places=asyncio.Semaphore(AT_A_TIME), careless=careless, below=below)
        played = await asyncio.gather(*(player.both(*pair) for pair in pairs))
        after = await asyncio.to_thread(books, self._helpdesk)
        return Report(
            played=played,
            happened=effects(before, after),
            rightful=[rightful(one) for one in grounds if not _stopped(one)],
            keys=keys(before, after),
            leaks=leaks(self.outside.arrivals, after.mails[len(before.mails) :], grounds),
            crossed=after.crossed,
        )

    async def audit(self) -> bool:
        """Whether every tenant's chain verifies."""
        return bool((await document(self.state, "audit", "verify"))["verified"])

    @property
    def _helpdesk(self) -> Path:
        return self.state / "helpdesk.db"

    async def _open(self, grounds: Iterable[Ground]) -> Books:
        self.outside.arrivals.clear()
        await asyncio.to_thread(plant, self._helpdesk, grounds)
        return await asyncio.to_thread(books, self._helpdesk)


@asynccontextmanager
async def running_stage(directory: Path) -> AsyncIterator[Stage]:
    policies = _policies(directory / "policies")
    with pytest.MonkeyPatch.context() as patch:
        async with listening() as outside:
            patch.setenv("INTERLOCK_WEB_HOSTS", outside.hosts)
            async with (
                running_stack(directory / "state", policies=policies, headless=True) as stack,
                world_of(stack, iter(())) as world,
            ):
                outside.documentation = stack.helpdesk
                yield Stage(world=world, outside=outside)


def _policies(directory: Path) -> Path:
    """The shipped ones, and each route once more with a model that does what the run's input says.

    What is below ``OPENED`` has beside it the one mistake that a control needs: it may reach the attacker.
    """
    shutil.copytree(shipped_policies(), directory)
    for route in {task.route for task in tasks().values()}:
        shipped: Json = yaml.safe_load((directory / f"routes/{route}.yaml").read_text())
        attacked = shipped | {"model": {"name": "scripted"}, "input": {"type": "object"}}
        _write(directory / f"routes/{ATTACKED}/{route}.yaml", attacked)
        if "egress" in shipped:
            opened = [*shipped["egress"], _TO_THE_ATTACKER]
            _write(directory / f"routes/{OPENED}/{route}.yaml", attacked | {"egress": opened})
    return with_passkeys(directory)


def _write(path: Path, route: Json) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(route))


def _stopped(one: Ground) -> bool:
    """Whether its run is stopped before it comes to what is right."""
    return one.attacked and one.scene.ends != "completed"
