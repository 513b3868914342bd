"""Wakes runs whose approvals have new decisions: told at once, and again until Temporal has taken it."""

from typing import Final

import structlog

from contracts.errors import Unknown
from contracts.ports import RunStarter
from contracts.tokens import Grant
from gateway.background import Errands, Rounds
from gateway.ports import ApprovalRows

LOG: Final = structlog.get_logger("gateway.waker")


class Waker:
    """The decision row is the truth; this only shortens the wait for it."""

    def __init__(self, approvals: ApprovalRows, starter: RunStarter, env: str) -> None:
        self._approvals = approvals
        self._starter = starter
        self._env = env
        self._nudges = Errands("nudge")
        self._rounds = Rounds("waker", self.wake)

    def poke(self) -> None:
        """Something was decided just now."""
        self._rounds.poke()

    async def run(self) -> None:
        try:
            await self._rounds.run()
        finally:
            await self._nudges.close()

    async def wake(self) -> None:
        """One round over the decisions that their runs were not told of."""
        for grant in await self._approvals.unwoken():
            if grant.env == self._env:
                self._nudges.offer(grant.jti, lambda grant=grant: self._nudge(grant))  # type: ignore[misc] # a default binds the loop's value

    async def _nudge(self, grant: Grant) -> None:
        try:
            await self._starter.nudge(grant.run_id, grant.approval_id, grant.jti)
        except Unknown:
            LOG.info("no run left to wake", run_id=grant.run_id, grant_id=grant.jti)
        await self._approvals.mark_woken(grant.jti)
