"""Executions that ended in Temporal, as Temporal tells it: by hand, by time-out, or by our own end."""

from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from contracts import names
from contracts.errors import Unavailable
from contracts.run import RunRecord

_RPC: Final = timedelta(seconds=5)
_BY_HAND: Final = "in Temporal, and not by Interlock"
_UNKEPT: Final = "in Temporal, and the store has no end of it"
_WORDS: Final = {
    WorkflowExecutionStatus.TERMINATED: f"was terminated {_BY_HAND}",
    WorkflowExecutionStatus.TIMED_OUT: f"timed out {_BY_HAND}",
    WorkflowExecutionStatus.CANCELED: f"was cancelled {_UNKEPT}",
    WorkflowExecutionStatus.FAILED: f"failed {_UNKEPT}",
    WorkflowExecutionStatus.COMPLETED: f"was completed {_UNKEPT}",
}
_UNSAID: Final = f"was ended {_BY_HAND}"


class TemporalEndings:
    """What Temporal knows of executions that are closed. Raises Unavailable where it does not answer."""

    def __init__(self, client: Client, env: str) -> None:
        self._client = client
        self._ours = f"WorkflowType = '{names.WORKFLOW}' AND {names.SEARCH_ENV} = '{env}'"

    async def running(self) -> frozenset[str]:
        """Workflow ids of what runs; visibility lags, so an id that is absent proves nothing."""
        return frozenset(await self._list("ExecutionStatus = 'Running'"))

    async def closed_since(self, at_ms: int) -> frozenset[str]:
        """Workflow ids of what was closed since then, and goes on in no new history."""
        since = datetime.fromtimestamp(at_ms / 1_000, tz=UTC).isoformat(timespec="milliseconds")
        closed = "ExecutionStatus NOT IN ('Running', 'ContinuedAsNew')"
        return frozenset(await self._list(f"CloseTime >= '{since}' AND {closed}"))

    async def how_it_ended(self, run: RunRecord) -> str | None:
        """How the execution that the gateway recorded ended, in words; None where that is not sure.

        The newest execution of the id is asked for. It is ours where its chain of resets and new histories
        began with the recorded one. Another one under our id proves that ours is closed: one at a time may be
        open. That Temporal has none proves nothing: it forgets, and it may be the wrong server.
        """
        handle = self._client.get_workflow_handle(run.run_id)
        try:
            newest = await handle.describe(rpc_timeout=_RPC)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise Unavailable("Temporal did not say how an execution stands") from error
        if _first(newest) != run.first_execution:
            return _UNSAID if await self._known(run) else None
        return _WORDS.get(newest.status) if newest.status is not None else None

    async def _known(self, run: RunRecord) -> bool:
        """Whether Temporal still knows the execution that the gateway recorded."""
        handle = self._client.get_workflow_handle(run.run_id, run_id=run.first_execution)
        try:
            await handle.describe(rpc_timeout=_RPC)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise Unavailable("Temporal did not say how an execution stands") from error
        return True

    async def _list(self, which: str) -> list[str]:
        found = self._client.list_workflows(f"{self._ours} AND {which}", rpc_timeout=_RPC)
        try:
            return [execution.id async for execution in found]
        except RPCError as error:
            raise Unavailable("Temporal did not list its executions") from error


def _first(described: WorkflowExecutionDescription) -> str:
    return described.raw_description.workflow_execution_info.first_run_id or described.run_id
