"""Several calls in one turn of the model, counted at the target."""

import asyncio
import secrets
import time
from datetime import datetime
from typing import Any, Final

from cli import minting
from tests.acceptance.conftest import SCRIPTED, SECONDS, Waiting, World

SLOW: Final = 3.0
"""Seconds for which each read lies at the helpdesk."""


def _read(ticket: str) -> dict[str, Any]:
    return {"tool": "tickets.get", "args": {"ticket_id": ticket}}


def _close(ticket: str) -> dict[str, Any]:
    return {"tool": "ticket.close", "args": {"ticket_id": ticket, "reason": "It works again."}}


async def _start(world: World, *turns: list[dict[str, Any]]) -> str:
    answer = await world.gateway.post(
        "/v1/runs",
        json={"route": SCRIPTED, "input": {"script": turns, "final": "Done."}},
        headers=await world.bearer(minting.caller("tests", "acme", "*"))
        | {"Idempotency-Key": secrets.token_hex(8)},
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["run_id"])


async def _asked(world: World, run_id: str, ticket: str) -> Waiting:
    """The approval of that ticket's close, once the run waits for it and for nothing else."""
    until = time.monotonic() + SECONDS
    while True:
        run = await world.run(run_id)
        waiting = [action for action in run["actions"] if action["approval_id"] and not action["outcome"]]
        assert len(waiting) <= 1, "more than one approval is asked for at a time"
        if waiting and waiting[0]["idempotency_key"].endswith(f":{ticket}"):
            return Waiting(
                run_id=run_id,
                ticket=ticket,
                approval_id=waiting[0]["approval_id"],
                action_digest=waiting[0]["action_digest"],
                key=waiting[0]["idempotency_key"],
            )
        assert time.monotonic() < until, run["actions"]
        await asyncio.sleep(0.1)


async def test_reads_of_one_turn_lie_at_the_target_at_the_same_time(world: World) -> None:
    """Three reads of a turn all arrive before the first of them is answered; results keep their order."""
    tickets = [next(world.tickets) for _ in range(3)]
    fault = {"operation": "get_ticket", "mode": "slow", "times": 3, "seconds": SLOW}
    (await world.helpdesk.put("/control/faults", json=fault)).raise_for_status()
    run_id = await _start(world, [_read(ticket) for ticket in tickets])
    run = await world.reaches(run_id, "completed")
    assert [action["outcome"] for action in run["actions"]] == ["succeeded"] * 3
    requests = (await world.helpdesk.get("/control/requests")).raise_for_status().json()["requests"]
    came = [
        datetime.fromisoformat(request["at"])
        for request in requests
        if request["path"] in {f"/tickets/{ticket}" for ticket in tickets}
    ]
    assert len(came) == 3
    assert (max(came) - min(came)).total_seconds() < SLOW


async def test_writes_of_one_turn_are_asked_and_done_one_after_the_other(world: World) -> None:
    """Each write of a turn has its own approval, in the order proposed; a denied one stops no other."""
    first, second, third = (next(world.tickets) for _ in range(3))
    run_id = await _start(
        world, [_close(first), {"tool": "no.such", "args": {}}, _close(second), _close(third)]
    )
    for ticket, decision in ((first, "approve"), (second, "deny"), (third, "approve")):
        asked = await _asked(world, run_id, ticket)
        assert not await world.writes(ticket)
        assert (await world.decide(asked, "ada", decision)).status_code == 200
    run = await world.reaches(run_id, "completed")
    outcomes = [action["outcome"] for action in run["actions"]]
    assert outcomes == ["succeeded", "denied", "rejected", "succeeded"]
    assert len({action["approval_id"] for action in run["actions"] if action["approval_id"]}) == 3
    assert [len(await world.writes(ticket)) for ticket in (first, second, third)] == [1, 0, 1]
