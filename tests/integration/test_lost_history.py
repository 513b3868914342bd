"""A start that is sent again after a real Temporal has forgotten its execution is still that run."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from adapters.temporal import TemporalStarter
from contracts import names
from contracts.wire import Ending
from tests.integration.test_gateway_world import World, opened

_WEEK_MS = 7 * 24 * 3_600_000
_SECONDS = 60
#: Deletion waits for the server's queues to note how far they are, which takes them half a minute otherwise.
_HASTE = [
    part
    for queue in ("transfer", "visibility", "timer")
    for part in ("--dynamic-config-value", f'history.{queue}ProcessorUpdateAckInterval="200ms"')
]


@asynccontextmanager
async def temporal() -> AsyncIterator[Client]:
    """A server of one's own that forgets without delay."""
    searched = (names.SEARCH_TENANT, names.SEARCH_ENV, names.SEARCH_ROUTE, names.SEARCH_STATE)
    async with await WorkflowEnvironment.start_local(
        namespace=names.NAMESPACE,
        search_attributes=[SearchAttributeKey.for_keyword(name) for name in searched],
        dev_server_existing_path=str(Path(sys.executable).parent / "temporal"),
        dev_server_log_level="error",
        dev_server_extra_args=_HASTE,
    ) as environment:
        yield environment.client


@asynccontextmanager
async def _world(directory: Path, client: Client) -> AsyncIterator[World]:
    """The gateway's world over the real Temporal."""
    async with opened(directory) as world:
        await world.over(TemporalStarter(client))
        yield world


async def test_a_run_whose_history_is_gone_is_still_that_run(tmp_path: Path) -> None:
    """One that waits and one that has ended: 200 with the run as it stood, and nothing new in Temporal."""
    async with temporal() as client, _world(tmp_path, client) as world:
        waiting = (await world.asked(key="waits")).run_id
        ended = str((await world.start(key="ended")).json()["run_id"])
        await world.runs.end(await world.warranted(ended), Ending(state="completed", text="Done."))
        await client.get_workflow_handle(ended).terminate()
        before = [await _run(world, waiting), await _run(world, ended)]
        assert [run["state"] for run in before] == ["waiting_approval", "completed"]
        assert await _executions(client, 2) == {waiting, ended}

        for run_id in (waiting, ended):
            await forget(client, run_id)
        world.clock.at_ms += _WEEK_MS
        again = [await world.start(key="waits"), await world.start(key="ended")]
        await world.drain.drain_once()

        assert [answer.status_code for answer in again] == [200, 200]
        assert [answer.json() for answer in again] == before
        assert [await _run(world, waiting), await _run(world, ended)] == before
        assert await _executions(client, 0) == set()
        other = await world.start(key="another")
        assert await _executions(client, 1) == {other.json()["run_id"]}


async def _run(world: World, run_id: str) -> dict[str, object]:
    found: dict[str, object] = (await world.http.get(f"/v1/runs/{run_id}", headers=world.caller())).json()
    return found


async def _executions(client: Client, many: int) -> set[str]:
    """Ids of all executions that Temporal knows, once there are so many."""
    found: set[str] | None = None
    async with asyncio.timeout(_SECONDS):
        while found is None or len(found) != many:
            found = {execution.id async for execution in client.list_workflows()}
            await asyncio.sleep(0.05)
    return found


async def forget(client: Client, run_id: str) -> None:
    """Delete the execution, and wait until Temporal has none of that id."""
    request = DeleteWorkflowExecutionRequest(
        namespace=names.NAMESPACE, workflow_execution=WorkflowExecution(workflow_id=run_id)
    )
    await client.workflow_service.delete_workflow_execution(request)
    async with asyncio.timeout(_SECONDS):
        while True:
            try:
                await client.get_workflow_handle(run_id).describe()
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return
                raise
            await asyncio.sleep(0.05)
