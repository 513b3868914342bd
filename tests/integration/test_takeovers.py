"""A claim that stands already: taken over, settled late, settled by a person, as far as that is safe."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from adapters.approvals import StoreApprovals
from adapters.claim_rows import LEASE_MS
from adapters.settling import Settler
from contracts.errors import Unavailable
from contracts.run import Outcome
from contracts.tool import Retry
from tests.integration.approved_write import DONE, Case, waiting
from tests.integration.test_gateway_world import ENV, route

NATIVE = Retry(kind="native", retention_seconds=86_400)
UNKNOWN = replace(DONE, outcome=Outcome.UNKNOWN)


@pytest.fixture
async def case(store_url: str) -> AsyncIterator[Case]:
    async with waiting(store_url) as found:
        yield found


async def test_a_stale_fence_settles_nothing(case: Case) -> None:
    """A worker that was thought dead cannot settle after another took the claim over."""
    await case.answer("approve")
    native = Retry(kind="native", retention_seconds=86_400)
    stale = await case.claim("one", native)
    case.lapse()
    taken = await case.claim("two", native)
    assert (taken.say, taken.fence) == ("send", stale.fence + 1)
    failed = replace(DONE, outcome=Outcome.FAILED)
    with pytest.raises(Unavailable):
        await case.ledger.settle(case.request(), stale.fence, failed)
    await case.ledger.settle(case.request(), taken.fence, DONE)
    told = await case.ledger.settle(case.request(), stale.fence, failed)
    assert told.outcome is Outcome.SUCCEEDED
    again = await case.claim("three")
    assert again.stored is not None
    assert again.stored.outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(("kind", "said"), [("native", "send"), ("lookup", "lookup"), ("none", "unknown")])
async def test_a_taken_claim_goes_on_as_its_tool_allows(case: Case, kind: str, said: str) -> None:
    """Another attempt resends, looks up or stays unknown, by what the tool declares."""
    await case.answer("approve")
    retry = Retry(kind=kind, retention_seconds=86_400)
    await case.claim("one", retry)
    case.lapse()
    assert (await case.claim("two", retry)).say == said


async def test_nobody_takes_a_claim_over_whose_holder_is_at_it(case: Case) -> None:
    """Others wait as long as the holder renews its lease; a stale holder renews nothing."""
    await case.answer("approve")
    first = await case.claim()
    for _ in range(3):
        case.world.clock.at_ms += LEASE_MS - 1
        await case.ledger.renew(case.request(), first.fence)
        assert (await case.claim("two")).say == "wait"
    case.lapse()
    await case.ledger.renew(case.request(), first.fence + 1)
    assert (await case.claim("two")).say == "unknown"


async def test_an_attempt_that_was_given_up_takes_nothing_over(case: Case) -> None:
    """A stopped worker wakes when a later attempt of its activity has the claim: it is not given it."""
    await case.answer("approve")
    native = Retry(kind="native", retention_seconds=86_400)
    later = await case.claim("run:5:2", native)
    with pytest.raises(Unavailable):
        await case.claim("run:5:1", native)
    assert (await case.ledger.settle(case.request(), later.fence, DONE)).outcome is Outcome.SUCCEEDED


async def test_a_policy_narrowed_since_the_claim_sends_nothing_more(case: Case) -> None:
    """A retry does what the policy in force allows: one that denies it by now leaves the write unknown."""
    await case.answer("approve")
    await case.claim("one", NATIVE)
    case.lapse()
    await _narrow(case)
    assert (await case.claim("two", NATIVE)).say == "unknown"


async def test_a_policy_narrowed_since_the_claim_still_lets_the_target_be_asked(case: Case) -> None:
    """Looking our key up writes nothing, so it goes on where sending may not."""
    await case.answer("approve")
    lookup = Retry(kind="lookup")
    await case.claim("one", lookup)
    case.lapse()
    await _narrow(case)
    assert (await case.claim("two", lookup)).say == "find"


async def test_what_was_claimed_is_confirmed_by_the_same_check(case: Case) -> None:
    """Not with a stale fence, not under a switch, not for a closed run, not against the policy in force."""
    await case.answer("approve")
    claim = await case.claim()
    assert await case.ledger.confirm(case.request(), claim.fence)
    assert not await case.ledger.confirm(case.request(), claim.fence + 1)
    stop: dict[str, Any] = {"env": ENV, "scope": "all", "reason": "t", "actor": "op:x", "until_ms": None}
    await case.world.switches.set(**stop, stopped=True)
    assert not await case.ledger.confirm(case.request(), claim.fence)
    await case.world.switches.set(**stop, stopped=False)
    assert await case.ledger.confirm(case.request(), claim.fence)
    await _narrow(case)
    assert not await case.ledger.confirm(case.request(), claim.fence)


async def test_the_targets_answer_settles_a_write_that_its_run_gave_up(case: Case) -> None:
    """A run that ended while its request was under way leaves a question; the answer itself settles it."""
    await case.answer("approve")
    first = await case.claim()
    await case.end_run()
    assert (await case.action()).outcome is Outcome.UNKNOWN
    told = await case.ledger.settle(case.request(), first.fence, DONE)
    assert told.outcome is Outcome.SUCCEEDED
    assert (await case.action()).outcome is Outcome.SUCCEEDED
    await Settler(_approvals(case)).settle_once()
    assert await case.questions() == ()


async def test_a_persons_word_waits_for_the_one_who_asks_the_target(case: Case) -> None:
    """While a worker has the write in hand its answer comes first, and then what a person said is nothing."""
    question = await _asked_and_answered(case, "it_did_not")
    taken = await case.claim("two", NATIVE)
    broker = _approvals(case)
    with pytest.raises(Unavailable):
        await broker.settle(question)
    await case.ledger.settle(case.request("two"), taken.fence, DONE)
    await broker.settle(question)
    assert (await case.action()).outcome is Outcome.SUCCEEDED
    assert (await case.claim("three", NATIVE)).say == "stored"


async def test_a_persons_word_settles_what_a_dead_worker_had_in_hand(case: Case) -> None:
    """When its lease has lapsed the word settles claim and action alike, and the dead one settles nothing."""
    question = await _asked_and_answered(case, "it_did_not")
    taken = await case.claim("two", NATIVE)
    case.lapse()
    await Settler(_approvals(case)).settle_once()
    assert (await case.action()).outcome is Outcome.FAILED
    assert await _approvals(case).to_settle() == ()
    told = await case.ledger.settle(case.request("two"), taken.fence, DONE)
    assert told.outcome is Outcome.FAILED
    assert (await case.claim("three", NATIVE)).say == "stored"
    assert question


async def _narrow(case: Case) -> None:
    narrower = route(deny_tools=["ticket.close"], allow_tools=["kb.search"])
    await case.world.documents.publish(ENV, "route", narrower.name, narrower.document(), actor="op:test")


async def _asked_and_answered(case: Case, answer: str) -> str:
    """The write is unknown and a person said what it did; nobody has settled it yet."""
    await case.answer("approve")
    first = await case.claim("one", NATIVE)
    await case.ledger.settle(case.request(), first.fence, UNKNOWN)
    question = await _approvals(case).ask_outcome(case.run, case.frozen.action_id)
    assert await case.answer(answer, approval_id=question.approval_id) == 200
    return question.approval_id


def _approvals(case: Case) -> StoreApprovals:
    return StoreApprovals(case.world.stores["broker"], case.world.verifier, case.world.clock)
