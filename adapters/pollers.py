"""Who takes tasks from a queue, by Temporal's own word."""

import socket
import time
from datetime import timedelta
from typing import Final

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from contracts import names

_RPC: Final = timedelta(seconds=3)
#: A worker asks again at least once a minute; Temporal itself remembers one for five.
_LATELY_SECONDS: Final = 120


async def polled(client: Client, queue: str, worker: str, *, workflows: bool) -> bool:
    """Whether the worker of that identity asked for tasks lately. Raises RPCError."""
    kind = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW if workflows else TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
    request = DescribeTaskQueueRequest(
        namespace=names.NAMESPACE, task_queue=TaskQueue(name=queue), task_queue_type=kind
    )
    described = await client.workflow_service.describe_task_queue(request, timeout=_RPC)
    since = time.time() - _LATELY_SECONDS
    return any(
        poller.identity == worker and poller.last_access_time.seconds > since for poller in described.pollers
    )


def worker_identity(role: str, pid: int) -> str:
    """How the worker of that process on this machine is called in Temporal: ``broker-17@host``."""
    return f"{role}-{pid}@{socket.gethostname()}"
