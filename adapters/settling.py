"""Settles unknown writes whose question was answered when no run was left to look; closes idle questions."""

import asyncio
from typing import Final

import structlog

from adapters.approvals import StoreApprovals
from contracts.errors import InterlockError

LOG: Final = structlog.get_logger("adapters.settling")

_EVERY: Final = 2.0


class Settler:
    """The broker's: it verifies the answer's grant, as it does for a run that waits."""

    def __init__(self, approvals: StoreApprovals) -> None:
        self._approvals = approvals

    async def run(self) -> None:
        """Goes on until it is cancelled; what fails is tried again."""
        while True:
            try:
                await self.settle_once()
            except InterlockError as error:
                LOG.warning("settling_waits", error=error.name, reason=error.sentence)
            await asyncio.sleep(_EVERY)

    async def settle_once(self) -> None:
        """Settle what can be; what cannot yet holds up nothing else."""
        for approval_id in await self._approvals.to_settle():
            try:
                await self._approvals.settle(approval_id)
            except InterlockError as error:
                LOG.warning("settling_waits", approval_id=approval_id, reason=error.sentence)
