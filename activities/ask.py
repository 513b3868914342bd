"""Ask people, and collect what they decided: the broker's side of an approval."""

from dataclasses import dataclass

from temporalio import activity

from activities.open import Mint
from activities.warranted import Warrants
from contracts import names
from contracts.approval import Answer, ApprovalKind, ApprovalRecord, ApprovalState
from contracts.decision import Call, Decision, Ruling
from contracts.errors import PermissionRefused, TokenRefused
from contracts.ledger import Conclusion
from contracts.ports import Actions, Approvals, Clock, Documents
from contracts.run import ActionRecord, Outcome, StopReason, WarrantedRun
from contracts.tokens import Verifier
from contracts.tool import Catalogue
from contracts.wire import ActionRef, ApprovalRef, Asked, Verdict
from policies.decide import decide
from policies.people import People
from policies.quorum import tally
from policies.route import Route
from policies.seal import sealed


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Opens approvals and says where they stand, from verified grants alone."""

    warrants: Warrants
    verifier: Verifier
    actions: Actions
    approvals: Approvals
    documents: Documents
    mint: Mint
    clock: Clock

    @activity.defn(name=names.ASK)
    async def ask(self, ref: ActionRef) -> Asked:
        run = await self.warrants.current()
        action = await self.actions.get(run, ref.action_id)
        if action.frozen is None:
            return Asked(approval_id="", deadline_ms=None, token=await self._taken_back(run))
        frozen = sealed(self.verifier, action)
        route = await self._route(run)
        decision = await self._decide(run, route, action)
        if decision.ruling is Ruling.ALLOW:
            lease = self.mint.write(run, frozen.tool, frozen.digest(), frozen.key_hash)
            return Asked(approval_id="", deadline_ms=None, token=lease.token)
        approval = await self.approvals.ask(
            run,
            frozen,
            needed=decision.approvals,
            terms=route.approval.terms,
        )
        return Asked(approval_id=approval.approval_id, deadline_ms=approval.deadline_ms)

    @activity.defn(name=names.ASK_OUTCOME)
    async def ask_outcome(self, ref: ActionRef) -> Asked:
        run = await self.warrants.current()
        question = await self.approvals.ask_outcome(run, ref.action_id)
        return Asked(approval_id=question.approval_id, deadline_ms=question.deadline_ms)

    @activity.defn(name=names.COLLECT)
    async def collect(self, ref: ApprovalRef) -> Verdict:
        run = await self.warrants.current()
        approval = await self.approvals.get(ref.approval_id)
        if approval.run_id != run.warrant.run_id:
            raise TokenRefused("this approval belongs to another run")
        if approval.kind is ApprovalKind.RECONCILE:
            return await self._outcome(run, approval)
        state = tally(approval, await self._people(run))
        if state is ApprovalState.WAITING:
            approval = await self.approvals.expire(ref.approval_id)
            state = approval.state if approval.state is not ApprovalState.APPROVED else state
        route = await self._route(run)
        match state:
            case ApprovalState.WAITING:
                return Verdict(state="waiting")
            case ApprovalState.APPROVED:
                return await self._approved(run, approval)
            case ApprovalState.CANCELLED:
                # Asked about anew, or its run was given up: whoever did that said what became of the action.
                return Verdict(state=state)
            case ApprovalState.DENIED:
                stop = StopReason.APPROVAL_DENIED if route.on_denied == "stop" else None
                await self._conclude(run, approval, Outcome.REJECTED, _denial(approval), stop)
                return Verdict(state="denied", stop=stop)
            case _:
                stop = StopReason.APPROVAL_EXPIRED if route.on_expired == "stop" else None
                text = "nobody decided before the deadline; nothing was written"
                await self._conclude(run, approval, Outcome.EXPIRED, text, stop)
                return Verdict(state="expired", stop=stop)

    async def _outcome(self, run: WarrantedRun, question: ApprovalRecord) -> Verdict:
        """Whether the write is known by now; what people said of it counts in grants that verify."""
        await self.approvals.settle(question.approval_id)
        action = await self.actions.get(run, question.action_id)
        if action.outcome is not Outcome.UNKNOWN:
            return Verdict(state=ApprovalState.SETTLED)
        stopped = any(grant.decision == Answer.STOP for grant in question.grants)
        stop = StopReason.RECONCILIATION if stopped else None
        return Verdict(state="stopped" if stopped else "waiting", stop=stop)

    async def _approved(self, run: WarrantedRun, approval: ApprovalRecord) -> Verdict:
        action = await self.actions.get(run, approval.action_id)
        if action.frozen is None:
            return Verdict(state="approved", token=await self._taken_back(run))
        frozen = sealed(self.verifier, action)
        if frozen.digest() != approval.action_digest:
            raise TokenRefused("the approval is for other bytes")
        await self.approvals.resume(approval.approval_id)
        lease = self.mint.write(run, frozen.tool, frozen.digest(), frozen.key_hash)
        return Verdict(state="approved", token=lease.token)

    async def _taken_back(self, run: WarrantedRun) -> str:
        """A worker took it back and died before it said so: with this, which sends nothing, it is said."""
        return (await self.mint.reads(run)).token

    async def _conclude(
        self,
        run: WarrantedRun,
        approval: ApprovalRecord,
        outcome: Outcome,
        text: str,
        stop: StopReason | None,
    ) -> None:
        await self.actions.conclude(
            run,
            approval.action_id,
            Conclusion(
                outcome=outcome,
                content=text,
                text=text,
                duration_ms=0,
                stop=stop,
                rules=(f"approval.{outcome}",),
            ),
        )

    async def _decide(self, run: WarrantedRun, route: Route, action: ActionRecord) -> Decision:
        """From the pinned rules; the agent worker's word is not taken."""
        catalogue = Catalogue.read(await self.documents.document(run.warrant.catalogue_digest))
        call = Call(tool=action.tool, arguments=action.arguments)
        decision = decide(route, catalogue, call, now_ms=self.clock.now_ms())
        if decision.ruling is Ruling.DENY:
            raise PermissionRefused(f"the pinned policy denies {action.tool}")
        return decision

    async def _route(self, run: WarrantedRun) -> Route:
        return Route.read(await self.documents.document(run.warrant.policy_digest))

    async def _people(self, run: WarrantedRun) -> People:
        identity = await self.documents.published(run.warrant.env, "people", "people")
        return People(people=()) if identity is None else People.read(await self.documents.document(identity))


def _denial(approval: ApprovalRecord) -> str:
    said = next((grant for grant in approval.grants if grant.decision == Answer.DENY), None)
    who = said.approver if said else "somebody"
    return f"{who} denied it: {approval.denial}" if approval.denial else f"{who} denied it"
