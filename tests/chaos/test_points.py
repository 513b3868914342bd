"""A tool worker that dies, or stops until another took over, at each named point of each kind of write."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from itertools import count
from typing import Final

import pytest
import pytest_asyncio

from tests.acceptance.stack_world import open_tickets
from tests.chaos.points import Order, Point, Way
from tests.chaos.rounds import played
from tests.chaos.stage import ROUTE_NAME, Stage, running_stage
from tests.chaos.writes import KINDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

SUCCEEDED, UNKNOWN = "succeeded", "unknown"
QUICK: Final = frozenset({"after_send-lookup-kill"})
"""Run by `make test`; all of them by `make chaos`."""

#: Of ``none``, where another attempt finds the claim taken: how often the mail was sent before the worker
#: that was stopped went on, and in the end.
IN_DOUBT: Final = {
    # Stopped before its last look at the claim: it finds that it was given up, and sends nothing.
    (Point.AFTER_CLAIM, Way.KILL): (0, 0),
    (Point.AFTER_CLAIM, Way.STOP): (0, 0),
    (Point.BEFORE_SEND, Way.KILL): (0, 0),
    # The gate asks once more at the first byte: what was given up meanwhile is not sent.
    (Point.BEFORE_SEND, Way.STOP): (0, 0),
    (Point.AFTER_SEND, Way.KILL): (1, 1),
    (Point.AFTER_SEND, Way.STOP): (1, 1),
    (Point.BEFORE_SETTLE, Way.KILL): (1, 1),
    (Point.BEFORE_SETTLE, Way.STOP): (1, 1),
}
_numbers = count()
_closing = iter(open_tickets()[:14])
_tickets = {"native": _closing, "lookup": iter(open_tickets()[14:28]), "none": iter(open_tickets()[14:28])}


def _cases() -> Sequence[object]:
    found = []
    for point in Point:
        for kind in KINDS:
            for way in Way:
                name = f"{point}-{kind}-{way}"
                marks = () if name in QUICK else (pytest.mark.chaos,)
                found.append(pytest.param(point, kind, way, id=name, marks=marks))
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One stack for all points."""
    async with running_stage(tmp_path_factory.mktemp("points"), slots=1) as found:
        yield found


@pytest.mark.parametrize(("point", "kind", "way"), _cases())
async def test_a_worker_at_this_point(stage: Stage, point: Point, kind: str, way: Way) -> None:
    """The run ends as the design says, the helpdesk executed it as often as that, and the books say so."""
    world, ticket = stage.world, next(_tickets[kind])
    call = KINDS[kind].call(ticket, next(_numbers))
    run_id = await world.start_on(ROUTE_NAME, {"script": [[call]], "final": "done"})
    run = await world.until(run_id, "waiting_approval")
    key = run["actions"][-1]["idempotency_key"]
    stage.points.order(Order(point=point, way=way, words=key))
    await world.approve(run)
    passage = await stage.points.struck(point, key)
    doubt = IN_DOUBT.get((point, way)) if kind == "none" else None
    before, after = doubt or (1, 1)
    run = await world.until(run_id, "waiting_reconciliation" if doubt else "completed")
    assert len(await world.writes(key)) == before
    if way is Way.STOP:
        await _go_on(stage, passage.pid, passage.at, acked=point is Point.AFTER_ACK)
        run = await world.run(run_id)
    (action,) = run["actions"]
    assert action["outcome"] == (UNKNOWN if doubt else SUCCEEDED)
    assert len(await world.writes(key)) == after
    if doubt:
        await _a_person_says(stage, run_id, "it_did" if after else "it_did_not")
    assert len(await world.writes(key)) == after


@pytest.mark.chaos
async def test_a_small_round_of_chaos(stage: Stage) -> None:
    """A mixed load under kills, stops and faults: nothing doubled, lost, unapproved or told wrongly."""
    found = await played(stage, seed=11, writes=6)
    assert found.faults() == []
    assert len(found.books.entries) >= 6
    assert found.troubles


async def _go_on(stage: Stage, pid: int, since: float, *, acked: bool) -> None:
    """Continue the stopped worker, and wait for the end of the attempt that it had in hand."""
    os.kill(pid, signal.SIGCONT)
    if not acked:
        await stage.ended(pid, since)
    await asyncio.sleep(0.2)


async def _a_person_says(stage: Stage, run_id: str, word: str) -> None:
    """The question of an unknown write is answered, and the run goes on to its end."""
    (action,) = (await stage.world.run(run_id))["actions"]
    question = action["reconciliation_id"]
    answer = await stage.world.decide(question, action["action_digest"], "grace", word)
    assert answer.is_success, answer.text
    run = await stage.world.until(run_id, "completed")
    assert run["actions"][0]["outcome"] == (SUCCEEDED if word == "it_did" else "failed")
