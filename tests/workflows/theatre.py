"""Where a play is staged: a real Temporal dev server, and workers for each queue."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client, WorkflowHandle
from temporalio.common import SearchAttributeKey
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from contracts import names
from contracts.wire import RunStart
from tests.workflows.fakes import Stage
from worker.version import pinned, workflow_version
from workflows.agent_run import AgentRun
from workflows.headers import CapabilityHeaders
from workflows.stranger import Stranger

_UNTHROTTLED: Final = "history.transferProcessorMaxPollRPS=10000"
_BEAT: Final = timedelta(milliseconds=100)
"""How often a heartbeat is passed on at most: a cancellation reaches an activity in answer to one."""
TEMPORAL: Final = str(Path(sys.executable).parent / "temporal")


@asynccontextmanager
async def dev_server(*dynamic: str) -> AsyncIterator[Client]:
    """A server of one's own, as fast as the embedded one, with these dynamic settings, ``name=value``."""
    settings = [part for setting in (_UNTHROTTLED, *dynamic) for part in ("--dynamic-config-value", setting)]
    async with await WorkflowEnvironment.start_local(
        namespace=names.NAMESPACE,
        dev_server_existing_path=TEMPORAL,
        search_attributes=[SearchAttributeKey.for_keyword(names.SEARCH_STATE)],
        dev_server_extra_args=settings,
        dev_server_log_level="error",
    ) as environment:
        yield environment.client


def long_after(events: int) -> str:
    """The dynamic setting after how many events the server suggests a new history; its default is 4,096."""
    return f"limit.historyCount.suggestContinueAsNew={events}"


def agent(
    client: Client, stage: Stage, build: str | None = None, **options: Any
) -> AbstractAsyncContextManager[Worker]:
    """A worker of the agents' queue; of one build of the deployment, where it is given."""
    return Worker(
        client,
        task_queue=names.AGENT_QUEUE,
        activities=stage.on(names.AGENT_QUEUE),
        workflows=[AgentRun, Stranger],
        interceptors=[CapabilityHeaders()],
        deployment_config=None if build is None else pinned(workflow_version(build)),
        max_heartbeat_throttle_interval=_BEAT,
        **options,
    )


@asynccontextmanager
async def others(client: Client, stage: Stage) -> AsyncIterator[None]:
    """The workers of the brokers' and the tools' queues."""
    async with AsyncExitStack() as stack:
        for queue in (names.BROKER_QUEUE, names.TOOLS_QUEUE):
            worker = Worker(
                client,
                task_queue=queue,
                activities=stage.on(queue),
                max_heartbeat_throttle_interval=_BEAT,
            )
            await stack.enter_async_context(worker)
        yield


async def start(client: Client) -> WorkflowHandle[Any, Any]:
    """A run, whatever its play."""
    return await client.start_workflow(
        AgentRun.run, RunStart(warrant="w"), id=f"run-{time.monotonic_ns()}", task_queue=names.AGENT_QUEUE
    )


@asynccontextmanager
async def performing(client: Client, stage: Stage) -> AsyncIterator[WorkflowHandle[Any, Any]]:
    """A run of the play, with a worker for each queue."""
    async with others(client, stage), agent(client, stage):
        yield await start(client)


async def until(true: Any, seconds: float = 20) -> None:
    """Return when it is true. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - the stage is elsewhere
            await asyncio.sleep(0.02)
