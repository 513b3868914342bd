"""Act: reads and writes, each through the guard, each concluded exactly once."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any

from temporalio import activity

from activities.boundary import settled
from activities.concluding import concluded, denied, unsent
from activities.guard import Admitted, Guard
from activities.sending import Sending
from activities.warranted import Warrants
from contracts import names
from contracts.action import Frozen
from contracts.errors import Halted, PermissionRefused
from contracts.ledger import Claim, ClaimRequest, Conclusion, Ledger
from contracts.ports import Actions, Runs
from contracts.run import Outcome
from contracts.toolbox import Answer, Armed, Toolbox
from contracts.wire import Acted, ActionRef


@dataclass(frozen=True, kw_only=True)
class Acting:
    """The tool worker's activities that reach a target."""

    warrants: Warrants
    guard: Guard
    runs: Runs
    actions: Actions
    ledger: Ledger
    toolbox: Toolbox

    @activity.defn(name=names.READ)
    async def read(self, ref: ActionRef) -> Acted:
        run = await self.warrants.current()
        admitted = await self.guard.admit(run, ref.action_id)
        if admitted.spec.effect.writes:
            raise PermissionRefused(f"{admitted.spec.name} writes: it needs an approval")
        if admitted.action.outcome is not None:
            return Acted(action_id=ref.action_id, outcome=admitted.action.outcome)
        try:
            return await self._read(admitted)
        except Halted as halt:
            return await self._halted(admitted, halt.sentence, halt.rules)
        except PermissionRefused as refusal:
            if refusal is not admitted.gate.no:
                raise
            return await self._end(admitted, denied(refusal))

    async def _read(self, admitted: Admitted) -> Acted:
        gate, spec, action = admitted.gate, admitted.spec, admitted.action
        egress = await gate.first(self.ledger.admit(admitted.run, action, spec))
        started = time.monotonic()
        scope = replace(admitted.scope, egress=egress)
        answer = settled(await gate.outcome(self.toolbox.read(spec, action.arguments, scope)))
        attempt = activity.info().attempt
        conclusion = concluded(
            answer, admitted.scope, started=started, credential=spec.credential, attempts=attempt
        )
        return await self._end(admitted, conclusion)

    @activity.defn(name=names.WRITE)
    async def write(self, ref: ActionRef) -> Acted:
        run = await self.warrants.current()
        admitted = await self.guard.admit(run, ref.action_id, of_write=True)
        if admitted.action.outcome not in (None, Outcome.UNKNOWN):
            return Acted(action_id=ref.action_id, outcome=admitted.action.outcome)
        if admitted.action.frozen is None:
            # An earlier attempt found the target changed, and did not come to say so.
            return _changed(admitted)
        try:
            return await self._write(admitted, self.guard.frozen(admitted))
        except Halted as halt:
            return await self._halted(admitted, halt.sentence, halt.rules)

    async def _write(self, admitted: Admitted, frozen: Frozen) -> Acted:
        armed = await admitted.gate.outcome(self.toolbox.arm(admitted.spec, frozen, admitted.scope))
        if armed.version != frozen.target_version and not await self.ledger.known(frozen.key_hash):
            return await self._changed_before(admitted, frozen)
        info = activity.info()
        request = ClaimRequest(
            run=admitted.run,
            frozen=frozen,
            action_digest=frozen.digest(),
            spec=admitted.spec,
            holder=f"{info.workflow_run_id}:{info.activity_id}:{info.attempt}",
        )
        return await _to_its_end(self._claimed(admitted, request, armed))

    async def _changed_before(self, admitted: Admitted, frozen: Frozen) -> Acted:
        """Back to the approver with the new state of things; to the model where nobody was asked."""
        text = f"{frozen.target} changed after it was shown"
        if admitted.action.approval_id is None:
            refusal = unsent(Outcome.FAILED, f"{text}; propose it again", ("target.changed",))
            return await self._end(admitted, refusal)
        await self.actions.thaw(admitted.run, frozen, text)
        return _changed(admitted)

    async def _claimed(self, admitted: Admitted, request: ClaimRequest, armed: Armed) -> Acted:
        started = time.monotonic()
        sent = await Sending(ledger=self.ledger).send(request, armed)
        claim = sent.claim
        if sent.answer is not None:
            return await self._settled(admitted, request, claim, sent.answer, started)
        if claim.say == "halted":
            return await self._halted(admitted, claim.sentence, claim.rules)
        if claim.say == "voided":
            await self.actions.thaw(admitted.run, request.frozen, claim.sentence)
        if claim.say in ("changed", "voided"):
            return _changed(admitted)
        refusal = unsent(claim.outcome, claim.sentence, claim.rules)
        return await self._end(admitted, claim.stored or refusal)

    async def _settled(
        self, admitted: Admitted, request: ClaimRequest, claim: Claim, answer: Answer, started: float
    ) -> Acted:
        asked = admitted.action.approval_id is not None
        # Held back: prepared anew it waits there for what held it, or is denied by what did.
        anew = answer.held or (answer.changed and asked)
        if anew and await self.ledger.release(request, claim.fence, answer.text):
            return _changed(admitted)
        conclusion = concluded(
            answer,
            admitted.scope,
            started=started,
            credential=admitted.spec.credential,
            attempts=claim.fence,
        )
        return _acted(admitted, await self.ledger.settle(request, claim.fence, conclusion))

    async def _halted(self, admitted: Admitted, sentence: str, rules: tuple[str, ...]) -> Acted:
        await self.runs.halt(admitted.run, sentence, rules)
        return Acted(action_id=admitted.action.action_id, outcome=Outcome.SKIPPED, halted=sentence)

    async def _end(self, admitted: Admitted, conclusion: Conclusion) -> Acted:
        action = await self.actions.conclude(admitted.run, admitted.action.action_id, conclusion)
        return _acted(admitted, replace(conclusion, outcome=action.outcome or conclusion.outcome))


async def _to_its_end(write: Coroutine[Any, Any, Acted]) -> Acted:
    """A write is not torn off when its run is cancelled: what left is waited for, and its claim settled."""
    task = asyncio.ensure_future(write)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        return await task


def _acted(admitted: Admitted, conclusion: Conclusion) -> Acted:
    unknown = conclusion.outcome is Outcome.UNKNOWN
    return Acted(
        action_id=admitted.action.action_id,
        outcome=conclusion.outcome,
        again=unknown and admitted.spec.retry.kind != "none",
    )


def _changed(admitted: Admitted) -> Acted:
    return Acted(action_id=admitted.action.action_id, outcome=Outcome.SKIPPED, changed=True)
