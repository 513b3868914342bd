"""Whether a request may leave, as one transaction that only reads sees it."""

import time
from abc import ABC, abstractmethod

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.standing import CLOSED, closed, current_ruling, holding, pinned_catalogue
from adapters.store import Store
from adapters.switches import Switch
from contracts.decision import Call, Ruling
from contracts.errors import Halted, PermissionRefused
from contracts.ports import Clock
from contracts.run import ActionRecord, WarrantedRun
from contracts.tokens import Warrant
from contracts.tool import ToolSpec


class Looks(ABC):
    """Implements ``contracts.leaving.Leaving``: when it is looked. At what, each of those who act says."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def may_leave(self, run: WarrantedRun, action: ActionRecord, spec: ToolSpec) -> float:
        async def work(connection: AsyncConnection) -> float:
            began = time.monotonic()
            await self._check_switches(connection, run, spec)
            if sentence := await self._closed(connection, run.warrant):
                raise PermissionRefused(sentence, CLOSED)
            await self._check_allowed(connection, run, action, spec)
            return began

        return await self._store.look(work)

    async def not_stopped(self, run: WarrantedRun, spec: ToolSpec) -> float:
        async def work(connection: AsyncConnection) -> float:
            began = time.monotonic()
            await self._check_switches(connection, run, spec)
            return began

        return await self._store.look(work)

    async def _check_switches(self, connection: AsyncConnection, run: WarrantedRun, spec: ToolSpec) -> None:
        if switch := await self._holding(connection, run.warrant, spec.name):
            raise Halted(switch.sentence(), switch.rules)

    @abstractmethod
    async def _holding(self, connection: AsyncConnection, warrant: Warrant, tool: str) -> Switch | None:
        """A kill switch that holds this call back."""

    @abstractmethod
    async def _closed(self, connection: AsyncConnection, warrant: Warrant) -> str | None:
        """Why whoever asks may act no more."""

    @abstractmethod
    async def _check_allowed(
        self, connection: AsyncConnection, run: WarrantedRun, action: ActionRecord, spec: ToolSpec
    ) -> None:
        """Raises PermissionRefused."""


class StoreLeaving(Looks):
    """Of agents' runs: by the policies, pinned and in force."""

    async def _holding(self, connection: AsyncConnection, warrant: Warrant, tool: str) -> Switch | None:
        return await holding(connection, warrant, tool, self._clock.now_ms())

    async def _closed(self, connection: AsyncConnection, warrant: Warrant) -> str | None:
        return await closed(connection, warrant.run_id)

    async def _check_allowed(
        self, connection: AsyncConnection, run: WarrantedRun, action: ActionRecord, spec: ToolSpec
    ) -> None:
        catalogue = await pinned_catalogue(connection, run.warrant)
        call = Call(tool=spec.name, arguments=action.arguments)
        decision = await current_ruling(connection, run.warrant, catalogue, call, self._clock.now_ms())
        # A read that needs a person by now has none.
        unasked = decision.ruling is Ruling.NEEDS_APPROVAL and not spec.effect.writes
        if unasked or decision.ruling is Ruling.DENY:
            because = "; ".join(reason.text for reason in decision.reasons)
            raise PermissionRefused(
                f"the policy in force no longer allows it: {because}",
                tuple(reason.rule for reason in decision.reasons),
            )
