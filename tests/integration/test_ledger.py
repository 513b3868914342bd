"""The claim: one transaction between an approval and a write, on a real store."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from adapters.actions import StoreActions
from adapters.approvals import ApprovalQuery
from adapters.claim_rows import LEASE_MS
from adapters.epoch import restored
from adapters.ledger import StoreLedger
from adapters.runs import StoreRuns
from contracts.action import Frozen
from contracts.digest import digest
from contracts.errors import Unavailable
from contracts.ports import Claim, ClaimRequest, Conclusion
from contracts.run import Outcome, WarrantedRun
from contracts.tokens import Capability
from contracts.tool import Retry
from contracts.wire import Ending
from policies.people import People
from tests.integration.test_gateway_world import CLOSE, ENV, PEOPLE, World, opened, route

DONE = Conclusion(outcome=Outcome.SUCCEEDED, content="{}", text="done", duration_ms=3)


@dataclass
class Case:
    """One approved write, and the ledger that is asked about it."""

    world: World
    ledger: StoreLedger
    run: WarrantedRun
    frozen: Frozen
    approval_id: str

    def request(self, holder: str = "one", retry: Retry | None = None, **changes: Any) -> ClaimRequest:
        frozen = replace(self.frozen, **changes)
        warrant = self.run.warrant
        capability = Capability(
            jti="j",
            run_id=warrant.run_id,
            tenant=warrant.tenant,
            env=warrant.env,
            route=warrant.route,
            tools=(CLOSE.name,),
            policy_digest=warrant.policy_digest,
            warrant_digest=self.run.warrant_digest,
            exp=0,
        )
        return ClaimRequest(
            run=self.run,
            frozen=frozen,
            action_digest=frozen.digest(),
            spec=replace(CLOSE, retry=retry or Retry()),
            holder=holder,
            capability=capability,
        )

    async def claim(self, holder: str = "one", retry: Retry | None = None, **changes: Any) -> Claim:
        return await self.ledger.claim(self.request(holder, retry, **changes))

    def lapse(self) -> None:
        """The claim's holder is heard of no more."""
        self.world.clock.at_ms += LEASE_MS

    async def answer(self, decision: str, name: str = "ada") -> int:
        body = {"decision": decision, "action_digest": self.frozen.digest()}
        path = f"/v1/approvals/{self.approval_id}/decision"
        return (await self.world.http.post(path, json=body, headers=self.world.approver(name))).status_code


@pytest.fixture
async def case(store_url: str) -> AsyncIterator[Case]:
    async with opened(store_url) as world:
        approval = await world.asked()
        ledger = StoreLedger(world.stores["tools"], world.verifier, world.clock)
        frozen = Frozen.read(approval.action)
        run = await world.warranted(approval.run_id)
        yield Case(world=world, ledger=ledger, run=run, frozen=frozen, approval_id=approval.approval_id)


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


async def test_the_same_key_with_other_bytes_is_refused(case: Case) -> None:
    """A claimed key serves its own action's bytes only."""
    await case.answer("approve")
    await case.claim()
    claim = await case.claim("two", arguments={"ticket_id": "T-1", "reason": "other"})
    assert claim.say == "changed"
    assert "other bytes" in claim.sentence


async def test_an_attempt_that_was_given_up_takes_nothing_over(case: Case) -> None:
    """A stopped worker wakes when a later attempt of its activity has the claim: it is not given it."""
    await case.answer("approve")
    native = Retry(kind="native", retention_seconds=86_400)
    later = await case.claim("run:5:2", native)
    with pytest.raises(Unavailable):
        await case.claim("run:5:1", native)
    assert (await case.ledger.settle(case.request(), later.fence, DONE)).outcome is Outcome.SUCCEEDED


async def test_a_claim_that_a_switch_stops_before_anything_left_is_free_again(case: Case) -> None:
    """What surely was not sent is failed, not unknown, and blocks its target for nobody."""
    await case.answer("approve")
    await case.claim()
    await case.world.switches.set(
        env=ENV, scope="tool:ticket.close", reason="test", actor="op:x", until_ms=None, stopped=True
    )
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
    assert (claim.say, claim.outcome) == ("refused", Outcome.REJECTED)
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
    other = await case.world.asked(key="k-2")
    frozen = Frozen.read(other.action)
    second = Case(
        world=case.world,
        ledger=case.ledger,
        run=await case.world.warranted(other.run_id),
        frozen=frozen,
        approval_id=other.approval_id,
    )
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


async def test_a_restore_voids_what_was_approved_before(case: Case) -> None:
    """A grant of an older epoch is void: whoever approved it saw a store that is no more."""
    await case.answer("approve")
    await restored(case.world.store, case.world.clock, env=ENV, actor="op:test", reason="disk failure")
    claim = await case.claim()
    assert (claim.say, claim.outcome) == ("refused", Outcome.REJECTED)
    assert "restored" in claim.sentence


async def test_a_restore_makes_open_claims_unknown_and_asks_about_them(case: Case) -> None:
    """What was under way in the backup may have happened since: nothing repeats it, and people are asked."""
    await case.answer("approve")
    first = await case.claim()
    unknown = await restored(
        case.world.store, case.world.clock, env=ENV, actor="op:test", reason="disk failure"
    )
    assert unknown == 1
    again = await case.claim("two")
    assert (first.say, again.say) == ("send", "unknown")
    waiting = await case.world.approvals.list(ApprovalQuery(env=ENV, state="waiting"))
    assert [approval.kind for approval in waiting] == ["reconcile"]
