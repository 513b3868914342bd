"""The very first deploy: a deployment without a current version would leave every run waiting."""

import asyncio
from datetime import timedelta
from typing import Final

from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError

_RPC: Final = timedelta(seconds=5)
_LOOK_AGAIN: Final = 1.0


async def first_version(client: Client, version: WorkerDeploymentVersion) -> None:
    """Make this version the current one where there is none; later ones are an operator's to choose.

    Goes on until it is cancelled, as a worker's other duties do.
    """
    while not await _chosen(client, version):  # noqa: ASYNC110  the server sets no event of ours
        await asyncio.sleep(_LOOK_AGAIN)
    await asyncio.Event().wait()


async def _chosen(client: Client, version: WorkerDeploymentVersion) -> bool:
    """Whether there is a current version now; False where the server knows no worker of it yet."""
    asked = DescribeWorkerDeploymentRequest(
        namespace=client.namespace, deployment_name=version.deployment_name
    )
    try:
        found = await client.workflow_service.describe_worker_deployment(asked, timeout=_RPC)
        if found.worker_deployment_info.routing_config.HasField("current_deployment_version"):
            return True
        # The token: whoever chose meanwhile is not overruled.
        choice = SetWorkerDeploymentCurrentVersionRequest(
            namespace=client.namespace,
            deployment_name=version.deployment_name,
            build_id=version.build_id,
            conflict_token=found.conflict_token,
        )
        await client.workflow_service.set_worker_deployment_current_version(choice, timeout=_RPC)
    except RPCError:
        return False
    return True
