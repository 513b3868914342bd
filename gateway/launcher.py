"""Starts accepted runs in Temporal."""

import asyncio
from typing import Final

import structlog

from contracts.errors import InterlockError
from contracts.ports import RunStarter
from contracts.run import RunRecord
from gateway.background import cause
from gateway.ports import RunRows

LOG: Final = structlog.get_logger("gateway.launcher")

_START_SECONDS: Final = 5.0


class Launcher:
    """From a row to its workflow. A start that fails leaves the run queued; its letter is tried again."""

    def __init__(self, runs: RunRows, starter: RunStarter) -> None:
        self._runs = runs
        self._starter = starter

    async def launch(self, record: RunRecord) -> RunRecord:
        """Start the run, or find its execution, and record it. Raises Unavailable."""
        first_execution = await self._starter.start(record)
        await self._runs.record_execution(record.run_id, first_execution)
        return await self._runs.get(record.run_id)

    async def try_launch(self, record: RunRecord) -> RunRecord:
        """``launch``, within seconds; where Temporal does not answer the run stays queued for its letter."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                return await self.launch(record)
        except (InterlockError, TimeoutError) as error:
            LOG.warning("run not started yet", run_id=record.run_id, error=cause(error))
            return record
