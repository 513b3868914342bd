"""One round: a load under a storm, then calm, the books, and what people say about what is unknown."""

import asyncio
import random
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import httpx

from cli.proving import prove
from cli.state import State
from tests.acceptance.stack_world import ENDED, Json
from tests.chaos.books import Books, Store, compared
from tests.chaos.load import Load, say
from tests.chaos.stage import Stage
from tests.chaos.storm import Storm

_CALM_SECONDS: Final = 180.0
"""Within which every run ends, or asks people, once nothing disturbs it any more."""
_CARDS_SECONDS: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class Round:
    """What a round came to."""

    seed: int
    seconds: float
    #: Before anybody said what the unknown writes had done, and after.
    books: Books
    after: Books
    troubles: dict[str, int]
    #: The first break of an audit chain; None: all hold, against their anchors too.
    broken: Json | None

    def faults(self) -> list[str]:
        found = [*self.books.faults(), *(f"after the answers: {fault}" for fault in self.after.faults())]
        if self.broken is not None:
            found.append("misreported: the audit of {tenant} breaks at {seq}: {why}".format(**self.broken))
        return found


async def played(stage: Stage, *, seed: int, writes: int) -> Round:
    """Play one round; the seed decides what is proposed, what people say and what goes wrong when."""
    rng, began = random.Random(seed), time.monotonic()
    before = frozenset([str(write["idempotency_key"]) for write in await stage.world.log()])
    load = Load(world=stage.world, rng=random.Random(rng.random()), writes=writes)
    storm = Storm(stage=stage, rng=random.Random(rng.random()))
    playing = asyncio.create_task(load.play())
    try:
        await _under(storm, load, playing)
        with suppress(TimeoutError):
            async with asyncio.timeout(_CALM_SECONDS):
                await playing
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
    books = await _asked(stage, load, before)
    await _people_say(stage, load)
    return Round(
        seed=seed,
        seconds=time.monotonic() - began,
        books=books,
        after=await _compared(stage, load, before),
        troubles=storm.told,
        broken=(await prove(State(directory=stage.world.state)))["broken"],
    )


async def _under(storm: Storm, load: Load, playing: "asyncio.Task[None]") -> None:
    """The storm, until enough was approved; then calm."""
    raging = asyncio.create_task(storm.rage())
    try:
        while load.done < load.writes and not playing.done():  # noqa: ASYNC110 - both go on by themselves
            await asyncio.sleep(0.2)
    finally:
        raging.cancel()
        await asyncio.gather(raging, return_exceptions=True)
        await storm.calm()


async def _asked(stage: Stage, load: Load, before: frozenset[str]) -> Books:
    """The books, once the outbox had time to post the cards of the last questions."""
    deadline = time.monotonic() + _CARDS_SECONDS
    while True:
        books = await _compared(stage, load, before)
        waiting = any(entry.run == "unknown" and not entry.questioned for entry in books.entries)
        if not waiting or time.monotonic() > deadline:
            return books
        await asyncio.sleep(0.5)


async def _compared(stage: Stage, load: Load, before: frozenset[str]) -> Books:
    store = Store(stage.world.state)
    try:
        return compared(
            store,
            log=await stage.world.log(),
            mails=len(await stage.world.mails()),
            runs=[await _document(stage, run_id) for run_id in load.runs],
            clicked=load.approved.values(),
            before=before,
        )
    finally:
        store.close()


async def _document(stage: Stage, run_id: str) -> Json:
    for _ in range(20):
        with suppress(httpx.TransportError):
            return await stage.world.run(run_id)
        await asyncio.sleep(0.5)
    raise AssertionError(f"the gateway does not answer for {run_id}")


async def _people_say(stage: Stage, load: Load) -> None:
    """Somebody looks into the helpdesk's log and says what it shows, until nothing is unknown any more."""
    deadline = time.monotonic() + _CALM_SECONDS
    waiting = list(load.runs)
    while waiting and time.monotonic() < deadline:
        still = []
        for run_id in waiting:
            run = await _document(stage, run_id)
            await say(stage.world, run)
            for action in run["actions"]:
                if action["approval_id"] and not action["outcome"]:
                    await load.follow(run_id, random.Random(0))
            if run["state"] not in ENDED or any(one["outcome"] == "unknown" for one in run["actions"]):
                still.append(run_id)
        waiting = still
        await asyncio.sleep(0.3)
