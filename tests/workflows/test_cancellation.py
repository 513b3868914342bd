"""A run that is cancelled, wherever the cancellation meets it, on a real Temporal server."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
import pytest_asyncio
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError

from contracts import names
from contracts.run import Outcome
from contracts.wire import Acted, Nudge
from tests.workflows.fakes import Stage, read, write
from tests.workflows.theatre import agent, dev_server, long_after, others, performing, start, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG_HISTORY: Final = 60
"""Events after which the server suggests a new history."""
WRITE: Final = "run.2.0"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[Client]:
    """A dev server of this module's own."""
    async with dev_server(long_after(LONG_HISTORY)) as found:
        yield found


@dataclass
class Gate:
    """Stops one call of one activity until it is opened; ``deaf``: as one that hears of no cancellation."""

    activity: str
    number: int = 1
    deaf: bool = True
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    _calls: int = 0

    async def __call__(self, activity_name: str) -> None:
        if activity_name != self.activity:
            return
        self._calls += 1
        if self._calls == self.number:
            self.reached.set()
            while not self.open.is_set():
                if not self.deaf:
                    activity.heartbeat()
                await asyncio.sleep(0.02)


def _unknown(action_id: str, tries: int) -> Acted:
    """Lost at first, then known to the target as little."""
    return Acted(action_id=action_id, outcome=Outcome.UNKNOWN, again=tries == 1)


def _lost(action_id: str, _: int) -> Acted:
    """Of a tool that cannot be asked again, so people are asked at once."""
    return Acted(action_id=action_id, outcome=Outcome.UNKNOWN)


def _play(**changes: Any) -> Stage:
    """A read, and an approved write whose outcome stays unknown: every activity has its turn."""
    stage = Stage(**{"turns": [[read(1)], [write(2)]], "written": _unknown, **changes})
    stage.approve(WRITE)
    return stage


async def _woken(run: WorkflowHandle[Any, Any], stage: Stage) -> None:
    await until(lambda: stage.calls[names.ASK])
    await run.signal(names.DECIDED, Nudge(approval_id=f"apr:{WRITE}", grant_id="g"))


async def _result(run: WorkflowHandle[Any, Any]) -> Any:
    """A run that never heard of its cancellation waits for ever."""
    async with asyncio.timeout(15):
        return await run.result()


async def _halted(run: WorkflowHandle[Any, Any]) -> None:
    """Return when the run waits for its switch: none of its activities is under way."""
    async with asyncio.timeout(15):
        while (await run.describe()).search_attributes.get(names.SEARCH_STATE) != ["halted"]:  # noqa: ASYNC110  the server sets no event
            await asyncio.sleep(0.05)


def _cancelled(stage: Stage, writes: int) -> None:
    """The law: it ended as cancelled, once, and nothing was written after the cancellation."""
    assert stage.ending is not None
    assert (stage.ending.state, stage.ending.text) == ("cancelled", "no longer needed")
    assert (stage.calls[names.FINISH], stage.calls[names.WRITE]) == (1, writes)


ACTIVITIES: Final = (
    *(names.OPEN, names.THINK, names.READ, names.PREPARE, names.ASK, names.COLLECT, names.WRITE),
    names.ASK_OUTCOME,
)
#: Of these a second call is made, in another place of the run.
AGAIN: Final = ((names.THINK, 2), (names.WRITE, 2), (names.COLLECT, 2))


@pytest.mark.parametrize("deaf", [True, False], ids=["answers", "heeds"])
@pytest.mark.parametrize(("name", "number"), [*((name, 1) for name in ACTIVITIES), *AGAIN])
async def test_a_cancellation_during_any_activity_ends_the_run(
    client: Client, name: str, number: int, deaf: bool
) -> None:
    """Whether the activity breaks off or answers all the same: the run ends there, and says so once."""
    gate = Gate(activity=name, number=number, deaf=deaf)
    stage = _play(gate=gate, written=_lost if name == names.ASK_OUTCOME else _unknown)
    async with performing(client, stage) as run:
        waking = asyncio.create_task(_woken(run, stage))
        await gate.reached.wait()
        waking.cancel()
        writes = stage.calls[names.WRITE]
        await run.cancel(reason="no longer needed")
        if deaf:
            gate.open.set()
        try:
            assert await _result(run) == "cancelled"
        finally:
            gate.open.set()
    _cancelled(stage, writes)


async def test_a_cancellation_after_the_end_changes_nothing(client: Client) -> None:
    """While an ended run still waits for an attempt to be put on record, it stays what the store says."""
    gate = Gate(activity=names.OVERHEARD)
    stage = Stage(turns=[], gate=gate)
    async with performing(client, stage) as run:
        await run.signal("open", "break-glass")
        await gate.reached.wait()
        await until(lambda: stage.calls[names.FINISH])
        await asyncio.sleep(0.2)
        await run.cancel(reason="no longer needed")
        await asyncio.sleep(0.2)
        gate.open.set()
        assert await _result(run) == "completed"
    assert stage.ending is not None
    assert (stage.ending.state, len(stage.overheards)) == ("completed", 1)


async def test_a_cancellation_while_the_target_is_left_in_peace_ends_the_run(client: Client) -> None:
    """Cancelled in the pause before an unknown write is asked about again: nobody asks any more."""
    stage = _play()
    async with performing(client, stage) as run:
        await _woken(run, stage)
        await until(lambda: stage.calls[names.WRITE])
        await run.cancel(reason="no longer needed")
        assert await _result(run) == "cancelled"
    _cancelled(stage, writes=1)


async def test_a_cancellation_during_the_last_word_comes_too_late(client: Client) -> None:
    """What is being written down as completed stays so, and is written down once."""
    gate = Gate(activity=names.FINISH)
    stage = Stage(turns=[[read(1)]], gate=gate)
    async with performing(client, stage) as run:
        await gate.reached.wait()
        await run.cancel(reason="too late")
        gate.open.set()
        assert await _result(run) == "completed"
    assert stage.ending is not None
    assert (stage.ending.state, stage.calls[names.FINISH]) == ("completed", 1)


async def test_a_second_cancellation_changes_nothing(client: Client) -> None:
    """Cancelled again while the end is written down: one end, with the first one's reason."""
    gate = Gate(activity=names.FINISH)
    stage = _play(gate=gate)
    async with performing(client, stage) as run:
        await until(lambda: stage.calls[names.ASK])
        await run.cancel(reason="no longer needed")
        await gate.reached.wait()
        await run.cancel(reason="really")
        gate.open.set()
        assert await _result(run) == "cancelled"
    _cancelled(stage, writes=0)


@pytest.mark.parametrize("first", ["click", "cancellation"])
async def test_of_a_click_and_a_cancellation_at_once_the_cancellation_counts(
    client: Client, first: str
) -> None:
    """Both are there before any worker looks: nothing is written, whichever came first."""
    stage = Stage(turns=[[read(1)], [write(2)]])
    async with others(client, stage):
        async with agent(client, stage):
            run = await start(client)
            await until(lambda: stage.calls[names.ASK])
        stage.approve(WRITE)
        nudge = Nudge(approval_id=f"apr:{WRITE}", grant_id="g")
        if first == "click":
            await run.signal(names.DECIDED, nudge)
        await run.cancel(reason="no longer needed")
        if first == "cancellation":
            await run.signal(names.DECIDED, nudge)
        async with agent(client, stage):
            assert await _result(run) == "cancelled"
    _cancelled(stage, writes=0)


async def test_a_cancellation_is_not_lost_with_the_old_history(client: Client) -> None:
    """A halted run that is due for a new history is resumed and cancelled at once: it ends as cancelled.

    Temporal shows a workflow the signals of a task before its cancellation, so the old history may be turned
    over without it; the store had the cancellation first, and the new history asks it.
    """
    stage = Stage(turns=[[read(1)]], held=True)
    async with others(client, stage):
        async with agent(client, stage):
            run = await start(client)
            await _halted(run)
        stage.cancelling = "no longer needed"
        for _ in range(LONG_HISTORY):
            await run.signal(names.RESUMED)
        await run.cancel(reason="no longer needed")
        async with agent(client, stage):
            assert await _result(run) == "cancelled"
    _cancelled(stage, writes=0)


@pytest.mark.parametrize("number", range(3, 8))
async def test_a_cancellation_around_a_new_history_ends_the_run(client: Client, number: int) -> None:
    """A long run is cancelled at any step around the turn of its history: it goes on no further."""
    gate = Gate(activity=names.READ, number=number)
    stage = Stage(turns=[[read(step)] for step in range(1, 20)], gate=gate)
    async with performing(client, stage) as run:
        await gate.reached.wait()
        await run.cancel(reason="no longer needed")
        gate.open.set()
        assert await _result(run) == "cancelled"
    _cancelled(stage, writes=0)
    assert stage.calls[names.READ] == number


async def test_what_fails_under_a_cancellation_was_cancelled(client: Client) -> None:
    """An activity that gives up for good as the cancellation comes: cancelled, not failed."""
    reached, fail = asyncio.Event(), asyncio.Event()

    async def gate(activity_name: str) -> None:
        if activity_name == names.THINK:
            reached.set()
            await fail.wait()
            raise ApplicationError("the model is gone", non_retryable=True)

    stage = Stage(turns=[[read(1)]], gate=gate)
    async with performing(client, stage) as run:
        await reached.wait()
        await run.cancel(reason="no longer needed")
        fail.set()
        assert await _result(run) == "cancelled"
    _cancelled(stage, writes=0)
