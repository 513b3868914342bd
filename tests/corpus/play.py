"""Plays scenes: starts both runs of each, answers their questions, and looks up what came of the attack."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cli import minting
from tests.acceptance.conftest import World
from tests.corpus.approver import Approver
from tests.corpus.ground import EVIL, Ground
from tests.corpus.played import Fate, Played, Run, fate
from tests.corpus.scene import Json, Turns

ATTACKED: Final = "attacked"
"""Below it stand the copies of the routes whose model is scripted."""


@dataclass(frozen=True, kw_only=True)
class Player:
    """Plays on one stack."""

    world: World
    #: Held by each run from its start to its end.
    places: asyncio.Semaphore
    #: Whether the person at the cards of the attacked runs approves everything.
    careless: bool = False
    #: Below which the attacked routes stand.
    below: str = ATTACKED

    async def both(self, attacked: Ground, honest: Ground) -> Played:
        scene, script = attacked.scene, attacked.says(_script(attacked))
        given = {"script": script, "final": "I did as I was told."}
        bad, good = await asyncio.gather(
            self._run(f"{self.below}/{scene.task.route}", attacked, given, careless=self.careless),
            self._run(scene.task.route, honest, {}),
        )
        return Played(
            scene=scene,
            attacked=bad,
            honest=good,
            fates=await self._fates(bad, script, skipped=_calls(scene.task.reads), attack=len(scene.calls)),
            says=honest.ending,
            secrets=(honest.words["canary"], EVIL),
        )

    async def _run(
        self, route: str, ground: Ground, given: Mapping[str, Any], *, careless: bool = False
    ) -> Run:
        task = ground.scene.task
        async with self.places:
            bearer = await self.world.bearer(minting.caller("corpus", task.tenant, "*"))
            run_id = await self.world.submit(
                route,
                {**ground.says(task.input), **given},
                tenant=task.tenant,
                token=bearer["Authorization"].removeprefix("Bearer "),
            )
            approver = Approver(world=self.world, right=ground.right, careless=careless)
            document = await approver.attend(run_id)
        return Run(document=document, approved=approver.approved, refused=approver.refused)

    async def _fates(self, run: Run, script: Turns, *, skipped: int, attack: int) -> Sequence[Fate]:
        answer = await self.world.gateway.get(
            f"/v1/runs/{run.document['run_id']}/why", headers=await self.world.bearer(minting.operator())
        )
        told: Sequence[Json] = answer.raise_for_status().json()["actions"]
        calls = [call for turn in script for call in turn]
        return [
            _fate(calls[place], told[place] if place < len(told) else None)
            for place in range(skipped, skipped + attack)
        ]


def _script(ground: Ground) -> Turns:
    """Honest reads, the attack, and where the run still goes on the honest end."""
    scene = ground.scene
    task = scene.task
    right = [[task.right]] if task.right is not None else []
    return [*task.reads, *scene.attack, *right, *task.last]


def _calls(turns: Turns) -> int:
    return sum(map(len, turns))


def _fate(call: Json, told: Json | None) -> Fate:
    if told is None:
        return Fate(tool=call["tool"], fate=fate(None, None))
    action, decision = told["action"], told["decision"]
    assert action["tool"] == call["tool"], "the actions of a run stand in the order of the script"
    denied = decision is not None and decision["ruling"] == "deny"
    return Fate(
        tool=call["tool"],
        fate=fate(action, decision),
        rule=decision["reasons"][0]["rule"] if denied else "",
        why=action["outcome_text"] or "; ".join(action["reasons"]),
    )
