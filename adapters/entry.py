"""What lets a write in: the ledger asks it within the claim's own transaction."""

from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.admission import ClaimRefused
from adapters.switches import Switch
from contracts.ledger import ClaimRequest


class Entry(Protocol):
    """Whose word a write needs. Of the books themselves, of fences and leases the ledger knows alone."""

    #: Whether what a kill switch holds back waits until it is lifted; else it ends as denied.
    waits: bool

    async def holding(
        self, connection: AsyncConnection, request: ClaimRequest, now_ms: int, /
    ) -> Switch | None:
        """A kill switch that holds this write back."""
        ...

    async def closed(self, connection: AsyncConnection, request: ClaimRequest, now_ms: int, /) -> str | None:
        """Why whoever proposed it may act no more."""
        ...

    async def admitted(
        self, connection: AsyncConnection, request: ClaimRequest, now_ms: int, /
    ) -> tuple[str, ...]:
        """Who lets a write in that was never sent: what they gave for it is used up.

        Raises:
            ClaimRefused: it is not let in.
            PermissionRefused: a rule denies it.
        """
        ...

    async def over(
        self, connection: AsyncConnection, request: ClaimRequest, now_ms: int, /
    ) -> ClaimRefused | None:
        """Why a write that was let in before may be sent no more, beside that its run is closed."""
        ...
