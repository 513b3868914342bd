"""Runs cancelled, halted, or ended in Temporal at every point of a write, counted at its target."""

import asyncio
import os
import signal
import time
from typing import Any, Final

import pytest

from cli import minting
from tests.acceptance.conftest import ADA, ONCE, SCRIPTED, SECONDS, Waiting, World

SLOW: Final = 3.0
"""Seconds that the target lets a write lie."""
SOON: Final = 10.0
"""Within which a cancellation has come to an activity that beats."""
CLOSE: Final = "ticket.close"


def _close(ticket: str, tool: str = CLOSE) -> dict[str, Any]:
    return {"tool": tool, "args": {"ticket_id": ticket, "reason": "It works again."}}


async def _asked(world: World, tool: str = CLOSE) -> Waiting:
    ticket = next(world.tickets)
    return await world.asked(await world.scripted([_close(ticket, tool)]), ticket)


async def _approved(world: World, asked: Waiting) -> None:
    assert (await world.decide(asked, "ada", "approve")).status_code == 200


async def _sent(world: World, asked: Waiting) -> None:
    """Return when the write was claimed and is on its way."""
    headers = await world.bearer(minting.operator())
    async with asyncio.timeout(SECONDS):
        while True:
            answer = await world.gateway.get("/v1/audit", params={"run_id": asked.run_id}, headers=headers)
            if '"attempt"' in answer.text:
                return
            await asyncio.sleep(0.05)


async def _cancelled(world: World, asked: Waiting, within: float = SOON) -> dict[str, Any]:
    """Cancel; the run once it has ended, which it soon does. Its result says why."""
    began = time.monotonic()
    await world.cancel(asked.run_id)
    run = await world.reaches(asked.run_id, "cancelled")
    assert time.monotonic() - began < within
    assert run["result"]["text"].startswith("no longer needed")
    return run


def _outcomes(run: dict[str, Any]) -> list[str]:
    return [action["outcome"] for action in run["actions"]]


async def test_cancelled_before_any_worker_has_looked(world: World) -> None:
    """The agent worker stands still: when it wakes the run ends, and its model was never asked."""
    worker = world.endpoints.pids["agent"]
    os.kill(worker, signal.SIGSTOP)
    try:
        run_id = await world.scripted([_close(next(world.tickets))])
        await world.cancel(run_id)
    finally:
        os.kill(worker, signal.SIGCONT)
    run = await world.reaches(run_id, "cancelled")
    assert run["result"]["text"] == "no longer needed\nIt had written nothing."
    assert (run["actions"], run["spend"]["steps"]) == ([], 0)


async def test_cancelled_while_it_waits_for_approval(world: World) -> None:
    """The card loses its buttons, a click that comes later is told so, and nothing is written."""
    asked = await _asked(world)
    run = await _cancelled(world, asked)
    assert _outcomes(run) == ["skipped"]
    assert (await world.approval(asked.approval_id))["state"] == "cancelled"
    async with asyncio.timeout(SECONDS):
        while any(block["type"] == "actions" for block in (await world.card(asked))["blocks"]):  # noqa: ASYNC110  the outbox does it
            await asyncio.sleep(0.1)
    assert "cancelled" in await world.refused(asked, ADA)
    assert not await world.writes(asked.ticket)


async def test_cancelled_between_approval_and_write_under_a_kill_switch(world: World) -> None:
    """Approved, and halted by a switch: cancelled there, it writes nothing when the switch is lifted."""
    asked = await _asked(world)
    await world.switch(f"tool:{CLOSE}", stopped=True)
    try:
        await _approved(world, asked)
        await world.reaches(asked.run_id, "halted")
        run = await _cancelled(world, asked)
    finally:
        await world.switch(f"tool:{CLOSE}", stopped=False)
    assert _outcomes(run) == ["skipped"]
    assert not await world.writes(asked.ticket)


async def test_cancelled_between_approval_and_write_while_the_tool_worker_stands_still(world: World) -> None:
    """A worker that wakes with the approved write in its hands, after the end, sends nothing."""
    asked = await _asked(world)
    worker = world.endpoints.pids["tools"]
    os.kill(worker, signal.SIGSTOP)
    try:
        await _approved(world, asked)
        await world.reaches(asked.run_id, "running")
        run = await _cancelled(world, asked, within=SECONDS)
    finally:
        os.kill(worker, signal.SIGCONT)
    assert _outcomes(run) == ["skipped"]
    # Another write comes through, so the worker is awake and would have sent the first one.
    other = await _asked(world)
    await _approved(world, other)
    await world.reaches(other.run_id, "completed")
    assert not await world.writes(asked.ticket)


async def test_cancelled_during_a_write_whose_answer_comes(world: World) -> None:
    """The answer is waited for: the run ends cancelled, its write succeeded, and the result says so."""
    asked = await _asked(world)
    await world.fault("close", "slow", seconds=SLOW)
    await _approved(world, asked)
    await _sent(world, asked)
    run = await _cancelled(world, asked)
    assert _outcomes(run) == ["succeeded"]
    assert f"It had done: {CLOSE} {asked.ticket}" in run["result"]["text"]
    assert len(await world.writes(asked.ticket)) == 1


async def test_cancelled_during_a_write_whose_answer_is_lost(world: World) -> None:
    """Unknown and never guessed: the run ends, people are asked, and their word settles it afterwards."""
    asked = await _asked(world, ONCE)
    await world.fault("close", "slow", seconds=SLOW)
    await world.fault("close", "lose_answer")
    await _approved(world, asked)
    await _sent(world, asked)
    run = await _cancelled(world, asked)
    assert _outcomes(run) == ["unknown"]
    assert "Nobody knows yet" in run["result"]["text"]
    await _settled(world, run, "it_did", "succeeded")
    assert len(await world.writes(asked.ticket)) == 1


async def test_cancelled_while_people_are_asked_what_a_write_did(world: World) -> None:
    """The run ends, its question stays, and the answer settles the write."""
    asked = await _asked(world, ONCE)
    await world.fault("close", "fail_before")
    await _approved(world, asked)
    await world.questioned(asked.run_id, asked.ticket)
    run = await _cancelled(world, asked)
    assert _outcomes(run) == ["unknown"]
    await _settled(world, run, "it_did_not", "failed")
    assert not await world.writes(asked.ticket)


async def _settled(world: World, run: dict[str, Any], word: str, outcome: str) -> None:
    """Grace answers the question of an ended run, and the write is settled by it."""
    (action,) = run["actions"]
    question = Waiting(
        run_id=run["run_id"],
        ticket="",
        approval_id=action["reconciliation_id"],
        action_digest=action["action_digest"],
        key=action["idempotency_key"],
    )
    assert (await world.approval(question.approval_id))["state"] == "waiting"
    assert (await world.decide(question, "grace", word)).status_code == 200
    async with asyncio.timeout(SECONDS):
        while _outcomes(await world.run(run["run_id"])) != [outcome]:  # noqa: ASYNC110  the broker settles it
            await asyncio.sleep(0.2)


async def test_halted_between_approval_and_write_and_lifted(world: World) -> None:
    """Approved under the stop: halted, and after it is lifted one write."""
    asked = await _asked(world)
    await world.switch(f"tool:{CLOSE}", stopped=True)
    try:
        await _approved(world, asked)
        await world.reaches(asked.run_id, "halted")
        assert not await world.writes(asked.ticket)
    finally:
        await world.switch(f"tool:{CLOSE}", stopped=False)
    run = await world.reaches(asked.run_id, "completed")
    assert _outcomes(run) == ["succeeded"]
    assert len(await world.writes(asked.ticket)) == 1


async def test_halted_during_a_write(world: World) -> None:
    """What is on its way is known when its answer comes; the run halts before its next step, and goes on."""
    asked = await _asked(world)
    await world.fault("close", "slow", seconds=SLOW)
    await _approved(world, asked)
    await _sent(world, asked)
    await world.switch(f"route:{SCRIPTED}", stopped=True)
    try:
        assert _outcomes(await world.reaches(asked.run_id, "halted")) == ["succeeded"]
    finally:
        await world.switch(f"route:{SCRIPTED}", stopped=False)
    await world.reaches(asked.run_id, "completed")
    assert len(await world.writes(asked.ticket)) == 1


@pytest.mark.parametrize("sent", [False, True], ids=["while it waits for approval", "during a write"])
async def test_terminated_in_temporal(world: World, sent: bool) -> None:
    """Ended by hand: the run fails and says so, no approval waits on, and a write's answer is known."""
    asked = await _asked(world)
    if sent:
        await world.fault("close", "slow", seconds=SLOW)
        await _approved(world, asked)
        await _sent(world, asked)
    await world.workflow(asked.run_id).terminate(reason="by hand")
    run = await world.reaches(asked.run_id, "failed")
    assert "was terminated in Temporal" in run["result"]["text"]
    assert _outcomes(run) == ["succeeded" if sent else "skipped"]
    assert (await world.approval(asked.approval_id))["state"] == ("approved" if sent else "cancelled")
    assert len(await world.writes(asked.ticket)) == int(sent)
