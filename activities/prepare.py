"""Prepare a write: read the target, freeze what is proposed, seal it."""

import time
from dataclasses import dataclass, replace

from temporalio import activity

from activities.boundary import settled
from activities.concluding import concluded, denied
from activities.guard import Admitted, Guard
from activities.undoing import Undoing
from activities.warranted import Warrants
from contracts import names
from contracts.action import Frozen, Original, Prepared
from contracts.decision import Call, Decision, Ruling
from contracts.errors import Halted, PermissionRefused
from contracts.ledger import Conclusion
from contracts.ports import Actions, Clock, Documents, Runs
from contracts.run import Outcome
from contracts.tokens import FrozenSeal, Purpose, Signer
from contracts.tool import Catalogue
from contracts.toolbox import Answer, Toolbox
from contracts.wire import ActionRef, Frost
from policies.decide import decide
from policies.route import Route
from policies.seal import sealed
from policies.undo import offered


@dataclass(frozen=True, kw_only=True)
class Preparing:
    """The tool worker's activity that touches nothing."""

    warrants: Warrants
    guard: Guard
    runs: Runs
    actions: Actions
    documents: Documents
    undoing: Undoing
    toolbox: Toolbox
    signer: Signer
    clock: Clock

    @activity.defn(name=names.PREPARE)
    async def prepare(self, ref: ActionRef) -> Frost:
        run = await self.warrants.current()
        admitted = await self.guard.admit(run, ref.action_id)
        decision = await self._decide(admitted)
        unasked_read = decision.ruling is Ruling.ALLOW and not admitted.spec.effect.writes
        if decision.ruling is Ruling.DENY or unasked_read:
            raise PermissionRefused(f"{admitted.spec.name} is nothing that this route may propose to people")
        if admitted.action.outcome not in (None, Outcome.UNKNOWN):
            return _ended(admitted)
        if not admitted.spec.effect.writes:
            return await self._conclude(admitted, _unasked(admitted, decision))
        try:
            # Nobody is asked to approve what cannot happen.
            await admitted.gate()
            return await self._prepared(admitted, decision)
        except Halted as halt:
            await self.runs.halt(run, halt.sentence, halt.rules)
            return replace(_ended(admitted), halted=halt.sentence)
        except PermissionRefused as refusal:
            if refusal is not admitted.gate.no:
                raise
            return await self._conclude(admitted, denied(refusal))

    async def _prepared(self, admitted: Admitted, decision: Decision) -> Frost:
        run, action, spec = admitted.run, admitted.action, admitted.spec
        if action.seal is not None:
            return _frost(sealed(self.guard.verifier, action), decision)
        original = await self.undoing.original(run, action)
        started = time.monotonic()
        reading = self.toolbox.prepare(spec, action.arguments, admitted.scope)
        prepared = await admitted.gate.outcome(reading)
        if isinstance(prepared, Answer):
            answer = settled(prepared)
            nothing = concluded(answer, admitted.scope, started=started, credential=spec.read_credential)
            return await self._conclude(admitted, nothing)
        return await self._freeze(admitted, prepared, decision, original)

    async def _conclude(self, admitted: Admitted, conclusion: Conclusion) -> Frost:
        await self.actions.conclude(admitted.run, admitted.action.action_id, conclusion)
        return _ended(admitted)

    async def _decide(self, admitted: Admitted) -> Decision:
        """Again, from the pinned rules: the agent worker's word is not taken."""
        route = Route.read(await self.documents.document(admitted.run.warrant.policy_digest))
        catalogue = {admitted.spec.name: admitted.spec}
        call = Call(tool=admitted.spec.name, arguments=admitted.action.arguments)
        return decide(route, Catalogue(tools=catalogue), call, now_ms=self.clock.now_ms())

    async def _freeze(
        self, admitted: Admitted, prepared: Prepared, decision: Decision, original: Original | None
    ) -> Frost:
        run, action, spec = admitted.run, admitted.action, admitted.spec
        catalogue = Catalogue.read(await self.documents.document(run.warrant.catalogue_digest))
        undo = offered(catalogue, spec.undo, prepared.undo_arguments)
        frozen = await self.actions.freeze(run, action, spec, prepared, undo=undo, undoes=original)
        seal = FrozenSeal(run_id=frozen.run_id, action_id=frozen.action_id, action_digest=frozen.digest())
        await self.actions.seal(run, frozen, self.signer.sign(Purpose.FROZEN, seal.claims()))
        return _frost(frozen, decision)


def _ended(admitted: Admitted) -> Frost:
    """Nothing is proposed: it ended here, and its result is in the transcript."""
    return Frost(action_id=admitted.action.action_id, action_digest=None)


def _frost(frozen: Frozen, decision: Decision) -> Frost:
    return Frost(
        action_id=frozen.action_id,
        action_digest=frozen.digest(),
        approvals=decision.approvals,
        label=f"{frozen.tool} {frozen.target}",
    )


def _unasked(admitted: Admitted, decision: Decision) -> Conclusion:
    """A read that the route wants people asked about: nobody can be shown what it would change."""
    text = f"{admitted.spec.name} is a read: people are asked about writes alone, so it is denied"
    return denied(PermissionRefused(text, tuple(reason.rule for reason in decision.reasons)))
