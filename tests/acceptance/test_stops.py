"""Tools, a tenant, a route and everything, stopped on a whole stack while runs are at their work."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

import pytest

from cli import minting
from tests.acceptance.conftest import SCRIPTED, World
from tests.acceptance.stop_scene import SCOPES, Outside, played

RUNS = 12


async def _outside(world: World) -> Outside:
    return Outside(
        gateway=world.gateway,
        helpdesk=world.helpdesk,
        caller=await world.bearer(minting.caller("tests", "acme", "*")),
        approver=await world.bearer(minting.approver("ada")),
        operator=await world.bearer(minting.operator()),
        route=SCRIPTED,
    )


async def test_runs_in_flight_stand_still_and_carry_on(world: World) -> None:
    """Two tools switched off in the middle: no call of theirs leaves later than a second after; lifted, all
    runs complete, and every approved write happened once by the target's own count."""
    tickets = list(islice(world.tickets, 2 * RUNS))
    pairs = list(zip(tickets[:RUNS], tickets[RUNS:], strict=True))
    seen = await played(await _outside(world), pairs, seconds=90)
    assert seen.broke_the_law == []
    assert seen.states["completed"] < RUNS, "nothing was in flight"
    assert seen.completed == RUNS
    assert seen.writes == dict.fromkeys(tickets[RUNS:], 1)


@pytest.mark.parametrize("scope", ["all", "tenant:acme", f"route:{SCRIPTED}"])
async def test_a_wide_stop_holds_what_waits_in_the_queue_and_for_approval(world: World, scope: str) -> None:
    """A run that is started under it asks no model; one that was approved under it writes nothing. Lifted,
    both come to their end."""
    waiting = await world.waiting()
    await world.switch(scope, stopped=True)
    try:
        queued, ticket = await world.start()
        assert (await world.decide(waiting, "ada", "approve")).is_success
        halted = [await world.reaches(run_id, "halted") for run_id in (queued, waiting.run_id)]
        assert (halted[0]["spend"]["steps"], await world.writes(waiting.ticket)) == (0, [])
    finally:
        await world.switch(scope, stopped=False)
    await world.reaches(waiting.run_id, "completed")
    assert (await world.decide(await world.asked(queued, ticket), "ada", "approve")).is_success
    await world.reaches(queued, "completed")
    assert len(await world.writes(waiting.ticket)) == 1


async def test_approvals_of_before_a_stop_are_asked_for_anew(world: World) -> None:
    """Approved, stopped, and lifted: the run shows a new card, and its write happens once."""
    await world.switch(SCOPES[1], stopped=True)
    try:
        # Under the stop it halts before anybody is asked.
        run_id, ticket = await world.start()
        await world.reaches(run_id, "halted")
        assert await _cards(world, run_id) == 0
    finally:
        await world.switch(SCOPES[1], stopped=False)
    asked = await world.asked(run_id, ticket)
    await world.switch(SCOPES[1], stopped=True)
    assert (await world.decide(asked, "ada", "approve")).is_success
    await world.reaches(run_id, "halted")
    # Stopped once more, after it was approved.
    await world.switch(SCOPES[1], stopped=True)
    await world.switch(SCOPES[1], stopped=False)
    again = await world.asked(run_id, ticket, unlike=asked.approval_id)
    assert await world.writes(ticket) == []
    assert (await world.decide(again, "ada", "approve")).is_success
    await world.reaches(run_id, "completed")
    assert len(await world.writes(ticket)) == 1


async def _cards(world: World, run_id: str) -> int:
    return sum(run_id in str(message["blocks"]) for message in await world.messages())


async def test_a_stop_for_a_time_ends_by_itself(world: World) -> None:
    """Set by the command in Slack for two seconds: the run halts, and carries on without anybody."""
    asked = await world.waiting()
    before = len(await world.told("U0KATHERINE"))
    typed = await world.slack.post("/control/command", json=_typed("stop all Just looking for 3s"))
    assert typed.json()["acknowledged"], typed.text
    told = await world.next_told("U0KATHERINE", before)
    assert told.startswith("all is stopped by Katherine (principal:katherine)")
    assert (await world.decide(asked, "ada", "approve")).is_success
    await world.reaches(asked.run_id, "halted")
    await world.reaches(asked.run_id, "completed")
    assert len(await world.writes(asked.ticket)) == 1


def _typed(text: str, user: str = "U0KATHERINE") -> Mapping[str, Any]:
    return {"channel": "C0APPROVALS", "user": user, "text": f"/interlock {text}"}
