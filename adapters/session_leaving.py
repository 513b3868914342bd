"""Whether a request of an act may leave, as one transaction that only reads sees it."""

import time

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.session_standing import closed, holding, named, signed
from adapters.standing import CLOSED
from adapters.store import Store
from contracts.errors import Halted, PermissionRefused
from contracts.ports import Clock
from contracts.run import ActionRecord, WarrantedRun
from contracts.tokens import Verifier
from contracts.tool import ToolSpec


class SessionLeaving:
    """Implements ``contracts.leaving.Leaving`` for sessions of break-glass."""

    def __init__(self, store: Store, verifier: Verifier, clock: Clock) -> None:
        self._store = store
        self._verifier = verifier
        self._clock = clock

    async def may_leave(self, run: WarrantedRun, action: ActionRecord, spec: ToolSpec) -> float:
        async def work(connection: AsyncConnection) -> float:
            began = time.monotonic()
            await self._check_switches(connection, run, spec)
            if sentence := await closed(connection, self._verifier, run.warrant, self._clock.now_ms()):
                raise PermissionRefused(sentence, CLOSED)
            session = await signed(connection, self._verifier, run.warrant)
            if action.tool != spec.name or not named(session, spec.name):
                raise PermissionRefused(f"the session was not opened for {spec.name}", ("session.tools",))
            return began

        return await self._store.look(work)

    async def not_stopped(self, run: WarrantedRun, spec: ToolSpec) -> float:
        async def work(connection: AsyncConnection) -> float:
            began = time.monotonic()
            await self._check_switches(connection, run, spec)
            return began

        return await self._store.look(work)

    async def _check_switches(self, connection: AsyncConnection, run: WarrantedRun, spec: ToolSpec) -> None:
        now = self._clock.now_ms()
        if switch := await holding(connection, self._verifier, run.warrant, spec.name, now):
            raise Halted(switch.sentence(), switch.rules)
