"""One write that waits for its approval, on a real store, and the ledger that is asked about it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adapters.actions import StoreActions
from adapters.approvals import ApprovalQuery, StoreApprovals
from adapters.claim_rows import LEASE_MS
from adapters.ledger import StoreLedger
from adapters.run_entry import RunEntry
from adapters.runs import StoreRuns
from contracts.action import Frozen
from contracts.approval import ApprovalKind, ApprovalRecord
from contracts.ledger import Claim, ClaimRequest, Conclusion
from contracts.ports import RunStarter
from contracts.run import ActionRecord, Outcome, WarrantedRun
from contracts.tool import Retry, ToolSpec
from contracts.wire import Ending
from tests.integration.test_gateway_world import CLOSE, ENV, World, opened

DONE = Conclusion(outcome=Outcome.SUCCEEDED, content="{}", text="done", duration_ms=3)


def asking(run: WarrantedRun, frozen: Frozen, spec: ToolSpec, holder: str) -> ClaimRequest:
    """What a process asks the ledger before it sends this write."""
    return ClaimRequest(run=run, frozen=frozen, action_digest=frozen.digest(), spec=spec, holder=holder)


@dataclass
class Case:
    """One approved write, and the ledger that is asked about it."""

    world: World
    ledger: StoreLedger
    run: WarrantedRun
    frozen: Frozen
    approval_id: str
    spec: ToolSpec = CLOSE

    def request(self, holder: str = "one", retry: Retry | None = None, **changes: Any) -> ClaimRequest:
        spec = replace(self.spec, retry=retry or Retry())
        return asking(self.run, replace(self.frozen, **changes), spec, holder)

    async def claim(self, holder: str = "one", retry: Retry | None = None, **changes: Any) -> Claim:
        return await self.ledger.claim(self.request(holder, retry, **changes))

    def lapse(self) -> None:
        """The claim's holder is heard of no more."""
        self.world.clock.at_ms += LEASE_MS

    async def answer(self, decision: str, name: str = "ada", approval_id: str | None = None) -> int:
        body = {"decision": decision, "action_digest": self.frozen.digest()}
        path = f"/v1/approvals/{approval_id or self.approval_id}/decision"
        return (await self.world.http.post(path, json=body, headers=self.world.approver(name))).status_code

    async def action(self) -> ActionRecord:
        actions = StoreActions(self.world.store, self.world.clock)
        return await actions.get(self.run, self.frozen.action_id)

    async def questions(self) -> tuple[ApprovalRecord, ...]:
        """What people are asked about and nobody said yet."""
        waiting = await self.world.approvals.list(ApprovalQuery(env=ENV, state="waiting"))
        return tuple(one for one in waiting if one.kind is ApprovalKind.RECONCILE)

    async def beside(self, key: str) -> "Case":
        """A second run in the same world, with a write on the same target."""
        return await case_in(self.world, key)

    async def settle(self, approval_id: str) -> None:
        """The broker settles what was answered."""
        broker = StoreApprovals(self.world.stores["broker"], self.world.verifier, self.world.clock)
        await broker.settle(approval_id)

    async def end_run(self) -> None:
        runs = StoreRuns(self.world.stores["broker"], self.world.clock)
        await runs.end(self.run, Ending(state="cancelled"))


@asynccontextmanager
async def waiting(
    store_url: Path | str, starter: RunStarter | None = None, spec: ToolSpec = CLOSE
) -> AsyncIterator[Case]:
    """A world at that store, over that Temporal, in which one write waits for its approval."""
    async with opened(store_url) as world:
        if starter is not None:
            await world.over(starter)
        yield await case_in(world, "k-1", spec)


async def case_in(world: World, key: str, spec: ToolSpec = CLOSE) -> Case:
    """One more run in this world, with a write that waits."""
    approval = await world.asked(key=key, spec=spec)
    return Case(
        world=world,
        ledger=StoreLedger(world.stores["tools"], RunEntry(world.proofs), world.clock),
        run=await world.warranted(approval.run_id),
        frozen=Frozen.read(approval.action),
        approval_id=approval.approval_id,
        spec=spec,
    )
