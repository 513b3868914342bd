"""A run undone by a run : by the command line, approved by another person, counted at its target."""

import asyncio
import json
import secrets
import sqlite3
from typing import Any

import httpx

from cli import minting
from tests.acceptance.command_line import interlock
from tests.acceptance.conftest import TWO, Waiting, World


async def _ask(
    world: World, run_id: str, tenant: str = "acme", route: str = "*", **body: Any
) -> httpx.Response:
    """The undo of that run, asked for by a service of that tenant on that route."""
    return await world.gateway.post(
        f"/v1/runs/{run_id}/undo",
        json=body,
        headers=await world.bearer(minting.caller("tests", tenant, route))
        | {"Idempotency-Key": secrets.token_hex(8)},
    )


async def _undone(world: World, run_id: str) -> str:
    """Id of the run that undoes it."""
    answer = await _ask(world, run_id)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["run_id"])


async def _approve(world: World, on: Waiting, person: str = "grace") -> dict[str, Any]:
    """The run, completed after that person's approval."""
    assert (await world.decide(on, person, "approve")).status_code == 200
    return await world.reaches(on.run_id, "completed")


def _close(ticket: str) -> dict[str, Any]:
    return {"tool": "ticket.close", "args": {"ticket_id": ticket, "reason": "It works again."}}


def _ticket(world: World, ticket: str) -> dict[str, Any]:
    """The ticket as the helpdesk keeps it."""
    with sqlite3.connect(world.state.directory / "helpdesk.db") as database:
        (document,) = database.execute("SELECT document FROM tickets WHERE id = ?", (ticket,)).fetchone()
    database.close()
    found: dict[str, Any] = json.loads(document)
    return found


async def _operations(world: World, ticket: str) -> list[str]:
    return [write["operation"] for write in await world.writes(ticket)]


async def test_a_closed_ticket_is_reopened_by_an_approved_undo_once(world: World) -> None:
    """One close, one reopen; the card says whose undo it is, and whoever asked for it does not approve it."""
    closing = await world.waiting(on_behalf_of="user:u-1001")
    await _approve(world, closing)
    status, out, err = await interlock(
        world.state.directory, "run", "undo", closing.run_id, "--reason", "Wrong.", "--json"
    )
    assert status == 0, err
    undo = json.loads(out)
    assert (undo["undoes"], undo["on_behalf_of"]) == (closing.run_id, "user:u-1001")
    asked = await world.asked(undo["run_id"], closing.ticket)
    card = json.dumps((await world.card(asked))["blocks"], ensure_ascii=False)
    assert f"This undoes ticket.close {closing.ticket}, which run {closing.run_id} did." in card
    assert "Wrong." in card
    assert (await world.decide(asked, "ada", "approve")).status_code == 403
    assert await _operations(world, closing.ticket) == ["close"]

    run = await _approve(world, asked)
    assert run["result"]["text"].startswith(f"1 of 1 actions of run {closing.run_id} undone.")
    assert await _operations(world, closing.ticket) == ["close", "reopen"]
    assert _ticket(world, closing.ticket)["status"] == "open"
    refused = await _ask(world, closing.run_id)
    assert (refused.status_code, undo["run_id"] in refused.json()["detail"]) == (409, True)

    again = await world.asked(await _undone(world, undo["run_id"]), closing.ticket)
    await _approve(world, again)
    assert await _operations(world, closing.ticket) == ["close", "reopen", "close"]
    assert _ticket(world, closing.ticket)["resolution"]["reason"] == "The customer says it works."
    (_, shown, _), (verified, proof, _) = await asyncio.gather(
        interlock(world.state.directory, "run", "show", closing.run_id),
        interlock(world.state.directory, "audit", "verify", "--tenant", "acme"),
    )
    assert f"undone by run {undo['run_id']}" in shown
    assert "interlock run undo" not in shown
    assert verified == 0, proof


async def test_a_cancelled_run_says_what_it_had_done_and_that_is_undone(world: World) -> None:
    """What was written before the cancellation is named, offered and undone; what was not is not."""
    first, second = next(world.tickets), next(world.tickets)
    run_id = await world.scripted([_close(first)], [_close(second)])
    assert (await world.decide(await world.asked(run_id, first), "ada", "approve")).status_code == 200
    await world.asked(run_id, second)
    _, out, _ = await interlock(world.state.directory, "run", "cancel", run_id, "--reason", "Wrong tickets.")
    assert f"interlock run undo {run_id}" in out
    run = await world.reaches(run_id, "cancelled")
    assert run["result"]["text"].splitlines() == [
        "Wrong tickets.",
        f"It had done: ticket.close {first} (ticket.reopen undoes it).",
    ]
    await _approve(world, await world.asked(await _undone(world, run_id), first))
    assert await _operations(world, first) == ["close", "reopen"]
    assert await _operations(world, second) == []


async def test_an_update_is_undone_field_by_field(world: World) -> None:
    """The fields that it changed are as they were, on the ticket as it is by then; no others are touched."""
    ticket = next(world.tickets)
    before = _ticket(world, ticket)
    wanted = {"priority": "low" if before["priority"] != "low" else "high", "status": before["status"]}
    run_id = await world.scripted([{"tool": "ticket.update", "args": {"ticket_id": ticket, **wanted}}])
    await _approve(world, await world.asked(run_id, ticket))
    await world.touch(ticket)
    asked = await world.asked(await _undone(world, run_id), ticket)
    frozen = (await world.approval(asked.approval_id))["action"]
    assert frozen["arguments"] == {"ticket_id": ticket, "priority": before["priority"]}
    assert frozen["preview"]["changes"] == [
        {"field": "priority", "before": wanted["priority"], "after": before["priority"]}
    ]
    await _approve(world, asked)
    after = _ticket(world, ticket)
    assert [after[name] for name in ("priority", "status", "tags")] == [
        before[name] for name in ("priority", "status", "tags")
    ]
    assert len(await world.writes(ticket)) == 2


async def test_an_undo_that_is_not_permitted_writes_nothing(world: World) -> None:
    """Neither by a route that does not allow it, nor for another tenant, nor by who may not use the route."""
    closing = await world.waiting(TWO)
    await world.decide(closing, "ada", "approve")
    assert (await world.sign(closing)).status_code == 303
    await world.reaches(closing.run_id, "completed")
    denied = await _ask(world, closing.run_id)
    assert denied.status_code == 403
    assert "no rule of the route allows `ticket.reopen`" in denied.json()["detail"]
    for tenant, route in (("globex", "*"), ("acme", "support/close")):
        assert (await _ask(world, closing.run_id, tenant, route)).status_code == 404
    assert await _operations(world, closing.ticket) == ["close"]
