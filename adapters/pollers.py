"""Who takes tasks from a queue, by Temporal's own word."""

import socket
import time
from datetime import timedelta
from itertools import chain
from typing import Final

from temporalio.api.enums.v1 import DescribeTaskQueueMode, TaskQueueType
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from contracts import names

_RPC: Final = timedelta(seconds=3)
#: A worker asks again at least once a minute; Temporal itself remembers one for five.
_LATELY_SECONDS: Final = 120


async def polled(client: Client, queue: str, worker: str, *, workflows: bool) -> bool:
    """Whether the worker of that identity asked for tasks lately. Raises RPCError.

    A queue has partitions. A plain description has the pollers of the root's alone, and beside other workers
    one may ask at the others; the enhanced one has all, but for those that serve a deployment's version.
    """
    kind = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW if workflows else TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
    named = TaskQueue(name=queue)
    root = DescribeTaskQueueRequest(namespace=names.NAMESPACE, task_queue=named, task_queue_type=kind)
    whole = DescribeTaskQueueRequest(
        namespace=names.NAMESPACE,
        task_queue=named,
        task_queue_types=[kind],
        api_mode=DescribeTaskQueueMode.DESCRIBE_TASK_QUEUE_MODE_ENHANCED,
        report_pollers=True,
    )
    for request in (root, whole):
        described = await client.workflow_service.describe_task_queue(request, timeout=_RPC)
        versions = (found.types_info[kind].pollers for found in described.versions_info.values())
        if any(_lately(poller, worker) for poller in chain(described.pollers, *versions)):
            return True
    return False


def _lately(poller: PollerInfo, worker: str) -> bool:
    return poller.identity == worker and poller.last_access_time.seconds > time.time() - _LATELY_SECONDS


def worker_identity(role: str, pid: int) -> str:
    """How the worker of that process on this machine is called in Temporal: ``broker-17@host``."""
    return f"{role}-{pid}@{socket.gethostname()}"
