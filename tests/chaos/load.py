"""The load of a round: runs that propose writes of every kind, and people who judge each of them."""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import httpx

from contracts.errors import InterlockError
from tests.acceptance.stack_world import ENDED, Json, World, open_tickets
from tests.chaos.stage import ROUTE_NAME
from tests.chaos.writes import KINDS, Kind

_LOOK: Final = 0.3
_AT_A_TIME: Final = 8
"""Runs; each has a ticket of its own, but for those that meet on one."""
_DENIED: Final = 0.04
"""Share of the proposals that a person says no to."""
_LOOKED_INTO: Final = 0.8
"""Share of the questions that somebody answers while the storm goes on; the others are left for its end."""
_LOOKS_AFTER: Final = 60.0
"""Seconds. Longer than any worker stays stopped here, or any request lies; a person takes their time."""
_AWAY: Final = (httpx.TransportError, httpx.HTTPStatusError, AssertionError, InterlockError)
"""What somebody meets who asks a gateway, a Slack or a key store that was just killed; they ask again."""

REOPEN: Final = Kind(
    tool="ticket.reopen",
    operation="reopen",
    call=lambda ticket, _: {
        "tool": "ticket.reopen",
        "args": {"ticket_id": ticket, "reason": "It came back."},
    },
)


@dataclass(kw_only=True)
class Load:
    """Plays until so many writes were approved."""

    world: World
    rng: random.Random
    writes: int
    #: Every run that was started.
    runs: list[str] = field(default_factory=list)
    #: By approval: the key of the write that a person said yes to.
    approved: dict[str, str] = field(default_factory=dict)
    _judged: set[str] = field(default_factory=set)
    _number: int = 0

    async def play(self) -> None:
        """Return when enough was approved and every run has ended, or waits to be told what happened."""
        tickets: asyncio.Queue[str] = asyncio.Queue()
        for ticket in self.rng.sample(open_tickets(), len(open_tickets())):
            tickets.put_nowait(ticket)
        async with asyncio.TaskGroup() as group:
            for seed in [self.rng.random() for _ in range(_AT_A_TIME)]:
                group.create_task(self._player(random.Random(seed), tickets))

    @property
    def done(self) -> int:
        return len(set(self.approved.values()))

    async def _player(self, rng: random.Random, tickets: "asyncio.Queue[str]") -> None:
        """One run after the other; one that waits for a word keeps its ticket, and is looked into later."""
        async with asyncio.TaskGroup() as group:
            while self.done < self.writes:
                ticket = await tickets.get()
                run_id = await self._start(self._script(rng, ticket))
                self.runs.append(run_id)
                if await self.follow(run_id, rng) in ENDED:
                    tickets.put_nowait(ticket)
                elif rng.random() < _LOOKED_INTO:
                    group.create_task(self._look_into(run_id, ticket, random.Random(rng.random()), tickets))

    async def _look_into(
        self, run_id: str, ticket: str, rng: random.Random, tickets: "asyncio.Queue[str]"
    ) -> None:
        """Say what the helpdesk's log shows; the run goes on, and proposes what it has left."""
        looks = time.monotonic() + _LOOKS_AFTER
        while self.done < self.writes:
            await asyncio.sleep(_LOOK)
            if time.monotonic() < looks:
                continue
            with suppress(*_AWAY):
                await say(self.world, await self.world.run(run_id))
                if await self.follow(run_id, rng) in ENDED:
                    tickets.put_nowait(ticket)
                    return

    def _script(self, rng: random.Random, ticket: str) -> Sequence[Sequence[Json]]:
        kinds = [KINDS["lookup"], KINDS["none"], KINDS["native"], KINDS["lookup"], REOPEN]
        rng.shuffle(kinds)
        numbers = range(self._number, self._number + len(kinds))
        self._number += len(kinds)
        calls = [kind.call(ticket, number) for kind, number in zip(kinds, numbers, strict=True)]
        cut = rng.randint(1, len(calls) - 1)
        return [calls[:cut], calls[cut:]]

    async def _start(self, script: Sequence[Sequence[Json]]) -> str:
        while True:
            with suppress(*_AWAY):
                return await self.world.start_on(ROUTE_NAME, {"script": script, "final": "done"})
            await asyncio.sleep(_LOOK)

    async def follow(self, run_id: str, rng: random.Random) -> str:
        """Judge what the run asks for; the state in which nothing more is to be judged."""
        while True:
            with suppress(*_AWAY):
                run = await self.world.run(run_id)
                if run["state"] in ENDED or run["state"] == "waiting_reconciliation":
                    return str(run["state"])
                for action in run["actions"]:
                    if action["approval_id"] and not action["outcome"]:
                        await self._judge(action, rng)
            await asyncio.sleep(_LOOK)

    async def _judge(self, action: Json, rng: random.Random) -> None:
        approval = action["approval_id"]
        if approval in self._judged:
            return
        if rng.random() < _DENIED:
            (await self.world.decide(approval, action["action_digest"], "ada", "deny")).raise_for_status()
            self._judged.add(approval)
            return
        # Before the click: it may count although its answer is lost.
        self.approved[approval] = action["idempotency_key"]
        if rng.random() < 0.5:
            await self.world.click(approval, seconds=5)
        else:
            answer = await self.world.decide(approval, action["action_digest"], "ada", "approve")
            if answer.status_code != httpx.codes.CONFLICT:
                answer.raise_for_status()
        self._judged.add(approval)


async def say(world: World, run: Json) -> None:
    """Answer what is asked about a run's unknown writes, as the helpdesk's own log shows it."""
    for action in run["actions"]:
        if action["outcome"] == "unknown" and action["reconciliation_id"]:
            word = "it_did" if await world.writes(action["idempotency_key"]) else "it_did_not"
            await world.decide(action["reconciliation_id"], action["action_digest"], "grace", word)
