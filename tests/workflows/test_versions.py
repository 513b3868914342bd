"""Runs that wait while new versions of the workflow are deployed, on a real Temporal server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.worker import Worker

from adapters.first_version import first_version
from contracts import names
from contracts.run import Outcome
from contracts.wire import Nudge
from embedded.deployment import left_behind, route_to
from tests.held_attempts import HeldAttempts
from tests.workflows.fakes import Stage, read, write
from tests.workflows.theatre import TEMPORAL, agent, dev_server, others, start, until
from worker.__main__ import serve
from worker.parts import Role
from worker.version import pinned, workflow_version
from workflows.agent_run import AgentRun

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[Client]:
    """A dev server of this module's own."""
    async with dev_server() as found:
        yield found


async def _current(client: Client, build: str) -> None:
    """What an operator does after a deploy; refused until the server has seen the build's workers."""
    command = ["worker", "deployment", "set-current-version", "--deployment-name", names.DEPLOYMENT]
    async with asyncio.timeout(20):
        while await _temporal(client, *command, "--build-id", build, "--yes"):  # noqa: ASYNC110 - another process sets no event
            await asyncio.sleep(0.1)


async def _temporal(client: Client, *arguments: str) -> int:
    """The exit status of Temporal's own command line."""
    where = ("--address", client.service_client.config.target_host, "--namespace", client.namespace)
    process = await asyncio.create_subprocess_exec(
        TEMPORAL, *arguments, *where, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    return await process.wait()


@asynccontextmanager
async def deployed(client: Client, stage: Stage, build: str) -> AsyncIterator[Worker]:
    """A worker of that build, to which new runs go."""
    async with agent(client, stage, build) as worker:
        await _current(client, build)
        yield worker


async def _waiting(client: Client, stage: Stage) -> WorkflowHandle[Any, Any]:
    run = await start(client)
    await until(lambda: stage.calls[names.ASK])
    return client.get_workflow_handle(run.id)


async def _click(run: WorkflowHandle[Any, Any], stage: Stage) -> None:
    nudge = Nudge(approval_id=stage.approve("run.1.0"), grant_id="g")
    await run.signal(names.DECIDED, nudge)


async def _build(run: WorkflowHandle[Any, Any]) -> str:
    """The build that completed the run's last task."""
    described = await run.describe()
    info = described.raw_description.workflow_execution_info.versioning_info
    return info.deployment_version.build_id


async def _stands_still(run: WorkflowHandle[Any, Any]) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.5):
            await run.result()


async def test_a_waiting_run_survives_two_deploys_and_the_end_of_its_old_workers(client: Client) -> None:
    """Nobody serves its version any more: the operator's command moves it, and the click writes once."""
    stage = Stage(turns=[[write(1)]])
    async with others(client, stage):
        async with deployed(client, stage, "a"):
            run = await _waiting(client, stage)
        async with deployed(client, stage, "b"):
            assert await _build(run) == "a"
        async with deployed(client, stage, "c"):
            await _click(run, stage)
            await _stands_still(run)
            move = ["--versioning-override-behavior", "one_time", "--yes", "--query", left_behind("c")]
            to = ["--versioning-override-deployment-name", names.DEPLOYMENT]
            to += ["--versioning-override-build-id", "c"]
            assert await _temporal(client, "workflow", "update-options", *move, *to) == 0
            assert await run.result() == "completed"
            assert await _build(run) == "c"
    assert stage.calls[names.WRITE] == 1
    assert stage.done == {"run.1.0": Outcome.SUCCEEDED}


async def test_a_waiting_run_that_is_woken_moves_with_nothing_to_replay(client: Client) -> None:
    """With old workers beside the new ones it goes on in a new history on the new version."""
    stage = Stage(turns=[[write(1)]])
    async with others(client, stage), agent(client, stage, "d") as old:
        await _current(client, "d")
        run = await _waiting(client, stage)
        async with deployed(client, stage, "e"):
            await _woken_until_it_moves(client, stage)
            await old.shutdown()
            await _click(run, stage)
            assert await run.result() == "completed"
            assert await _build(run) == "e"
    assert stage.calls[names.WRITE] == 1


async def _woken_until_it_moves(client: Client, stage: Stage) -> None:
    """The server tells runs of a new version some moments after the operator told the server."""
    wake = ("workflow", "signal", "--name", names.RESUMED, "--yes", "--query", left_behind("e"))
    async with asyncio.timeout(20):
        while not stage.calls[names.COLLECT]:
            await _temporal(client, *wake)
            await asyncio.sleep(0.5)
    assert stage.calls[names.OPEN] == 2


async def test_a_run_that_an_operator_pins_stays_where_it_is(client: Client) -> None:
    """Woken on a version that is not the current one it moves at most once, and does not spin."""
    stage = Stage(turns=[[write(1)]])
    async with others(client, stage), deployed(client, stage, "f"):
        run = await _waiting(client, stage)
        pin = ["--versioning-override-behavior", "pinned", "--versioning-override-build-id", "f"]
        pin += ["--versioning-override-deployment-name", names.DEPLOYMENT]
        assert await _temporal(client, "workflow", "update-options", "-w", run.id, *pin) == 0
        async with deployed(client, stage, "g"):
            for _ in range(5):
                await run.signal(names.RESUMED)
                await asyncio.sleep(0.5)
            assert stage.calls[names.OPEN] <= 2
            await _click(run, stage)
            assert await run.result() == "completed"
            assert await _build(run) == "f"
    assert stage.calls[names.WRITE] == 1


async def test_the_embedded_stack_lets_go_of_runs_that_nobody_serves(client: Client) -> None:
    """Routing to a new build moves what waits on another one: one machine runs one version."""
    stage = Stage(turns=[[write(1)]])
    async with others(client, stage):
        async with deployed(client, stage, "h"):
            run = await _waiting(client, stage)
        async with agent(client, stage, "i"):
            await _routed(client, "i")
            await _click(run, stage)
            assert await run.result() == "completed"
            assert await _build(run) == "i"
    assert stage.calls[names.WRITE] == 1


async def test_a_run_from_before_there_were_versions_goes_on(client: Client) -> None:
    """What was begun by a worker without a version is served by the current one."""
    stage = Stage(turns=[[write(1)]])
    async with others(client, stage):
        await _unversioned(client)
        async with agent(client, stage):
            run = await _waiting(client, stage)
        async with deployed(client, stage, "k"):
            await _click(run, stage)
            assert await run.result() == "completed"
            assert await _build(run) == "k"
    assert stage.calls[names.WRITE] == 1


async def _unversioned(client: Client) -> None:
    """As it was before the first deploy of a version."""
    command = ["worker", "deployment", "set-current-version", "--deployment-name", names.DEPLOYMENT]
    assert await _temporal(client, *command, "--unversioned", "--yes") == 0


async def test_the_first_version_becomes_the_current_one_and_no_later_one_does(client: Client) -> None:
    """A fresh cluster serves its first run with no operator; a later worker takes nothing over by itself."""
    await _unversioned(client)
    stage = Stage(turns=[[read(1)]])
    async with others(client, stage), _serving(client, stage, "l"):
        run = await start(client)
        assert await run.result() == "completed"
        async with _serving(client, stage, "m"):
            await _registered(client, "m")
            later = await start(client)
            assert await later.result() == "completed"
    assert [await _build(run), await _build(later)] == ["l", "l"]


@asynccontextmanager
async def _serving(client: Client, stage: Stage, build: str) -> AsyncIterator[None]:
    """A worker process' own way to serve, with the stage's activities."""
    version = workflow_version(build)
    role = Role(
        queue=names.AGENT_QUEUE,
        client=client,
        activities=stage.on(names.AGENT_QUEUE),
        attempts=HeldAttempts(),
        workflows=[AgentRun],
        deployment=pinned(version),
        beside=[lambda: first_version(client, version)],
    )
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(role, stop))
    yield
    stop.set()
    await serving


async def _registered(client: Client, build: str) -> None:
    """Return when the server knows the build, and a moment to choose it has passed."""
    command = ["worker", "deployment", "describe-version", "--deployment-name", names.DEPLOYMENT]
    async with asyncio.timeout(20):
        while await _temporal(client, *command, "--build-id", build):  # noqa: ASYNC110 - another process sets no event
            await asyncio.sleep(0.2)
    await asyncio.sleep(1.5)


async def _routed(client: Client, build: str) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                return await route_to(client, build)
            except RPCError:
                await asyncio.sleep(0.05)
