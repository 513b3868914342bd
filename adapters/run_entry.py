"""What lets an agent's write in: breaker, target, policy, limits, and people's grants."""

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.admission import (
    ClaimRefused,
    allowed,
    approved,
    check_limits,
    check_target,
    consume,
)
from adapters.breaker_rows import BREAKER, passage
from adapters.limits import Counted
from adapters.proofs import Proofs
from adapters.standing import closed, holding
from adapters.switches import Switch
from contracts.ledger import ClaimRequest


class RunEntry:
    """Implements ``adapters.entry.Entry`` for runs."""

    waits = True

    def __init__(self, proofs: Proofs) -> None:
        self._proofs = proofs

    async def holding(self, connection: AsyncConnection, request: ClaimRequest, now_ms: int) -> Switch | None:
        return await holding(connection, request.run.warrant, request.frozen.tool, now_ms)

    async def closed(self, connection: AsyncConnection, request: ClaimRequest, _now_ms: int) -> str | None:
        return await closed(connection, request.run.warrant.run_id)

    async def admitted(
        self, connection: AsyncConnection, request: ClaimRequest, now_ms: int
    ) -> tuple[str, ...]:
        # What was claimed before the breaker opened is carried to its end: it may be half done.
        if (said := await passage(connection, request.run.warrant, now_ms)).refused is not None:
            raise ClaimRefused(said.refused, BREAKER, say="halted")
        await check_target(connection, request)
        decision = await allowed(connection, request, now_ms)
        await check_limits(connection, request.run, Counted.of_write(request.frozen), now_ms)
        counted = await approved(connection, self._proofs, request, decision, now_ms)
        await consume(connection, request, counted, now_ms)
        return tuple(grant.approver for grant in counted)

    async def over(
        self, connection: AsyncConnection, request: ClaimRequest, now_ms: int
    ) -> ClaimRefused | None:
        try:
            await allowed(connection, request, now_ms)
        except ClaimRefused as refusal:
            return refusal
        return None
