"""Whether a request may leave, as one transaction that only reads sees it."""

import time

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.standing import closed, current_ruling, pinned_catalogue
from adapters.store import Store
from adapters.switches import relevant
from contracts.decision import Call, Ruling
from contracts.errors import Denied, Halted, PermissionRefused
from contracts.ports import Clock
from contracts.run import ActionRecord, WarrantedRun
from contracts.tool import ToolSpec


class StoreLeaving:
    """Implements ``contracts.leaving.Leaving``."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def may_leave(self, run: WarrantedRun, action: ActionRecord, spec: ToolSpec) -> float:
        async def work(connection: AsyncConnection) -> float:
            began = time.monotonic()
            await self._check_switches(connection, run, spec)
            if sentence := await closed(connection, run.warrant.run_id):
                raise Denied(sentence)
            await self._check_policy(connection, run, action, spec)
            return began

        return await self._store.look(work)

    async def not_stopped(self, run: WarrantedRun, spec: ToolSpec) -> float:
        async def work(connection: AsyncConnection) -> float:
            began = time.monotonic()
            await self._check_switches(connection, run, spec)
            return began

        return await self._store.look(work)

    async def _check_switches(self, connection: AsyncConnection, run: WarrantedRun, spec: ToolSpec) -> None:
        warrant, now = run.warrant, self._clock.now_ms()
        found = await relevant(
            connection, env=warrant.env, tenant=warrant.tenant, route=warrant.route, tool=spec.name
        )
        if holding := [switch for switch in found if switch.holds(now)]:
            raise Halted(holding[0].sentence(), tuple(switch.rule for switch in holding))

    async def _check_policy(
        self, connection: AsyncConnection, run: WarrantedRun, action: ActionRecord, spec: ToolSpec
    ) -> None:
        catalogue = await pinned_catalogue(connection, run.warrant)
        call = Call(tool=spec.name, arguments=action.arguments)
        try:
            decision = await current_ruling(connection, run.warrant, catalogue, call, self._clock.now_ms())
        except PermissionRefused as refusal:
            raise Denied(refusal.sentence) from refusal
        # A read that needs a person by now has none.
        if decision.ruling is Ruling.DENY or (
            decision.ruling is Ruling.NEEDS_APPROVAL and not spec.effect.writes
        ):
            reasons = decision.reasons
            because = "; ".join(reason.text for reason in reasons)
            raise Denied(
                f"the policy in force no longer allows it: {because}",
                tuple(reason.rule for reason in reasons),
            )
