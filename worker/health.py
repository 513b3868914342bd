"""``python -m worker.health --role R``: whether this container's worker takes tasks, by Temporal's word."""

import argparse
import asyncio
import os
import sys
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from adapters.pollers import polled, worker_identity
from contracts import names

_QUEUES: Final = {"agent": names.AGENT_QUEUE, "broker": names.BROKER_QUEUE, "tools": names.TOOLS_QUEUE}


async def healthy(role: str, address: str, pid: int) -> bool:
    """Whether the worker of that process polls its queue; no where Temporal does not answer."""
    try:
        client = await Client.connect(address, namespace=names.NAMESPACE, identity=f"{role}-health")
        return await polled(client, _QUEUES[role], worker_identity(role, pid), workflows=role == "agent")
    except (RPCError, RuntimeError):
        # RuntimeError is what the client raises where nobody listens.
        return False


def main() -> int:
    """0 where it does, else 1."""
    parser = argparse.ArgumentParser(prog="python -m worker.health", description=__doc__)
    parser.add_argument("--role", required=True, choices=sorted(_QUEUES))
    parser.add_argument("--pid", type=int, default=1, help="the worker's process; a container's first is 1")
    asked = parser.parse_args()
    address = os.environ.get("INTERLOCK_TEMPORAL")
    if not address:
        parser.error("INTERLOCK_TEMPORAL is not set: it says where Temporal is, host:port")
    return 0 if asyncio.run(healthy(asked.role, address, asked.pid)) else 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # A process that used a Temporal client may crash at interpreter exit (temporalio/sdk-python#300).
    os._exit(code)
