"""Several calls in one turn of the model, counted at the target."""

import json
from datetime import datetime
from typing import Any, Final

from tests.acceptance.conftest import MAILS, World

SLOW: Final = 3.0
"""Seconds for which each read lies at the helpdesk."""


def _read(ticket: str) -> dict[str, Any]:
    return {"tool": "tickets.get", "args": {"ticket_id": ticket}}


def _close(ticket: str) -> dict[str, Any]:
    return {"tool": "ticket.close", "args": {"ticket_id": ticket, "reason": "It works again."}}


async def test_reads_of_one_turn_lie_at_the_target_at_the_same_time(world: World) -> None:
    """Three reads of a turn all arrive before the first of them is answered; results keep their order."""
    tickets = [next(world.tickets) for _ in range(3)]
    await world.fault("get_ticket", "slow", 3, SLOW)
    run_id = await world.scripted([_read(ticket) for ticket in tickets])
    run = await world.reaches(run_id, "completed")
    assert [action["outcome"] for action in run["actions"]] == ["succeeded"] * 3
    came = [request for request in await world.all_requests() if request["request_id"] == run["request_id"]]
    # A slow machine may cost a read its lease, and it is made again: the first of each is what counts.
    first = came[: len(tickets)]
    assert {request["path"] for request in first} == {f"/tickets/{ticket}" for ticket in tickets}
    times = [datetime.fromisoformat(request["at"]) for request in first]
    assert (max(times) - min(times)).total_seconds() < SLOW


async def test_writes_of_one_turn_are_asked_and_done_one_after_the_other(world: World) -> None:
    """Each write of a turn has its own approval, in the order proposed; a denied one stops no other."""
    first, second, third = (next(world.tickets) for _ in range(3))
    run_id = await world.scripted(
        [_close(first), {"tool": "no.such", "args": {}}, _close(second), _close(third)]
    )
    for ticket, decision in ((first, "approve"), (second, "deny"), (third, "approve")):
        asked = await world.asked(run_id, ticket)
        assert not await world.writes(ticket)
        assert (await world.decide(asked, "ada", decision)).status_code == 200
    run = await world.reaches(run_id, "completed")
    outcomes = [action["outcome"] for action in run["actions"]]
    assert outcomes == ["succeeded", "denied", "rejected", "succeeded"]
    assert len({action["approval_id"] for action in run["actions"] if action["approval_id"]}) == 3
    assert [len(await world.writes(ticket)) for ticket in (first, second, third)] == [1, 0, 1]


async def test_equal_writes_of_a_run_are_so_many_actions_and_each_says_that_it_repeats(world: World) -> None:
    """Three equal mails: three keys, three approvals, and cards that count what was done before."""
    ticket = next(world.tickets)
    mail = {
        "tool": "email.send",
        "args": {"ticket_id": ticket, "subject": "Works again", "body": "Please look."},
    }
    run_id = await world.submit(MAILS, {"script": [[mail, mail, mail]], "final": "Done."})
    asked, unlike = [], ""
    for repeats in ("", "exactly this once before", "exactly this 2 times before"):
        waiting = await world.asked(run_id, ticket, unlike)
        card = json.dumps(await world.card(waiting))
        assert (repeats in card, "This repeats" in card) == (True, bool(repeats))
        assert (await world.decide(waiting, "ada", "approve")).status_code == 200
        asked.append(waiting)
        unlike = waiting.approval_id
    await world.reaches(run_id, "completed")
    key = asked[0].key
    assert [one.key for one in asked] == [key, f"{key}#2", f"{key}#3"]
    assert [write["idempotency_key"] for write in await world.writes(ticket)] == [one.key for one in asked]
    assert len(await world.mails(ticket)) == 3
