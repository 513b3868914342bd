"""After a restore from backup: what the lost books may have said is unknown, and people are asked."""

from collections.abc import AsyncIterator

import pytest

from adapters import epoch
from adapters.audit_log import AuditQuery
from adapters.restoring import CANCELLED, restored
from contracts.approval import ApprovalState
from contracts.run import Outcome
from contracts.tool import Retry
from tests.integration.approved_write import DONE, Case, waiting
from tests.integration.test_gateway_world import ENV


@pytest.fixture
async def case(store_url: str) -> AsyncIterator[Case]:
    async with waiting(store_url) as found:
        yield found


async def _restore(case: Case) -> int:
    return await restored(case.world.store, case.world.clock, env=ENV, actor="op:test", reason="disk failure")


async def test_a_grant_of_an_older_epoch_is_void(case: Case) -> None:
    """Whoever approved it saw a store that is no more."""
    await case.answer("approve")
    await case.world.store.write(lambda connection: epoch.begin(connection, "op:test", 0))
    claim = await case.claim()
    assert (claim.say, claim.outcome) == ("refused", Outcome.REJECTED)
    assert "restored" in claim.sentence


@pytest.mark.parametrize("kind", ["native", "lookup", "none"])
async def test_an_open_claim_is_unknown_after_a_restore(case: Case, kind: str) -> None:
    """It may have happened since the backup: whatever its tool allows, nothing repeats it."""
    retry = Retry(kind=kind, retention_seconds=86_400)
    await case.answer("approve")
    assert (await case.claim("one", retry)).say == "send"
    assert await _restore(case) == 1
    assert (await case.claim("two", retry)).say == "unknown"
    assert len(await case.questions()) == 1


@pytest.mark.parametrize("approve", [True, False])
async def test_what_was_frozen_before_the_backup_may_have_been_sent_since(case: Case, approve: bool) -> None:
    """Approved or not in the backup, it may have been approved and sent after it: unknown, never rejected."""
    if approve:
        await case.answer("approve")
    assert await _restore(case) == 1
    assert (await case.action()).outcome is Outcome.UNKNOWN
    (question,) = await case.questions()
    assert "before the store was restored" in question.question
    assert await case.answer("approve") == 409
    assert (await case.claim()).say == "unknown"


async def test_a_restore_cancels_open_runs_and_their_approvals(case: Case) -> None:
    """What a run spent after the backup is not known, so no run goes on from it."""
    await _restore(case)
    run = await case.world.runs.get(case.run.warrant.run_id)
    assert run.cancel_reason == CANCELLED
    assert (await case.world.approvals.get(case.approval_id)).state is ApprovalState.CANCELLED


async def test_a_doubtful_write_blocks_its_target_until_a_person_says(case: Case) -> None:
    """Another run of the tenant does not write there, and does once somebody said that it did not happen."""
    await _restore(case)
    other = await case.beside("k-2")
    await other.answer("approve")
    assert (await other.claim()).say == "refused"
    (question,) = await case.questions()
    assert await case.answer("it_did_not", approval_id=question.approval_id) == 200
    await case.settle(question.approval_id)
    assert (await case.action()).outcome is Outcome.FAILED
    assert (await other.claim()).say == "send"


async def test_an_ended_write_stays_as_it_ended(case: Case) -> None:
    """What the backup says of the past is not doubted."""
    await case.answer("approve")
    first = await case.claim()
    await case.ledger.settle(case.request(), first.fence, DONE)
    assert await _restore(case) == 0
    assert (await case.action()).outcome is Outcome.SUCCEEDED


async def test_every_audit_chain_says_that_the_store_was_restored(case: Case) -> None:
    """Where a chain's later anchors are missed, its own next record says why."""
    await _restore(case)
    for tenant in ("acme", "system"):
        records = await case.world.audit.search(AuditQuery(tenant=tenant))
        assert records[-1].record["outcome"] == "restored"
        assert "disk failure" in records[-1].record["reason"]
