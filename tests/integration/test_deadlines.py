"""Deadlines: the decision's row against the deadline is the truth; timers and workers only end the wait."""

from dataclasses import dataclass
from pathlib import Path

from activities.ask import Asking
from activities.open import Mint
from activities.warranted import Warrants
from adapters.actions import StoreActions
from adapters.approvals import GRACE_MS, StoreApprovals
from adapters.documents import StoreDocuments
from adapters.runs import StoreRuns
from contracts.approval import ApprovalRecord, ApprovalState, Terms
from contracts.run import WarrantedRun
from contracts.wire import ApprovalRef
from tests.integration.test_gateway_world import World, opened

MINUTE = 60_000
TERMS = Terms(group="support-leads", deadline_ms=MINUTE)
YEAR = 365 * 86_400_000


@dataclass(frozen=True, kw_only=True)
class Recorded(Warrants):
    """Of an activity of this run, without the workflow that would call it."""

    run: WarrantedRun

    async def current(self, *, ended: bool = False) -> WarrantedRun:
        del ended
        return self.run


async def collected(world: World, approval: ApprovalRecord) -> str:
    """What a broker finds that comes up only now."""
    store, clock = world.stores["broker"], world.clock
    run = await world.warranted(approval.run_id)
    warrants = Recorded(runs=StoreRuns(store, clock), verifier=world.verifier, run=run)
    documents = StoreDocuments(store, clock)
    asking = Asking(
        warrants=warrants,
        verifier=world.verifier,
        actions=StoreActions(store, clock),
        approvals=StoreApprovals(store, world.verifier, clock),
        documents=documents,
        mint=Mint(signer=world.signer, documents=documents, clock=clock),
        clock=clock,
    )
    return (await asking.collect(ApprovalRef(approval_id=approval.approval_id))).state


async def deny(world: World, approval: ApprovalRecord) -> int:
    body = {"decision": "deny", "action_digest": approval.action_digest}
    path = f"/v1/approvals/{approval.approval_id}/decision"
    return (await world.http.post(path, json=body, headers=world.approver())).status_code


async def test_a_click_in_time_counts_though_no_worker_was_up(store_url: str) -> None:
    """A broker that looks long after the deadline finds the decision, not an expiry."""
    async with opened(store_url) as world:
        approval = await world.asked(terms=TERMS)
        world.clock.at_ms += MINUTE
        assert await deny(world, approval) == 200
        world.clock.at_ms += YEAR
        assert await collected(world, approval) == "denied"
        assert (await world.approvals.get(approval.approval_id)).state is ApprovalState.DENIED


async def test_what_nobody_decided_expires_when_somebody_looks(store_url: str) -> None:
    """Not before its grace is over; from then on a click is late, whoever looked."""
    async with opened(store_url) as world:
        approval = await world.asked(terms=TERMS)
        world.clock.at_ms += MINUTE + GRACE_MS - 1
        assert await collected(world, approval) == "waiting"
        assert await deny(world, approval) == 410
        world.clock.at_ms += 1
        assert await collected(world, approval) == "expired"
        assert await deny(world, approval) == 410


async def test_never_never_expires(tmp_path: Path) -> None:
    """Without a deadline it waits, nobody is reminded, and a decision counts a year later."""
    async with opened(tmp_path) as world:
        approval = await world.asked(terms=Terms(group="support-leads", deadline_ms=None))
        assert (approval.deadline_ms, approval.remind_ms, approval.escalate_ms) == (None, None, None)
        world.clock.at_ms += YEAR
        assert await collected(world, approval) == "waiting"
        assert await deny(world, approval) == 200
        assert await collected(world, approval) == "denied"
