"""The broker's side of a run: its capability, and its end."""

import secrets
from dataclasses import dataclass
from typing import Final

from temporalio import activity

from activities.warranted import Warrants
from contracts import names
from contracts.errors import TokenRefused
from contracts.ports import Clock, Documents, Runs
from contracts.run import WarrantedRun
from contracts.tokens import Capability, Purpose, Signer
from contracts.tool import Catalogue
from contracts.wire import Ending, Lease, RunStart
from policies.route import Route

LIFE_SECONDS: Final = 300
"""A capability's life: minutes (article: capability tokens)."""


@dataclass(frozen=True, kw_only=True)
class Mint:
    """Signs capabilities for verified runs."""

    signer: Signer
    documents: Documents
    clock: Clock

    async def reads(self, run: WarrantedRun) -> Lease:
        """For every tool that the pinned route allows: reads, and preparing writes."""
        route = Route.read(await self.documents.document(run.warrant.policy_digest))
        catalogue = Catalogue.read(await self.documents.document(run.warrant.catalogue_digest))
        allowed = sorted(set(route.allow_tools) - set(route.deny_tools))
        return self._lease(run, tuple(name for name in allowed if name in catalogue.tools))

    def write(self, run: WarrantedRun, tool: str, action_digest: str, key_hash: str) -> Lease:
        """For one approved write."""
        return self._lease(run, (tool,), action_digest, key_hash)

    def _lease(
        self,
        run: WarrantedRun,
        tools: tuple[str, ...],
        action_digest: str | None = None,
        key_hash: str | None = None,
    ) -> Lease:
        capability = Capability(
            jti=secrets.token_hex(8),
            run_id=run.warrant.run_id,
            tenant=run.warrant.tenant,
            env=run.warrant.env,
            route=run.warrant.route,
            tools=tools,
            policy_digest=run.warrant.policy_digest,
            warrant_digest=run.warrant_digest,
            exp=self.clock.now_ms() // 1000 + LIFE_SECONDS,
            action_digest=action_digest,
            key_hash=key_hash,
        )
        token = self.signer.sign(Purpose.CAPABILITY, capability.claims())
        return Lease(token=token, expires=capability.exp)


@dataclass(frozen=True, kw_only=True)
class Opening:
    """Opens a run, renews its capability, and ends it."""

    warrants: Warrants
    runs: Runs
    mint: Mint

    @activity.defn(name=names.OPEN)
    async def open_run(self, start: RunStart) -> Lease:
        run = await self.warrants.current()
        if start.warrant != run.record.warrant:
            raise TokenRefused("the workflow was started with another warrant than the recorded one")
        if run.record.cancel_reason is not None:
            return Lease(token="", expires=0, cancelled=run.record.cancel_reason)
        await self.runs.begin(run.warrant.run_id)
        return await self.mint.reads(run)

    @activity.defn(name=names.FINISH)
    async def finish(self, ending: Ending) -> None:
        await self.runs.end(await self.warrants.current(ended=True), ending)
