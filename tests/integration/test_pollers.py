"""Who takes tasks from a queue, on a real server with workers beside each other."""

import asyncio
from contextlib import AsyncExitStack

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

from adapters.pollers import polled
from contracts import names
from tests.workflows.theatre import dev_server


@activity.defn
async def nothing() -> None:
    """Never called."""


async def _seen(client: Client, queue: str, worker: str) -> None:
    async with asyncio.timeout(20):
        while not await polled(client, queue, worker, workflows=False):  # noqa: ASYNC110  the server sets no event
            await asyncio.sleep(0.05)


async def test_every_worker_of_a_queue_is_seen() -> None:
    """Whichever partition of the queue they ask at, and however many there are."""
    async with dev_server() as client, AsyncExitStack() as workers:
        address = client.service_client.config.target_host
        for number in range(12):
            queue, own = f"queue-{number // 3}", f"worker-{number}"
            other = await Client.connect(address, namespace=names.NAMESPACE, identity=own)
            await workers.enter_async_context(Worker(other, task_queue=queue, activities=[nothing]))
            await _seen(client, queue, own)
        assert not await polled(client, "queue-0", "worker-11", workflows=False)
