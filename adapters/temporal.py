"""Temporal, as the gateway and the activities use it."""

from datetime import timedelta
from typing import Final

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError as UpdateTimedOut
from temporalio.common import (
    HeaderCodecBehavior,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from adapters.payload_keys import PayloadKeys
from adapters.payloads import encrypting_converter
from contracts import names
from contracts.errors import Unavailable, Unknown
from contracts.run import RunRecord, RunState
from contracts.wire import Nudge, RunStart

_GONE: Final = frozenset({RPCStatusCode.NOT_FOUND})
_RPC: Final = timedelta(seconds=5)
_UPDATE: Final = timedelta(seconds=2)


async def connect(
    address: str, payload_keys: PayloadKeys, *, identity: str, namespace: str = names.NAMESPACE
) -> Client:
    """A client whose payloads, failures and headers are encrypted.

    Raises:
        Unavailable: nobody answers at the address, ``host:port``.
    """
    try:
        return await Client.connect(
            address,
            namespace=namespace,
            data_converter=encrypting_converter(payload_keys),
            header_codec_behavior=HeaderCodecBehavior.CODEC,
            identity=identity,
        )
    except (RPCError, RuntimeError) as error:
        raise Unavailable(f"Temporal does not answer at {address}") from error


class TemporalExecutions:
    """Implements ``contracts.ports.Executions``; an execution's chain never changes, so it is asked once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[tuple[str, str], str] = {}

    async def first_execution(self, workflow_id: str, execution: str) -> str:
        found = self._known.get((workflow_id, execution))
        if found is None:
            found = await self._ask(workflow_id, execution)
            if len(self._known) >= 10_000:
                self._known.clear()
            self._known[workflow_id, execution] = found
        return found

    async def _ask(self, workflow_id: str, execution: str) -> str:
        handle = self._client.get_workflow_handle(workflow_id, run_id=execution)
        try:
            described = await handle.describe(rpc_timeout=_RPC)
        except RPCError as error:
            if error.status in _GONE:
                raise Unknown(f"Temporal has no execution {execution} of {workflow_id}") from error
            raise Unavailable("Temporal did not say which execution this is") from error
        if described.status is not WorkflowExecutionStatus.RUNNING:
            raise Unknown(f"the execution {execution} of {workflow_id} is closed")
        first = described.raw_description.workflow_execution_info.first_run_id
        return first or execution


class TemporalStarter:
    """Implements ``contracts.ports.RunStarter``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start(self, record: RunRecord) -> str:
        try:
            handle = await self._client.start_workflow(
                names.WORKFLOW,
                RunStart(warrant=record.warrant),
                id=record.run_id,
                task_queue=names.AGENT_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                search_attributes=_search_attributes(record),
                static_summary=f"{record.route} for {record.tenant}",
                rpc_timeout=_RPC,
            )
        except WorkflowAlreadyStartedError as error:
            raise Unknown(f"{record.run_id} was started before and has ended") from error
        except RPCError as error:
            raise Unavailable("Temporal did not take the run; it will be started later") from error
        if not handle.first_execution_run_id:
            raise Unavailable("Temporal did not say which execution it started; it will be asked again")
        return handle.first_execution_run_id

    async def nudge(self, run_id: str, approval_id: str, grant_id: str) -> None:
        """An update needs a live worker, a signal waits for one. Both may arrive; the run counts one."""
        handle = self._client.get_workflow_handle(run_id)
        nudge = Nudge(approval_id=approval_id, grant_id=grant_id)
        try:
            await handle.execute_update(names.DECIDED, nudge, id=grant_id, rpc_timeout=_UPDATE)
            return
        except WorkflowUpdateFailedError:
            return
        except UpdateTimedOut:
            pass
        except RPCError as error:
            if error.status in _GONE:
                raise Unknown(f"Temporal has no open run {run_id}") from error
        await self._signal(run_id, names.DECIDED, nudge)

    async def resume(self, run_id: str) -> None:
        await self._signal(run_id, names.RESUMED)

    async def cancel(self, run_id: str, reason: str) -> None:
        handle = self._client.get_workflow_handle(run_id)
        try:
            await handle.cancel(reason=reason, rpc_timeout=_RPC)
        except RPCError as error:
            raise _gone(error, run_id) from error

    async def _signal(self, run_id: str, name: str, *args: Nudge) -> None:
        handle = self._client.get_workflow_handle(run_id)
        try:
            await handle.signal(name, args=args, rpc_timeout=_RPC)
        except RPCError as error:
            raise _gone(error, run_id) from error

    async def ready(self) -> None:
        """Raises Unavailable where Temporal does not answer."""
        try:
            healthy = await self._client.service_client.check_health(timeout=_RPC)
        except RPCError as error:
            raise Unavailable("Temporal does not answer") from error
        if not healthy:
            raise Unavailable("Temporal says that it is not serving")


def _gone(error: RPCError, run_id: str) -> Unknown | Unavailable:
    if error.status in _GONE:
        return Unknown(f"Temporal has no open run {run_id}")
    return Unavailable("Temporal did not answer")


def _search_attributes(record: RunRecord) -> TypedSearchAttributes:
    values = {
        names.SEARCH_TENANT: record.tenant,
        names.SEARCH_ENV: record.env,
        names.SEARCH_ROUTE: record.route,
        names.SEARCH_STATE: RunState.QUEUED.value,
    }
    return TypedSearchAttributes(
        [SearchAttributePair(SearchAttributeKey.for_keyword(name), value) for name, value in values.items()]
    )
