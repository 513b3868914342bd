"""Counter-examples of the model of a write (docs/model), replayed on the real store and ledger."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Row, delete, insert, select
from temporalio.testing import ActivityEnvironment

from activities.ask import Asking
from activities.open import Mint
from activities.warranted import Warrants
from adapters.actions import StoreActions
from adapters.approvals import StoreApprovals
from adapters.restoring import restored
from adapters.schema import metadata
from adapters.store import Store
from contracts.action import Frozen, Prepared
from contracts.approval import ApprovalRecord, ApprovalState, Terms
from contracts.errors import Unavailable
from contracts.ledger import Conclusion
from contracts.run import Outcome
from contracts.tool import Retry
from contracts.wire import ApprovalRef, Verdict
from tests.integration.approved_write import DONE, Case, waiting
from tests.integration.test_gateway_world import CLOSE, ENV

NATIVE = Retry(kind="native", retention_seconds=86_400)
FAILED = replace(DONE, outcome=Outcome.FAILED, text="could not be reached")
_NOT_SENT = "it was not approved any more; nothing was sent"
NO = Conclusion(outcome=Outcome.REJECTED, content=_NOT_SENT, text=_NOT_SENT, duration_ms=0)


@pytest.fixture
async def case(store_url: str) -> AsyncIterator[Case]:
    async with waiting(store_url) as found:
        yield found


async def _backup(store: Store) -> dict[str, list[Row[Any]]]:
    async with store.read() as connection:
        return {table.name: list(await connection.execute(select(table))) for table in metadata.sorted_tables}


async def _restored(case: Case, backup: dict[str, list[Row[Any]]]) -> None:
    """Put the backup's rows back, and say so, as an operator does."""

    async def work(connection: Any) -> None:
        for table in reversed(metadata.sorted_tables):
            await connection.execute(delete(table))
        for table in metadata.sorted_tables:
            for row in backup[table.name]:
                await connection.execute(insert(table).values(**row._asdict()))

    await case.world.store.write(work)
    await restored(case.world.store, case.world.clock, env=ENV, actor="op:test", reason="disk failure")


def _tools(case: Case) -> StoreActions:
    return StoreActions(case.world.stores["tools"], case.world.clock)


async def _reconsider(case: Case) -> None:
    """Withdrawn, and refused to the first attempt; then approved by somebody else."""
    await case.answer("approve")
    await case.answer("withdraw")
    assert (await case.claim("run:5:1")).outcome is Outcome.REJECTED
    assert await case.answer("approve", "grace") == 200


async def test_a_refusal_that_comes_late_ends_no_write_that_another_attempt_claimed(case: Case) -> None:
    """Refused while the approval was withdrawn, and told after it was given again and claimed: nothing."""
    await _reconsider(case)
    taken = await case.claim("run:5:2")
    assert taken.say == "send"
    with pytest.raises(Unavailable):
        await _tools(case).conclude(case.run, case.frozen.action_id, NO)
    await case.ledger.settle(case.request("run:5:2"), taken.fence, DONE)
    assert (await case.action()).outcome is Outcome.SUCCEEDED


async def test_a_refusal_leaves_an_unknown_write_unknown(case: Case) -> None:
    """Its answer was lost, so whoever was refused before it knows less than nobody: the question stays."""
    await case.answer("approve")
    taken = await case.claim()
    await case.ledger.settle(case.request(), taken.fence, replace(DONE, outcome=Outcome.UNKNOWN))
    assert (await _tools(case).conclude(case.run, case.frozen.action_id, NO)).outcome is Outcome.UNKNOWN
    assert (await case.action()).outcome is Outcome.UNKNOWN


async def test_an_action_that_has_ended_is_not_claimed(case: Case) -> None:
    """Ended as rejected while its approval was withdrawn: an approval that is given again sends nothing."""
    await _reconsider(case)
    await _tools(case).conclude(case.run, case.frozen.action_id, NO)
    assert (await case.claim("run:5:2")).say != "send"


async def test_an_answer_from_before_a_restore_settles_nothing(case: Case) -> None:
    """After the backup another attempt took the write over and sent it: the first one's failure is no end."""
    await case.answer("approve")
    first = await case.claim("run:5:1", NATIVE)
    backup = await _backup(case.world.store)
    case.lapse()
    assert (await case.claim("run:5:2", NATIVE)).say == "send"
    await _restored(case, backup)
    told = await case.ledger.settle(case.request("run:5:1", NATIVE), first.fence, FAILED)
    assert told.outcome is Outcome.UNKNOWN
    assert (await case.action()).outcome is Outcome.UNKNOWN
    assert len(await case.questions()) == 1


async def test_who_sent_nothing_before_a_restore_frees_no_claim(case: Case) -> None:
    """It knows of its own sends alone, and the restored books know nothing of who took the write over."""
    await case.answer("approve")
    await case.claim("run:5:1", NATIVE)
    backup = await _backup(case.world.store)
    case.lapse()
    assert (await case.claim("run:5:2", NATIVE)).say == "send"
    await _restored(case, backup)
    again = await case.ledger.claim(replace(case.request("run:5:1", NATIVE), unsent=True))
    assert again.say == "unknown"
    assert (await case.action()).outcome is Outcome.UNKNOWN


async def _anew(case: Case, version: str) -> ApprovalRecord:
    """The target changed, so what was approved is taken back; it is frozen and asked about anew."""
    await _tools(case).thaw(case.run, case.frozen, "it changed")
    prepared = Prepared(preview=case.frozen.preview, version=version)
    frozen = await _tools(case).freeze(case.run, await case.action(), CLOSE, prepared)
    return await _approvals(case).ask(
        case.run, frozen, needed=1, terms=Terms(group="support-leads", deadline_ms=None)
    )


def _approvals(case: Case) -> StoreApprovals:
    return StoreApprovals(case.world.stores["broker"], case.world.verifier, case.world.clock)


async def _collected(case: Case, approval_id: str) -> Verdict:
    """What the broker says of that approval."""
    world = case.world
    asking = Asking(
        warrants=Warrants(runs=world.runs, verifier=world.verifier),
        verifier=world.verifier,
        actions=StoreActions(world.stores["broker"], world.clock),
        approvals=_approvals(case),
        documents=world.documents,
        mint=Mint(signer=world.signer, documents=world.documents, clock=world.clock),
        clock=world.clock,
    )
    inside = ActivityEnvironment()
    inside.info = replace(inside.info, workflow_id=case.run.warrant.run_id)
    verdict: Verdict = await inside.run(asking.collect, ApprovalRef(approval_id=approval_id))
    return verdict


async def test_an_approval_that_was_superseded_expires_nothing(case: Case) -> None:
    """Whoever comes late to collect what was asked before the target changed ends nothing by it."""
    await case.answer("approve")
    asked = await _anew(case, '"2"')
    assert (await _collected(case, case.approval_id)).state == ApprovalState.CANCELLED
    assert (await case.action()).outcome is None
    assert (await _collected(case, asked.approval_id)).state == ApprovalState.WAITING


async def test_a_restore_lets_no_approval_expire_over_an_unknown_write(case: Case) -> None:
    """The backup's waiting approval is cancelled: that is no word on what was sent after the backup."""
    await _restored(case, await _backup(case.world.store))
    assert (await _collected(case, case.approval_id)).state == ApprovalState.CANCELLED
    assert (await case.action()).outcome is Outcome.UNKNOWN
    assert len(await case.questions()) == 1


async def test_a_target_that_changed_back_is_asked_about_all_the_same(case: Case) -> None:
    """What was approved and taken back stays void, though the target is again as it was shown then."""
    await case.answer("approve")
    asked = await _anew(case, case.frozen.target_version)
    assert Frozen.read(asked.action) == replace(case.frozen, revision=2)
    assert (asked.approval_id != case.approval_id, asked.state) == (True, ApprovalState.WAITING)
    assert (await case.claim()).say == "changed"
    assert (await case.claim(revision=2)).say == "refused"
    assert (await case.action()).approval_id == asked.approval_id
