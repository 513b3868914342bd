"""A break-glass process that dies, or stops until another takes over, at each named point of an act."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from itertools import count
from typing import Final

import httpx
import pytest
import pytest_asyncio

from tests.acceptance.glass_desk import GlassDesk, Json
from tests.acceptance.stack_world import open_tickets
from tests.chaos.glass_stage import GlassStage, running_glass, until_ended
from tests.chaos.points import Order, Point, Way
from tests.chaos.test_points import IN_DOUBT, SUCCEEDED, UNKNOWN
from tests.chaos.writes import KINDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUICK: Final = frozenset({"after_send-lookup-kill"})
"""Run by `make test`; all of them by `make chaos`."""
_CLAIMED: Final = (Point.AFTER_CLAIM, Point.BEFORE_SEND, Point.AFTER_SEND)
"""Where a stopped process is taken over with its act half done."""
_numbers = count()
_tickets = iter(open_tickets())


def _cases() -> Sequence[object]:
    found = []
    for point in Point:
        for kind in KINDS:
            for way in Way:
                if way is Way.STOP and point not in _CLAIMED:
                    continue
                name = f"{point}-{kind}-{way}"
                marks = () if name in QUICK else (pytest.mark.chaos,)
                found.append(pytest.param(point, kind, way, id=name, marks=marks))
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GlassStage]:
    """One stack for all points."""
    async with running_glass(tmp_path_factory.mktemp("glass")) as found:
        yield found


@pytest.mark.parametrize(("point", "kind", "way"), _cases())
async def test_break_glass_at_this_point(stage: GlassStage, point: Point, kind: str, way: Way) -> None:
    """An act ends as an agent's write does, is executed as often, and its session ends with a report."""
    desk, ticket = stage.asking(), next(_tickets)
    call = KINDS[kind].call(ticket, next(_numbers))
    session = await desk.opened(call["tool"])
    act = await desk.proposed(session, call["tool"], call["args"])
    key = act["idempotency_key"]
    stage.points.order(Order(point=point, way=way, words=key))
    confirming = asyncio.create_task(_confirmed(desk, session, act))
    passage = await stage.points.struck(point, key)
    doubt = IN_DOUBT.get((point, way)) if kind == "none" else None
    async with stage.reachable(desk, way) as reachable:
        ended = await until_ended(reachable, session)
        executed = len(await stage.world.writes(key))
        assert executed == (doubt or (1, 1))[0]
        if way is Way.STOP:
            os.kill(passage.pid, signal.SIGCONT)
        await confirming
    (found,) = ended["acts"]
    assert found["outcome"] == (UNKNOWN if doubt else SUCCEEDED)
    assert len(await stage.world.writes(key)) == executed
    assert (ended["state"], ended["ended_by"]) == ("closed", "break-glass")
    assert "process ended" in ended["ended_why"]
    report = await desk.report(session)
    assert [one["outcome"] for one in report["acts"]] == [found["outcome"]]
    if doubt:
        said = await desk.said(session, found, "it_did" if executed else "it_did_not")
        assert said["outcome"] == (SUCCEEDED if executed else "failed")
        assert len(await stage.world.writes(key)) == executed


@pytest.mark.chaos
@pytest.mark.parametrize("point", [Point.AFTER_CLAIM, Point.BEFORE_SEND])
async def test_a_process_that_sleeps_through_the_minute(stage: GlassStage, point: Point) -> None:
    """Who was stopped before its request left, and goes on when the minute is over, sends nothing."""
    desk, ticket = stage.asking(), next(_tickets)
    session = await desk.opened("ticket.close", minutes=1)
    act = await desk.proposed(session, "ticket.close", {"ticket_id": ticket, "reason": "It works."})
    key = act["idempotency_key"]
    stage.points.order(Order(point=point, way=Way.STOP, words=key))
    confirming = asyncio.create_task(_confirmed(desk, session, act))
    passage = await stage.points.struck(point, key)
    await asyncio.sleep(62 - (time.time() - passage.at))
    os.kill(passage.pid, signal.SIGCONT)
    await confirming
    ended = await until_ended(desk, session)
    assert ended["acts"][0]["outcome"] not in (SUCCEEDED, UNKNOWN)
    assert await stage.world.writes(key) == []


async def _confirmed(desk: GlassDesk, session: Json, act: Json) -> None:
    """Its answer, if one comes: the process may die before, or lose the session to another."""
    try:
        await desk.confirm(session, act)
    except (httpx.TransportError, AssertionError):
        return
