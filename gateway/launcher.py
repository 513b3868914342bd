"""Starts accepted runs in Temporal, and tells their workflows of a cancellation, until it is done."""

import asyncio
from typing import Final

import structlog

from contracts.errors import InterlockError, Unknown
from contracts.ports import Clock, RunStarter
from contracts.run import RunRecord, RunState
from gateway.background import Errands, Rounds, cause
from gateway.ports import RunQuery, RunRows

LOG: Final = structlog.get_logger("gateway.launcher")

#: Milliseconds after which a run that its own request did not start is started by the sweep.
SWEEP_AFTER_MS: Final = 2_000
_START_SECONDS: Final = 5.0
_PAGE: Final = 200


class Launcher:
    """From a row to its workflow. A start that fails leaves the run queued; the sweep tries again."""

    def __init__(self, runs: RunRows, starter: RunStarter, clock: Clock, env: str) -> None:
        self._runs = runs
        self._starter = starter
        self._clock = clock
        self._env = env
        self._starts = Errands("start")
        self._cancels = Errands("cancel")
        #: Reasons by run, of the cancellations that the workflows were not told of yet.
        self._untold: dict[str, str] | None = None
        self._rounds = Rounds("launcher", self.sweep)

    async def run(self) -> None:
        try:
            await self._rounds.run()
        finally:
            await self._starts.close()
            await self._cancels.close()

    async def launch(self, record: RunRecord) -> RunRecord:
        """Start the run, or find its execution, and record it. Raises Unavailable."""
        first_execution = await self._starter.start(record)
        await self._runs.record_execution(record.run_id, first_execution)
        # Read after it was recorded: whoever cancels later finds the execution, whoever did before is seen.
        started = await self._runs.get(record.run_id)
        if started.cancel_reason is not None and not started.state.ended:
            await self._starter.cancel(started.run_id, started.cancel_reason)
        return started

    async def try_launch(self, record: RunRecord) -> RunRecord:
        """``launch``, within seconds; where Temporal does not answer the run stays queued for the sweep."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                return await self.launch(record)
        except (InterlockError, TimeoutError) as error:
            LOG.warning("run not started yet", run_id=record.run_id, error=cause(error))
            return record

    async def cancel(self, run_id: str, reason: str) -> None:
        """Tell the run's workflow now, or as soon as Temporal answers."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._tell(run_id, reason)
        except (InterlockError, TimeoutError) as error:
            LOG.warning("cancellation not delivered yet", run_id=run_id, error=cause(error))
            if self._untold is not None:
                self._untold[run_id] = reason

    async def sweep(self) -> None:
        """One round: what was accepted and not started, what was cancelled and not told."""
        for record in await self._runs.unstarted(self._env, self._clock.now_ms() - SWEEP_AFTER_MS):
            self._starts.offer(record.run_id, lambda record=record: self._start(record))  # type: ignore[misc] # a default binds the loop's value
        if self._untold is None:
            self._untold = await self._cancelling()
        for run_id, reason in self._untold.items():
            self._cancels.offer(run_id, lambda run_id=run_id, reason=reason: self._tell(run_id, reason))  # type: ignore[misc] # as above

    async def _start(self, record: RunRecord) -> None:
        await self.launch(record)

    async def _tell(self, run_id: str, reason: str) -> None:
        try:
            await self._starter.cancel(run_id, reason)
        except Unknown:
            # Not started yet: the launch sees the reason. Ended: there is nobody left to tell.
            LOG.info("no execution to cancel", run_id=run_id)
        if self._untold is not None:
            self._untold.pop(run_id, None)

    async def _cancelling(self) -> dict[str, str]:
        """What an earlier gateway may have left untold."""
        found: dict[str, str] = {}
        for state in (state for state in RunState if not state.ended):
            before = None
            while True:
                query = RunQuery(
                    env=self._env, tenant=None, routes=None, state=state, before=before, limit=_PAGE
                )
                page = await self._runs.page(query)
                found |= {run.run_id: run.cancel_reason for run in page if run.cancel_reason is not None}
                if len(page) < _PAGE:
                    break
                before = (page[-1].created_ms, page[-1].run_id)
        return found
