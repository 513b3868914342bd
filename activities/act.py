"""Act: reads and writes, each through the guard, each concluded exactly once."""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from temporalio import activity

from activities.guard import Admitted, Guard
from activities.warranted import Warrants
from contracts import names
from contracts.action import Frozen
from contracts.errors import Halted, InterlockError, PermissionRefused, Unavailable
from contracts.ports import (
    Actions,
    Answer,
    Armed,
    Claim,
    ClaimRequest,
    Conclusion,
    Ledger,
    Runs,
    Toolbox,
)
from contracts.run import Outcome
from contracts.tool import Retry
from contracts.wire import Acted, ActionRef

_TRIES: Final = 3
"""Attempts that a read is given against a passing fault."""
_PAUSES: Final = (0.2, 1.0, 3.0)
"""Seconds between sends of one write under one key."""
_RENEW_SECONDS: Final = 2.0
"""A third of a claim's lease."""
_LOOK_SECONDS: Final = 0.25
_LEAVE_WITHIN_MS: Final = 500.0
"""The request leaves within this of the claim's commit, or the check is made again."""


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
            await self.ledger.admit(run, admitted.action, admitted.spec)
        except Halted as halt:
            await self.runs.halt(run, halt.sentence)
            return Acted(action_id=ref.action_id, outcome=Outcome.SKIPPED, halted=halt.sentence)
        except PermissionRefused as refusal:
            return await self._end(admitted, _refusal(Outcome.DENIED, refusal.sentence))
        started = time.monotonic()
        answer = await self.toolbox.read(admitted.spec, admitted.action.arguments, admitted.scope)
        attempt = activity.info().attempt
        if answer.transient and attempt < _TRIES:
            raise Unavailable(answer.text)
        return await self._end(
            admitted, _conclusion(admitted, answer, started, admitted.spec.credential, attempt)
        )

    @activity.defn(name=names.WRITE)
    async def write(self, ref: ActionRef) -> Acted:
        run = await self.warrants.current()
        admitted = await self.guard.admit(run, ref.action_id)
        if admitted.action.outcome not in (None, Outcome.UNKNOWN):
            return Acted(action_id=ref.action_id, outcome=admitted.action.outcome)
        return await _to_its_end(self._write(admitted, self.guard.frozen(admitted)))

    async def _write(self, admitted: Admitted, frozen: Frozen) -> Acted:
        armed = await self.toolbox.arm(admitted.spec, frozen, admitted.scope)
        if armed.version != frozen.target_version and not await self.ledger.known(frozen.key_hash):
            return await self._changed_before(admitted, frozen)
        info = activity.info()
        request = ClaimRequest(
            run=admitted.run,
            frozen=frozen,
            action_digest=frozen.digest(),
            spec=admitted.spec,
            holder=f"{info.workflow_run_id}:{info.activity_id}:{info.attempt}",
            capability=admitted.capability,
        )
        return await self._claimed(admitted, request, armed)

    async def _changed_before(self, admitted: Admitted, frozen: Frozen) -> Acted:
        """Back to the approver with the new state of things; to the model where nobody was asked."""
        text = f"{frozen.target} changed after it was shown"
        if admitted.action.approval_id is None:
            return await self._end(admitted, _refusal(Outcome.FAILED, f"{text}; propose it again"))
        await self.actions.thaw(admitted.run, admitted.action.action_id, text)
        return _changed(admitted)

    async def _claimed(self, admitted: Admitted, request: ClaimRequest, armed: Armed) -> Acted:
        started = time.monotonic()
        claim = await self._claim(request)
        match claim.say:
            case "halted":
                await self.runs.halt(admitted.run, claim.sentence)
                return Acted(
                    action_id=admitted.action.action_id, outcome=Outcome.SKIPPED, halted=claim.sentence
                )
            case "refused":
                return await self._end(admitted, _refusal(claim.outcome, claim.sentence))
            case "stored" | "unknown" if claim.stored is not None:
                return await self._end(admitted, claim.stored)
            case _:
                answer = await self._answer(request, claim, armed)
        return await self._settled(admitted, request, claim, answer, started)

    async def _answer(self, request: ClaimRequest, claim: Claim, armed: Armed) -> Answer:
        """What the target says, while the claim's lease is renewed."""
        renewing = asyncio.create_task(self._renew(request, claim.fence))
        try:
            match claim.say:
                case "send":
                    return await _send(armed, request.spec.retry)
                case "lookup":
                    return await _look_up(armed, request.frozen)
                case "find":
                    return await _find(armed) or _UNKNOWN
                case _:
                    return _UNKNOWN
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _renew(self, request: ClaimRequest, fence: int) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            with suppress(Unavailable):
                await asyncio.shield(self.ledger.renew(request, fence))

    async def _settled(
        self, admitted: Admitted, request: ClaimRequest, claim: Claim, answer: Answer, started: float
    ) -> Acted:
        asked = admitted.action.approval_id is not None
        if answer.changed and asked and await self.ledger.release(request, claim.fence, answer.text):
            return _changed(admitted)
        conclusion = _conclusion(admitted, answer, started, admitted.spec.credential, claim.fence)
        return _acted(admitted, await self.ledger.settle(request, claim.fence, conclusion))

    async def _claim(self, request: ClaimRequest) -> Claim:
        """Claim; again while another execution is at it, or the commit lies too far back to send on it."""
        while True:
            claim = await self.ledger.claim(request)
            if claim.say == "wait":
                await asyncio.sleep(_LOOK_SECONDS)
            elif claim.say == "send" and time.monotonic() * 1000 - claim.committed > _LEAVE_WITHIN_MS:
                request = replace(request, unsent=True)
            else:
                return claim

    async def _end(self, admitted: Admitted, conclusion: Conclusion) -> Acted:
        action = await self.actions.conclude(admitted.run, admitted.action.action_id, conclusion)
        return _acted(admitted, replace(conclusion, outcome=action.outcome or conclusion.outcome))


_UNKNOWN: Final = Answer(
    outcome=Outcome.UNKNOWN,
    content="nobody knows whether this write happened; it will not be repeated",
    text="nobody knows whether this write happened; a person has to look",
)


async def _send(armed: Armed, retry: Retry) -> Answer:
    """Send; again what surely had no effect, or what the target itself guards by our key."""
    answer = await armed.send()
    for pause in _PAUSES:
        if not answer.transient and not (answer.outcome is Outcome.UNKNOWN and retry.kind == "native"):
            break
        await asyncio.sleep(pause)
        answer = await armed.send()
    if answer.outcome is Outcome.UNKNOWN and retry.kind == "lookup":
        return await _find(armed) or answer
    return answer


async def _look_up(armed: Armed, frozen: Frozen) -> Answer:
    """Find our key at the target; where it is not there, resend only on the version that was approved."""
    try:
        found = await armed.find()
    except InterlockError:
        return _UNKNOWN
    if found is not None:
        return found
    if frozen.target_version == "" or armed.version != frozen.target_version:
        return _UNKNOWN
    answer = await armed.send()
    # Refused for its version: an earlier send of ours may have arrived just now, and made that version.
    return await _find(armed) or answer if answer.changed else answer


async def _find(armed: Armed) -> Answer | None:
    """What the target did with our key; None where it did nothing or does not say."""
    try:
        return await armed.find()
    except InterlockError:
        return None


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


def _refusal(outcome: Outcome, sentence: str) -> Conclusion:
    return Conclusion(outcome=outcome, content=sentence, text=sentence, duration_ms=0)


def _conclusion(
    admitted: Admitted, answer: Answer, started: float, credential: str, attempts: int
) -> Conclusion:
    return Conclusion(
        outcome=answer.outcome,
        content=answer.content,
        text=answer.text,
        duration_ms=int((time.monotonic() - started) * 1000),
        attempts=attempts,
        credential_scope=f"{admitted.scope.env}/{admitted.scope.tenant}/{credential}",
        artifact=answer.artifact,
    )
