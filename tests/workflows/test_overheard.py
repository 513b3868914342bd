"""What is said to a run in Temporal and speaks of break-glass: it does nothing, and is put on record."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import pytest_asyncio
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError

from contracts import names
from contracts.attempts import Found
from contracts.wire import Nudge, Overheard, RunStart
from tests.laws.test_attempts import VALUES
from tests.workflows.fakes import Stage, write
from tests.workflows.theatre import agent, dev_server, others, performing, until
from workflows.agent_run import AgentRun

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEFINED = workflow._Definition.must_from_class(AgentRun)
SIGNALS = [*filter(None, DEFINED.signals), "break_glass", "open"]
UPDATES = [*filter(None, DEFINED.updates), "break_glass", "open"]
NUDGE = Nudge(approval_id="apr:run.1.0", grant_id="g")


def shapes(value: str) -> list[list[Any]]:
    """Where a value can stand in a message."""
    return [
        [value],
        [Nudge(approval_id=value, grant_id="g")],
        [Nudge(approval_id="apr:run.1.0", grant_id=value)],
        [{"approval_id": "apr:run.1.0", "grant_id": "g", "break_glass": value}],
        [NUDGE, value],
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[Client]:
    """A dev server of this module's own."""
    async with dev_server() as found:
        yield found


async def _ends(run: WorkflowHandle[Any, Any], stage: Stage) -> None:
    """It was not harmed: the click that comes now counts."""
    stage.approve("run.1.0")
    await run.signal(names.DECIDED, NUDGE)
    assert await run.result() == "completed"
    assert stage.calls[names.WRITE] == 1


@pytest.mark.parametrize("what", list(Found))
@pytest.mark.parametrize("name", SIGNALS)
async def test_a_signal_that_speaks_of_break_glass_wakes_nobody(
    client: Client, name: str, what: Found
) -> None:
    """Known or not, whole or malformed: each is put on record, the run waits on and ends as ever."""
    stage = Stage(turns=[[write(1)]])
    async with performing(client, stage) as run:
        await until(lambda: stage.calls[names.ASK])
        for said in shapes(VALUES[what]):
            await run.signal(name, args=said)
        await until(lambda: len(stage.overheards) == 5)
        assert not stage.calls[names.COLLECT]
        await _ends(run, stage)
    assert {(one.way, one.what) for one in stage.overheards} <= {("signal", what), ("signal", "name")}
    assert Overheard(what=what, way="signal") in stage.overheards


@pytest.mark.parametrize("what", list(Found))
@pytest.mark.parametrize("name", UPDATES)
async def test_an_update_that_speaks_of_break_glass_is_refused(
    client: Client, name: str, what: Found
) -> None:
    """Each is answered with a refusal and put on record."""
    stage = Stage(turns=[[write(1)]])
    async with performing(client, stage) as run:
        await until(lambda: stage.calls[names.ASK])
        for said in shapes(VALUES[what]):
            with pytest.raises(WorkflowUpdateFailedError):
                await run.execute_update(name, args=said)
        await until(lambda: len(stage.overheards) == 5)
        await _ends(run, stage)
    assert Overheard(what=what, way="update") in stage.overheards


async def test_a_flood_of_them_is_bounded(client: Client) -> None:
    """Of forty, five are told of; what an update says after that leaves no event."""
    stage = Stage(turns=[[write(1)]])
    async with performing(client, stage) as run:
        await until(lambda: stage.calls[names.ASK])
        for _ in range(20):
            await run.signal("open", VALUES[Found.TOKEN])
        events = None
        for _ in range(20):
            with suppress(WorkflowUpdateFailedError):
                await run.execute_update("open", VALUES[Found.TOKEN])
            events = events or (await run.describe()).history_length
        assert (await run.describe()).history_length <= (events or 0) + 40
        await _ends(run, stage)
    assert len(stage.overheards) == 5


@pytest.mark.parametrize("said", [[], ["x"], [None], [1, 2], [{"approval_id": 1}], [NUDGE, NUDGE]], ids=str)
async def test_a_malformed_message_holds_nobody_up(client: Client, said: list[Any]) -> None:
    """Of whatever shape: nobody is woken, and nothing of it is an attempt."""
    stage = Stage(turns=[[write(1)]])
    async with performing(client, stage) as run:
        await until(lambda: stage.calls[names.ASK])
        await run.signal(names.DECIDED, args=said)
        with pytest.raises(WorkflowUpdateFailedError):
            await run.execute_update(names.DECIDED, args=said)
        await run.signal("from-tomorrow", args=said)
        with pytest.raises(WorkflowUpdateFailedError):
            await run.execute_update("from-tomorrow", args=said)
        await _ends(run, stage)
    assert stage.overheards == []


@pytest.mark.parametrize(
    ("kind", "said", "what"),
    [
        ("BreakGlass", [], "name"),
        ("Other", [VALUES[Found.TOKEN]], "token"),
        ("Other", [{"session_id": VALUES[Found.SESSION]}], "session"),
        ("Other", [], "unknown"),
    ],
)
async def test_no_other_workflow_runs_here(client: Client, kind: str, said: list[Any], what: str) -> None:
    """Started on the agents' queue under another name: put on record, and failed."""
    stage = Stage(turns=[])
    async with others(client, stage), agent(client, stage):
        run = await client.start_workflow(kind, args=said, id=f"{kind}-{what}", task_queue=names.AGENT_QUEUE)
        with pytest.raises(WorkflowFailureError):
            await run.result()
    assert stage.overheards == [Overheard(what=what, way="start")]
    assert not stage.calls[names.OPEN] + stage.calls[names.THINK]


async def test_a_run_that_nobody_attacks_has_no_event_more(client: Client) -> None:
    """The activity that tells of attempts is never scheduled."""
    stage = Stage(turns=[[write(1)]])
    async with performing(client, stage) as run:
        await until(lambda: stage.calls[names.ASK])
        await _ends(run, stage)
        events = [event async for event in run.fetch_history_events()]
    scheduled = [one.activity_task_scheduled_event_attributes.activity_type.name for one in events]
    assert names.OVERHEARD not in scheduled
    assert names.WRITE in scheduled


async def test_a_run_ends_although_no_broker_can_write_it_down(client: Client) -> None:
    """An attempt is told before the history ends, and the end waits for it a while and no longer."""
    stage = Stage(turns=[])
    async with others(client, stage), agent(client, stage):
        run = await client.start_workflow(
            AgentRun.run,
            RunStart(warrant="w"),
            id="told-first",
            task_queue=names.AGENT_QUEUE,
            start_signal="open",
            start_signal_args=[VALUES[Found.TOKEN]],
        )
        assert await run.result() == "completed"
    assert stage.overheards == [Overheard(what="token", way="signal")]
