"""Brings letters to runs: each carrier implements ``contracts.outbox.Carrier`` for one kind.

Temporal and the run itself take every one of them once: a start by the run's id, a decision by its grant's.
"""

from collections.abc import Mapping
from typing import Final

import structlog

from contracts.errors import Unavailable, Unknown
from contracts.outbox import Carrier, Held, LetterKind
from contracts.ports import RunStarter
from gateway.launcher import Launcher
from gateway.ports import ApprovalRows, RunRows

LOG: Final = structlog.get_logger("gateway.carriers")


def carriers(
    runs: RunRows, approvals: ApprovalRows, launcher: Launcher, starter: RunStarter
) -> Mapping[LetterKind, Carrier]:
    """By the kind that it brings."""
    return {
        LetterKind.START: StartCarrier(runs, launcher),
        LetterKind.DECISION: DecisionCarrier(approvals, starter),
        LetterKind.CANCEL: CancelCarrier(runs, starter),
        LetterKind.RESUME: ResumeCarrier(starter),
    }


class StartCarrier:
    """Starts what its own request left unstarted."""

    def __init__(self, runs: RunRows, launcher: Launcher) -> None:
        self._runs = runs
        self._launcher = launcher

    async def carry(self, letter: Held) -> None:
        run = await self._runs.get(letter.run_id)
        if run.first_execution is None and not run.state.ended:
            await self._launcher.launch(run)


class DecisionCarrier:
    """Wakes the run. The decision's row is the truth; this only shortens the wait for it."""

    def __init__(self, approvals: ApprovalRows, starter: RunStarter) -> None:
        self._approvals = approvals
        self._starter = starter

    async def carry(self, letter: Held) -> None:
        grant = await self._approvals.decision(letter.subject)
        try:
            await self._starter.nudge(grant.run_id, grant.approval_id, grant.jti)
        except Unknown:
            LOG.info("no run left to wake", run_id=grant.run_id, grant_id=grant.jti)


class CancelCarrier:
    """Tells the workflow of a run that is closed to writes already."""

    def __init__(self, runs: RunRows, starter: RunStarter) -> None:
        self._runs = runs
        self._starter = starter

    async def carry(self, letter: Held) -> None:
        run = await self._runs.get(letter.run_id)
        if run.state.ended or run.cancel_reason is None:
            return
        if run.first_execution is None:
            raise Unavailable("the run is not started yet; its workflow is told as soon as it is")
        try:
            await self._starter.cancel(run.run_id, run.cancel_reason)
        except Unknown:
            LOG.info("no execution left to cancel", run_id=run.run_id)


class ResumeCarrier:
    """Tells a halted run that what held it may be over; the run looks for itself."""

    def __init__(self, starter: RunStarter) -> None:
        self._starter = starter

    async def carry(self, letter: Held) -> None:
        try:
            await self._starter.resume(letter.run_id)
        except Unknown:
            LOG.info("no run left to resume", run_id=letter.run_id)
