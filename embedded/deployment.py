"""The agents' deployment on the dev server: runs, new and waiting, go to the build that serves."""

import asyncio
from datetime import timedelta
from typing import Final

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import VersioningBehavior
from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    SetWorkerDeploymentCurrentVersionRequest,
    UpdateWorkflowExecutionOptionsRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from contracts import names

_RPC: Final = timedelta(seconds=10)
_AT_ONCE: Final = 16


async def route_to(client: Client, build: str) -> None:
    """Send new runs to this build, and let those go that are pinned to one which nobody serves any more.

    Raises:
        RPCError: the server does not know the build yet, or does not answer; it is safe to ask again.
    """
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace, deployment_name=names.DEPLOYMENT, build_id=build
    )
    await client.workflow_service.set_worker_deployment_current_version(request, timeout=_RPC)
    gate = asyncio.Semaphore(_AT_ONCE)
    left = client.list_workflows(left_behind(build))
    await asyncio.gather(*[_let_go(client, run.id, gate) async for run in left])


def left_behind(build: str) -> str:
    """Temporal's query for the open runs that are pinned to another build."""
    return (
        f'WorkflowType = "{names.WORKFLOW}" AND ExecutionStatus = "Running"'
        ' AND TemporalWorkflowVersioningBehavior = "Pinned"'
        f' AND TemporalWorkerDeploymentVersion != "{names.DEPLOYMENT}:{build}"'
    )


async def _let_go(client: Client, run_id: str, gate: asyncio.Semaphore) -> None:
    """From its next task on the run is served by whatever version is current."""
    override = VersioningOverride(
        behavior=VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE, auto_upgrade=True
    )
    request = UpdateWorkflowExecutionOptionsRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=run_id),
        workflow_execution_options=WorkflowExecutionOptions(versioning_override=override),
        update_mask=FieldMask(paths=["versioning_override"]),
    )
    async with gate:
        try:
            await client.workflow_service.update_workflow_execution_options(request, timeout=_RPC)
        except RPCError as error:
            # It ended meanwhile.
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
