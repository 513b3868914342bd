"""What people say while somebody does not answer: kept, shown to operators, and told as soon as he does."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cli import minting
from embedded import endpoints
from tests.acceptance.command_line import document
from tests.acceptance.conftest import ADA, SECONDS, TWO, Waiting, World


@contextmanager
def stopped(world: World, part: str) -> Iterator[None]:
    """The part of the stack does nothing, as if its machine had hung."""
    found = endpoints.read(world.state.directory)
    assert found is not None
    pid = int(found["pids"][part])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def letters(world: World, waiting: Waiting) -> list[dict[str, Any]]:
    """What waits for the run, over HTTP."""
    headers = await world.bearer(minting.operator())
    found = (await world.gateway.get("/v1/outbox", headers=headers)).json()["letters"]
    return [one for one in found if one["run_id"] == waiting.run_id and one["kind"] != "card"]


async def until_told(world: World, waiting: Waiting) -> None:
    until = time.monotonic() + SECONDS
    while await letters(world, waiting):
        assert time.monotonic() < until, "the run was not told"
        await asyncio.sleep(0.1)


async def listed(world: World, *options: str) -> list[dict[str, Any]]:
    """What ``interlock outbox list`` says."""
    said = await document(world.state.directory, "outbox", "list", *options)
    found: list[dict[str, Any]] = said["letters"]
    return found


async def test_a_click_while_no_agent_worker_answers_is_told_by_a_signal(world: World) -> None:
    """Temporal keeps it until a worker is there again; then the run goes on, and writes once."""
    waiting = await world.waiting()
    with stopped(world, "agent"):
        await world.click(waiting, ADA)
        await until_told(world, waiting)
        assert (await world.run(waiting.run_id))["state"] == "waiting_approval"
    await world.reaches(waiting.run_id, "completed")
    assert len(await world.writes(waiting.ticket)) == 1


async def test_a_click_while_temporal_hangs_waits_where_operators_see_it(world: World) -> None:
    """It is acknowledged, listed with what went wrong, and told by itself when Temporal answers again."""
    waiting = await world.waiting()
    with stopped(world, "temporal"):
        assert (await world.click(waiting, ADA))["status"] == 200
        until = time.monotonic() + SECONDS
        while not (one := await letters(world, waiting)) or not one[0]["attempts"]:
            assert time.monotonic() < until, one
            await asyncio.sleep(0.2)
        assert one[0]["outbox_id"] in {letter["outbox_id"] for letter in await listed(world)}
        assert (one[0]["kind"], one[0]["dead"]) == ("decision", False)
        assert "Temporal" in one[0]["error"]
        assert await listed(world, "--dead") == []
    await world.reaches(waiting.run_id, "completed")
    await until_told(world, waiting)
    assert len(await world.writes(waiting.ticket)) == 1


async def test_while_slack_fails_page_and_command_line_decide_and_the_cards_catch_up(world: World) -> None:
    """Neither an outage nor a rate limit keeps anybody from deciding; the cards say it when Slack answers."""
    by_command, by_page = await world.waiting(), await world.waiting(TWO)
    for on in (by_command, by_page):
        await world.card(on)
    for kind, count in (("fail", 2), ("rate_limited", 2)):
        order = {"method": "chat.update", "kind": kind, "count": count, "retry_after": 2}
        (await world.slack.post("/control/faults", json=order)).raise_for_status()
    decided = ("approvals", "decide", by_command.approval_id, "--approve", "--as", "ada")
    assert (await document(world.state.directory, *decided))["state"] == "approved"
    assert (await world.decide(by_page, "ada", "approve")).status_code == 200
    assert (await world.sign(by_page)).status_code == 303
    for on in (by_command, by_page):
        await world.reaches(on.run_id, "completed")
        assert len(await world.writes(on.ticket)) == 1
        await _says(world, on, "Done")


async def _says(world: World, on: Waiting, words: str) -> None:
    until = time.monotonic() + SECONDS
    while not (await world.card(on))["text"].startswith(words):
        assert time.monotonic() < until, await world.card(on)
        await asyncio.sleep(0.1)
