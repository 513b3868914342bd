"""A write whose answer was lost: nothing repeats it but what the target guards, and a person settles it."""

import asyncio
from typing import Any, Final

from tests.acceptance.conftest import GRACE, MALLORY, ONCE, SECONDS, World

DID: Final = "interlock.did"
DID_NOT: Final = "interlock.did_not"
STOP: Final = "interlock.stop"


def _close(ticket: str, tool: str = ONCE) -> dict[str, Any]:
    return {"tool": tool, "args": {"ticket_id": ticket, "reason": "It works again."}}


async def _approve(world: World, run_id: str, ticket: str, unlike: str = "") -> str:
    asked = await world.asked(run_id, ticket, unlike)
    assert (await world.decide(asked, "ada", "approve")).status_code == 200
    return asked.approval_id


async def test_a_lost_answer_waits_for_a_person_who_says_that_it_happened(world: World) -> None:
    """Executed once at the target, never repeated; the person's word settles it, and the run goes on."""
    ticket = next(world.tickets)
    await world.fault("close", "lose_answer")
    run_id = await world.scripted([_close(ticket)])
    await _approve(world, run_id, ticket)
    question = await world.questioned(run_id, ticket)
    shown = await world.approval(question.approval_id)
    assert (shown["kind"], shown["state"], shown["deadline"]) == ("reconcile", "waiting", None)
    assert question.key in shown["question"]
    assert "can" in await world.refused(question, MALLORY, action=DID)
    await world.click(question, GRACE, action=DID)
    run = await world.reaches(run_id, "completed")
    assert [action["outcome"] for action in run["actions"]] == ["succeeded"]
    assert [write["idempotency_key"] for write in await world.writes(ticket)] == [question.key]
    assert (await world.approval(question.approval_id))["state"] == "settled"


async def test_it_did_not_fails_the_write_and_trying_again_is_a_new_action(world: World) -> None:
    """After "it did not" the model may propose it anew: another key, another approval, one write in all."""
    ticket = next(world.tickets)
    await world.fault("close", "fail_before")
    run_id = await world.scripted([_close(ticket)], [_close(ticket)])
    first = await _approve(world, run_id, ticket)
    question = await world.questioned(run_id, ticket)
    assert not await world.writes(ticket)
    assert (await world.decide(question, "grace", "it_did_not")).status_code == 200
    await _approve(world, run_id, ticket, unlike=first)
    run = await world.reaches(run_id, "completed")
    assert [action["outcome"] for action in run["actions"]] == ["failed", "succeeded"]
    assert [write["idempotency_key"] for write in await world.writes(ticket)] == [f"{question.key}#2"]


async def test_stop_ends_the_run_and_the_target_stays_closed_to_others_until_somebody_says(
    world: World,
) -> None:
    """While one write to a target is unknown no other run writes to it; a word long after frees it."""
    ticket = next(world.tickets)
    await world.fault("close", "fail_before")
    run_id = await world.scripted([_close(ticket)])
    await _approve(world, run_id, ticket)
    question = await world.questioned(run_id, ticket)
    assert (await world.decide(question, "grace", "stop")).status_code == 200
    stopped = await world.reaches(run_id, "stopped")
    assert (stopped["stop_reason"], stopped["actions"][0]["outcome"]) == ("reconciliation", "unknown")
    other = await world.scripted([_close(ticket, "ticket.close")], [_close(ticket, "ticket.close")])
    first = await _approve(world, other, ticket)
    second = await world.asked(other, ticket, unlike=first)
    assert (await world.decide(question, "ada", "it_did_not")).status_code == 200
    async with asyncio.timeout(SECONDS):
        while (await world.run(run_id))["actions"][0]["outcome"] == "unknown":  # noqa: ASYNC110  the broker settles it
            await asyncio.sleep(0.2)
    assert (await world.decide(second, "ada", "approve")).status_code == 200
    run = await world.reaches(other, "completed")
    assert [action["outcome"] for action in run["actions"]] == ["failed", "succeeded"]
    assert "nobody knows yet" in run["actions"][0]["outcome_text"]
    assert len(await world.writes(ticket)) == 1


async def test_a_question_takes_its_own_answers_only(world: World) -> None:
    """An approval says nothing about what happened, nor the other way round; nothing changes."""
    ticket = next(world.tickets)
    await world.fault("close", "lose_answer")
    run_id = await world.scripted([_close(ticket)])
    asked = await world.asked(run_id, ticket)
    assert (await world.decide(asked, "ada", "it_did")).status_code == 422
    assert (await world.decide(asked, "ada", "approve")).status_code == 200
    question = await world.questioned(run_id, ticket)
    refused = await world.decide(question, "grace", "approve")
    assert (refused.status_code, refused.json()["refusal"]) == (422, "not_an_answer")
    assert (await world.run(run_id))["state"] == "waiting_reconciliation"
    assert (await world.decide(question, "grace", "it_did")).status_code == 200
    await world.reaches(run_id, "completed")


async def test_a_target_that_knows_our_key_is_asked_before_any_person(world: World) -> None:
    """Four lost answers in a row: the fifth send under the same key tells, and repeats nothing."""
    ticket = next(world.tickets)
    await world.fault("close", "lose_answer", times=4)
    run_id = await world.scripted([_close(ticket, "ticket.close")])
    await _approve(world, run_id, ticket)
    run = await world.reaches(run_id, "completed")
    (action,) = run["actions"]
    assert (action["outcome"], action["reconciliation_id"]) == ("succeeded", None)
    assert len(await world.writes(ticket)) == 1


async def test_a_target_that_changed_goes_back_to_its_approver_with_the_new_state(world: World) -> None:
    """What was approved of the old state is void; the new approval writes once, under the same key."""
    ticket = next(world.tickets)
    run_id = await world.scripted([_close(ticket, "ticket.close")])
    old = await world.asked(run_id, ticket)
    await world.touch(ticket)
    assert (await world.decide(old, "ada", "approve")).status_code == 200
    new = await world.asked(run_id, ticket, unlike=old.approval_id)
    assert (new.key, new.action_digest == old.action_digest) == (old.key, False)
    assert (await world.approval(old.approval_id))["state"] == "cancelled"
    assert not await world.writes(ticket)
    assert (await world.decide(new, "ada", "approve")).status_code == 200
    run = await world.reaches(run_id, "completed")
    assert [action["outcome"] for action in run["actions"]] == ["succeeded"]
    assert len(await world.writes(ticket)) == 1


async def test_a_passing_fault_while_a_write_is_prepared_costs_an_attempt_and_nothing_else(
    world: World,
) -> None:
    """A target that cannot be read for a moment does not end a write that nobody was asked about yet."""
    ticket = next(world.tickets)
    await world.fault("get_ticket", "fail_before")
    run_id = await world.scripted([_close(ticket, "ticket.close")])
    await _approve(world, run_id, ticket)
    run = await world.reaches(run_id, "completed")
    assert [action["outcome"] for action in run["actions"]] == ["succeeded"]
