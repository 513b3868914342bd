"""The claim: one transaction between an approval and a write, on a real store."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from adapters.actions import StoreActions
from adapters.runs import StoreRuns
from contracts.digest import digest
from contracts.run import Outcome
from contracts.wire import Ending
from policies.people import People
from tests.integration.approved_write import DONE, Case, waiting
from tests.integration.test_gateway_world import ENV, PEOPLE, route


@pytest.fixture
async def case(store_url: str) -> AsyncIterator[Case]:
    async with waiting(store_url) as found:
        yield found


async def test_an_unapproved_action_is_not_claimed(case: Case) -> None:
    """Without an approval nothing is sent, and the sentence says that it waits."""
    claim = await case.claim()
    assert (claim.say, claim.outcome) == ("refused", Outcome.REJECTED)
    assert "waiting" in claim.sentence


async def test_a_settled_claim_answers_from_the_books(case: Case) -> None:
    """Whoever comes after the settlement gets the stored result."""
    await case.answer("approve")
    first = await case.claim()
    await case.ledger.settle(case.request(), first.fence, DONE)
    later = await case.claim("two")
    assert later.say == "stored"
    assert later.stored is not None
    assert later.stored.outcome is Outcome.SUCCEEDED


async def test_the_same_key_with_other_bytes_is_refused(case: Case) -> None:
    """A claimed key serves its own action's bytes only."""
    await case.answer("approve")
    await case.claim()
    claim = await case.claim("two", arguments={"ticket_id": "T-1", "reason": "other"})
    assert claim.say == "changed"
    assert "other bytes" in claim.sentence


async def test_a_claim_that_a_switch_stops_before_anything_left_is_taken_back(case: Case) -> None:
    """What surely was not sent is neither failed nor unknown: its action is open, to wait for the lift."""
    await case.answer("approve")
    await case.claim()
    await case.world.switches.set(
        env=ENV, scope="tool:ticket.close", reason="test", actor="op:x", until_ms=None, stopped=True
    )
    claim = await case.ledger.claim(replace(case.request(), unsent=True))
    assert (claim.say, claim.stored) == ("changed", None)
    action = await StoreActions(case.world.store, case.world.clock).get(case.run, case.frozen.action_id)
    assert (action.outcome, action.frozen) == (None, None)


async def test_a_claim_that_the_policy_denies_before_anything_left_has_failed(case: Case) -> None:
    """What surely was not sent is failed, not unknown, and blocks its target for nobody."""
    await case.answer("approve")
    await case.claim()
    narrower = route(deny_tools=["ticket.close"], allow_tools=["kb.search"])
    await case.world.documents.publish(ENV, "route", narrower.name, narrower.document(), actor="op:test")
    claim = await case.ledger.claim(replace(case.request(), unsent=True))
    assert claim.stored is not None
    assert claim.stored.outcome is Outcome.FAILED
    action = await StoreActions(case.world.store, case.world.clock).get(case.run, case.frozen.action_id)
    assert action.outcome is Outcome.FAILED


async def test_a_thaw_leaves_alone_what_may_have_been_sent_or_was_frozen_anew(case: Case) -> None:
    """A stale word that the target changed takes back neither a claimed write nor a newer proposal."""
    await case.answer("approve")
    actions = StoreActions(case.world.store, case.world.clock)
    await actions.thaw(case.run, replace(case.frozen, words="older"), "it changed")
    assert (await case.claim()).say == "send"
    await actions.thaw(case.run, case.frozen, "it changed")
    action = await actions.get(case.run, case.frozen.action_id)
    assert action.action_digest == case.frozen.digest()


async def test_bytes_that_were_taken_back_are_not_claimed(case: Case) -> None:
    """A worker that comes late with the record of before the change ends nothing and sends nothing."""
    await case.answer("approve")
    actions = StoreActions(case.world.store, case.world.clock)
    await actions.thaw(case.run, case.frozen, "it changed")
    assert (await case.claim()).say == "changed"
    assert (await actions.get(case.run, case.frozen.action_id)).outcome is None


async def test_a_person_removed_after_the_click_counts_no_more(case: Case) -> None:
    """The people file in force at the claim decides whose approval stands."""
    await case.answer("approve")
    left = People(people=tuple(one for one in PEOPLE.people if one.principal != "principal:ada"))
    await case.world.documents.publish(ENV, "people", "people", left.document(), actor="op:test")
    claim = await case.claim()
    assert (claim.say, claim.outcome) == ("refused", Outcome.REJECTED)


async def test_a_policy_narrowed_since_the_start_denies(case: Case) -> None:
    """A run's permissions may shrink while it runs: the current policy is asked in the claim."""
    await case.answer("approve")
    narrower = route(deny_tools=["ticket.close"], allow_tools=["kb.search"])
    await case.world.documents.publish(ENV, "route", narrower.name, narrower.document(), actor="op:test")
    claim = await case.claim()
    assert (claim.say, claim.outcome) == ("refused", Outcome.DENIED)


async def test_a_kill_switch_halts_and_its_lifting_voids_older_approvals(case: Case) -> None:
    """Stopped: halted, nothing claimed. Lifted: what was approved before the stop needs a new approval."""
    await case.answer("approve")
    switch: dict[str, Any] = {
        "env": ENV,
        "scope": "tool:ticket.close",
        "reason": "test",
        "actor": "op:x",
        "until_ms": None,
    }
    await case.world.switches.set(**switch, stopped=True)
    assert (await case.claim()).say == "halted"
    await case.world.switches.set(**switch, stopped=False)
    claim = await case.claim()
    assert claim.say == "voided"
    assert "new approval" in claim.sentence


async def test_an_ended_run_claims_nothing(case: Case) -> None:
    """An approval does not outlive its run."""
    await case.answer("approve")
    await StoreRuns(case.world.stores["broker"], case.world.clock).end(case.run, Ending(state="cancelled"))
    assert (await case.claim()).say == "refused"


async def test_an_unknown_outcome_blocks_its_target_for_others(case: Case) -> None:
    """While nobody knows what an action did, no other run of the tenant writes to its target."""
    await case.answer("approve")
    first = await case.claim()
    await case.ledger.settle(case.request(), first.fence, replace(DONE, outcome=Outcome.UNKNOWN))
    second = await case.beside("k-2")
    assert await second.answer("approve") == 200
    claim = await second.claim()
    assert claim.say == "refused"
    assert "nobody knows" in claim.sentence


async def test_a_withdrawn_approval_is_not_claimed(case: Case) -> None:
    """An approver may take an approval back until the claim."""
    await case.answer("approve")
    assert await case.answer("withdraw") == 200
    assert (await case.claim()).say == "refused"


async def test_the_grant_is_consumed_with_the_claim(case: Case) -> None:
    """After the claim it is too late to withdraw."""
    await case.answer("approve")
    await case.claim()
    assert await case.answer("withdraw") == 409
    assert digest(case.run.record.warrant) == case.run.warrant_digest
