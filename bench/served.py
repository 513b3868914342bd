"""``python -m bench.served ADDRESS CACHED``: the workflows alone, in a process whose memory is measured."""

import asyncio
import sys

from temporalio.client import Client
from temporalio.worker import Worker

from contracts import names
from workflows.agent_run import AgentRun
from workflows.headers import CapabilityHeaders


async def serve(address: str, cached: int) -> None:
    """Serve runs until the process is ended; activities are another process's."""
    client = await Client.connect(address, namespace=names.NAMESPACE)
    await Worker(
        client,
        task_queue=names.AGENT_QUEUE,
        workflows=[AgentRun],
        interceptors=[CapabilityHeaders()],
        max_cached_workflows=cached,
    ).run()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
