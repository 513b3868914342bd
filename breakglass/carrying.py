"""Carrying an act to its end: the last look at its target, the claim, the send, the settlement.

What is sent, when and how often is ``activities.sending``'s to say, as of an agent's write. What differs is
that nothing waits: what a kill switch holds back is refused, and what changed has to be proposed again.
"""

import secrets
import time
from dataclasses import dataclass
from functools import partial
from typing import Final

from activities.concluding import concluded, denied, unsent
from activities.gate import ReadGate
from activities.sending import Sending
from breakglass.warranted import Signed
from contracts.action import Frozen
from contracts.errors import Halted, InterlockError, PermissionRefused, Unavailable
from contracts.leaving import Leaving
from contracts.ledger import Claim, ClaimRequest, Conclusion, Ledger
from contracts.ports import Actions, Documents
from contracts.run import ActionRecord, Outcome
from contracts.tokens import Verifier
from contracts.tool import Catalogue, ToolSpec
from contracts.toolbox import Answer, Armed, Gate, Scope, Toolbox
from policies.act_seal import confirmed

_CHANGED: Final = ("target.changed",)


@dataclass(frozen=True, kw_only=True)
class Carrying:
    """Of acts that their person confirmed."""

    verifier: Verifier
    actions: Actions
    documents: Documents
    leaving: Leaving
    ledger: Ledger
    toolbox: Toolbox

    async def carry(self, signed: Signed, action_id: str, *, blindly: bool = False) -> ActionRecord:
        """To its end; what has one stays so.

        ``blindly``: its target could not be asked before, and is not waited for any longer. Then only the
        books say what can be said: a write that may have left is unknown.

        Raises Unavailable where the write may have left before, and its target cannot be asked now.
        """
        action = await self.actions.get(signed.run, action_id)
        if action.outcome is not None:
            return action
        frozen = confirmed(self.verifier, action)
        spec = await self.spec(signed, action.tool)
        gate = ReadGate(partial(self.leaving.not_stopped, signed.run, spec))
        armed = Unarmed() if blindly else await self._armed(signed, spec, frozen, gate)
        if isinstance(armed, Conclusion):
            return await self.actions.conclude(signed.run, action_id, armed)
        return await self._sent(signed, spec, frozen, armed)

    async def spec(self, signed: Signed, tool: str) -> ToolSpec:
        """The tool as the session's catalogue has it. Raises PermissionRefused where the session lacks it."""
        catalogue = Catalogue.read(await self.documents.document(signed.run.warrant.catalogue_digest))
        spec = catalogue.tools.get(tool)
        if tool not in signed.session.opening.tools or spec is None or not spec.effect.writes:
            raise PermissionRefused(f"the session was not opened for {tool[:200]}")
        return spec

    def scope(self, signed: Signed, gate: Gate) -> Scope:
        """What goes along to the tool's service is the session, signed."""
        warrant = signed.run.warrant
        return Scope(
            tenant=warrant.tenant,
            env=warrant.env,
            request_id=warrant.request_id,
            token=signed.token,
            gate=gate,
        )

    async def _armed(
        self, signed: Signed, spec: ToolSpec, frozen: Frozen, gate: ReadGate
    ) -> Armed | Conclusion:
        """With its target as it was shown; else how it ends where nothing of it can have left yet."""
        try:
            armed = await gate.outcome(self.toolbox.arm(spec, frozen, self.scope(signed, gate)))
        except InterlockError as error:
            if await self.ledger.known(frozen.key_hash):
                raise Unavailable(f"its target cannot be asked now: {error.sentence}") from error
            return _unarmed(error)
        if armed.version != frozen.target_version and not await self.ledger.known(frozen.key_hash):
            text = f"{frozen.target} changed after it was shown; propose it again"
            return unsent(Outcome.FAILED, text, _CHANGED)
        return armed

    async def _sent(self, signed: Signed, spec: ToolSpec, frozen: Frozen, armed: Armed) -> ActionRecord:
        started, run = time.monotonic(), signed.run
        request = ClaimRequest(
            run=run,
            frozen=frozen,
            action_digest=frozen.digest(),
            spec=spec,
            holder=f"{run.warrant.run_id}:{secrets.token_hex(8)}:1",
        )
        sent = await Sending(ledger=self.ledger).send(request, armed)
        claim = sent.claim
        if sent.answer is None:
            return await self.actions.conclude(run, frozen.action_id, _refused(claim))
        conclusion = concluded(
            sent.answer,
            self.scope(signed, _nothing),
            started=started,
            credential=spec.credential,
            attempts=claim.fence,
        )
        await self.ledger.settle(request, claim.fence, conclusion)
        return await self.actions.get(run, frozen.action_id)


class Unarmed:
    """Implements ``contracts.toolbox.Armed`` for a target that cannot be asked: nothing leaves."""

    version = ""

    async def send(self, _gate: Gate) -> Answer:
        text = "its target could not be asked; nothing was sent"
        return Answer(outcome=Outcome.FAILED, content=text, text=text, held=True)

    async def find(self) -> Answer | None:
        raise Unavailable("its target cannot be asked now")


def _unarmed(error: InterlockError) -> Conclusion:
    if isinstance(error, Halted | PermissionRefused):
        return denied(error)
    return unsent(Outcome.FAILED, f"{error.sentence}; nothing was sent", ("error",))


def _refused(claim: Claim) -> Conclusion:
    """Of a claim that was not given."""
    if claim.stored is not None:
        return claim.stored
    outcome = Outcome.DENIED if claim.say == "halted" else claim.outcome
    return unsent(outcome, claim.sentence, claim.rules)


async def _nothing() -> None:
    """Of a scope with which nothing is asked any more."""
