"""Whether a request of an act may leave, as one transaction that only reads sees it."""

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.leaving import Looks
from adapters.session_standing import closed, holding, named, signed
from adapters.store import Store
from adapters.switches import Switch
from contracts.errors import PermissionRefused
from contracts.ports import Clock
from contracts.run import ActionRecord, WarrantedRun
from contracts.tokens import Verifier, Warrant
from contracts.tool import ToolSpec


class SessionLeaving(Looks):
    """Of sessions of break-glass: by the tools that they were opened for."""

    def __init__(self, store: Store, verifier: Verifier, clock: Clock) -> None:
        super().__init__(store, clock)
        self._verifier = verifier

    async def _holding(self, connection: AsyncConnection, warrant: Warrant, tool: str) -> Switch | None:
        return await holding(connection, self._verifier, warrant, tool, self._clock.now_ms())

    async def _closed(self, connection: AsyncConnection, warrant: Warrant) -> str | None:
        return await closed(connection, self._verifier, warrant, self._clock.now_ms())

    async def _check_allowed(
        self, connection: AsyncConnection, run: WarrantedRun, action: ActionRecord, spec: ToolSpec
    ) -> None:
        session = await signed(connection, self._verifier, run.warrant)
        if action.tool != spec.name or not named(session, spec.name):
            raise PermissionRefused(f"the session was not opened for {spec.name}", ("session.tools",))
