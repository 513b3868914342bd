"""The one guard that no tool gets around: what is presented is verified, and bound to this run."""

from dataclasses import dataclass
from functools import partial

from activities.boundary import presented
from activities.gate import ReadGate
from contracts.action import Frozen
from contracts.errors import TokenRefused
from contracts.leaving import Leaving
from contracts.ports import Actions, Documents
from contracts.run import ActionRecord, WarrantedRun
from contracts.tokens import Capability, Purpose, Verifier
from contracts.tool import Catalogue, ToolSpec
from contracts.toolbox import Scope
from policies.seal import sealed


@dataclass(frozen=True, kw_only=True)
class Admitted:
    """A call whose capability was verified."""

    run: WarrantedRun
    action: ActionRecord
    spec: ToolSpec
    capability: Capability
    scope: Scope
    #: The scope's.
    gate: ReadGate


@dataclass(frozen=True, kw_only=True)
class Guard:
    """Verifies capability and frozen record; tenant and environment come from the token alone."""

    verifier: Verifier
    actions: Actions
    documents: Documents
    leaving: Leaving

    async def admit(self, run: WarrantedRun, action_id: str, *, of_write: bool = False) -> Admitted:
        """``of_write``: what it reads belongs to a write that is about to be claimed.

        Raises TokenRefused, or TokenExpired where the workflow may renew and try again."""
        token = presented()
        capability = Capability.read(self.verifier.verify(Purpose.CAPABILITY, token))
        self._check_binding(run, capability)
        action = await self.actions.get(run, action_id)
        if action.tool not in capability.tools:
            raise TokenRefused(f"the capability does not name {action.tool}")
        catalogue = Catalogue.read(await self.documents.document(run.warrant.catalogue_digest))
        spec = catalogue.tools.get(action.tool)
        if spec is None:
            raise TokenRefused(f"the pinned catalogue has no {action.tool}")
        gate = ReadGate(partial(self._look, run, action, spec, of_write))
        scope = Scope(
            tenant=capability.tenant,
            env=capability.env,
            request_id=run.warrant.request_id,
            token=token,
            gate=gate,
        )
        return Admitted(run=run, action=action, spec=spec, capability=capability, scope=scope, gate=gate)

    async def _look(self, run: WarrantedRun, action: ActionRecord, spec: ToolSpec, of_write: bool) -> float:
        if of_write:
            return await self.leaving.not_stopped(run, spec)
        return await self.leaving.may_leave(run, action, spec)

    def _check_binding(self, run: WarrantedRun, capability: Capability) -> None:
        warrant = run.warrant
        bound = (
            capability.run_id,
            capability.tenant,
            capability.env,
            capability.route,
            capability.policy_digest,
            capability.warrant_digest,
        )
        expected = (
            warrant.run_id,
            warrant.tenant,
            warrant.env,
            warrant.route,
            warrant.policy_digest,
            run.warrant_digest,
        )
        if bound != expected:
            raise TokenRefused("the capability belongs to another run")

    def frozen(self, admitted: Admitted) -> Frozen:
        """The frozen record, as the tool worker sealed it and the capability names it."""
        action = admitted.action
        frozen = sealed(self.verifier, action)
        if admitted.capability.action_digest != action.action_digest:
            raise TokenRefused("the capability is not for this action")
        if admitted.capability.key_hash != frozen.key_hash:
            raise TokenRefused("the capability is not for this idempotency key")
        return frozen
