"""The run itself, on a real Temporal server, with its activities on a stage."""

from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio
from temporalio.client import Client

from contracts import names
from contracts.run import Outcome
from contracts.wire import Acted, Nudge, Verdict
from tests.workflows.fakes import Stage, read, write
from tests.workflows.theatre import dev_server, long_after, performing, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG_HISTORY: Final = 60
"""Events after which the server suggests a new history."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[Client]:
    """A dev server of this module's own."""
    async with dev_server(long_after(LONG_HISTORY)) as found:
        yield found


async def test_a_long_run_goes_on_in_a_new_history_and_repeats_nothing(client: Client) -> None:
    """Twelve reads cross several histories; each is made once, and each turn asked for once."""
    stage = Stage(turns=[[read(step)] for step in range(1, 13)])
    async with performing(client, stage) as run:
        assert await run.result() == "completed"
    assert stage.calls[names.OPEN] > 2, "the run never left its first history"
    assert stage.calls[names.READ] == 12
    assert stage.calls[names.THINK] == 13
    assert stage.calls[names.FINISH] == 1


async def test_an_approval_waits_across_a_new_history(client: Client) -> None:
    """Woken again and again in vain, the run goes on in a new history; the click that comes then counts."""
    stage = Stage(turns=[[write(1)]])
    async with performing(client, stage) as run:
        await until(lambda: stage.calls[names.ASK])
        for number in range(12):
            seen = stage.calls[names.COLLECT]
            await run.signal(names.DECIDED, Nudge(approval_id="apr:run.1.0", grant_id=f"vain-{number}"))
            await until(lambda seen=seen: stage.calls[names.COLLECT] > seen)
        assert stage.calls[names.OPEN] > 1, "the run still has its first history"
        approval = stage.approve("run.1.0")
        await run.signal(names.DECIDED, Nudge(approval_id=approval, grant_id="real"))
        assert await run.result() == "completed"
    assert stage.calls[names.WRITE] == 1
    assert stage.done == {"run.1.0": Outcome.SUCCEEDED}


async def test_a_halted_run_goes_on_in_a_new_history(client: Client) -> None:
    """A kill switch may hold for weeks: looking at it again and again fills no history to its end."""
    stage = Stage(turns=[[read(1)]], held=True)
    async with performing(client, stage) as run:
        for looks in range(1, 9):
            await until(lambda looks=looks: stage.calls[names.THINK] >= looks)
            await run.signal(names.RESUMED)
        assert stage.calls[names.OPEN] > 1, "the run still has its first history"
        stage.held = False
        await run.signal(names.RESUMED)
        assert await run.result() == "completed"
    assert stage.calls[names.READ] == 1


async def test_a_write_that_is_stopped_before_it_was_prepared_is_prepared_when_that_is_lifted(
    client: Client,
) -> None:
    """Nobody is asked meanwhile, and nothing is concluded; lifted, the run asks and goes on."""
    stage = Stage(turns=[[write(1)]], unprepared=True)
    stage.approve("run.1.0")
    async with performing(client, stage) as run:
        await until(lambda: stage.calls[names.PREPARE])
        await run.signal(names.RESUMED)
        await until(lambda: stage.calls[names.PREPARE] == 2)
        assert (stage.calls[names.ASK], stage.calls[names.WRITE]) == (0, 0)
        stage.unprepared = False
        await run.signal(names.RESUMED)
        await until(lambda: stage.calls[names.ASK])
        await run.signal(names.DECIDED, Nudge(approval_id="apr:run.1.0", grant_id="g"))
        assert await run.result() == "completed"
    assert stage.done == {"run.1.0": Outcome.SUCCEEDED}


async def test_a_click_by_update_and_by_signal_is_one_click(client: Client) -> None:
    """Both messages of one decision wake the run once; made-up ones wake it in vain."""
    stage = Stage(turns=[[write(1)]])
    async with performing(client, stage) as run:
        await until(lambda: stage.calls[names.ASK])
        nudge = Nudge(approval_id="apr:run.1.0", grant_id="g")
        await run.execute_update(names.DECIDED, nudge)
        await run.signal(names.DECIDED, nudge)
        await until(lambda: stage.calls[names.COLLECT])
        stage.approve("run.1.0")
        await run.signal(names.DECIDED, Nudge(approval_id="apr:run.1.0", grant_id="h"))
        assert await run.result() == "completed"
    assert stage.calls[names.COLLECT] == 2


async def test_an_unknown_write_is_asked_about_and_never_written_again(client: Client) -> None:
    """Without a retry that the target guards, the next thing after "unknown" is a person."""
    stage = Stage(
        turns=[[write(1)]],
        written=lambda action_id, _: Acted(action_id=action_id, outcome=Outcome.UNKNOWN),
    )
    stage.approve("run.1.0")
    async with performing(client, stage) as run:
        await until(lambda: stage.calls[names.ASK])
        await run.signal(names.DECIDED, Nudge(approval_id="apr:run.1.0", grant_id="g"))
        await until(lambda: stage.calls[names.ASK_OUTCOME])
        stage.verdicts["did:run.1.0"] = Verdict(state="settled")
        await run.signal(names.DECIDED, Nudge(approval_id="did:run.1.0", grant_id="h"))
        assert await run.result() == "completed"
    assert stage.calls[names.WRITE] == 1


@pytest.mark.parametrize("waits_for", [names.ASK, names.ASK_OUTCOME])
async def test_a_cancelled_wait_ends_the_run_and_finishes_it(client: Client, waits_for: str) -> None:
    """Cancelled while it waits for an approval or for what a write did: it ends as cancelled, and says so."""
    stage = Stage(
        turns=[[write(1)]],
        written=lambda action_id, _: Acted(action_id=action_id, outcome=Outcome.UNKNOWN),
    )
    if waits_for == names.ASK_OUTCOME:
        stage.approve("run.1.0")
    async with performing(client, stage) as run:
        await until(lambda: stage.calls[names.ASK])
        await run.signal(names.DECIDED, Nudge(approval_id="apr:run.1.0", grant_id="g"))
        await until(lambda: stage.calls[waits_for] and stage.calls[names.COLLECT])
        await run.cancel()
        assert await run.result() == "cancelled"
    assert stage.ending is not None
    assert stage.ending.state == "cancelled"
    assert stage.calls[names.WRITE] == (waits_for == names.ASK_OUTCOME)


async def test_a_changed_target_is_prepared_and_asked_about_again(client: Client) -> None:
    """The first write finds the target changed: it is prepared, asked about and approved once more."""

    def written(action_id: str, tries: int) -> Acted:
        changed = tries == 1
        return Acted(
            action_id=action_id, outcome=Outcome.SKIPPED if changed else Outcome.SUCCEEDED, changed=changed
        )

    stage = Stage(turns=[[write(1)]], written=written)
    stage.approve("run.1.0")
    async with performing(client, stage) as run:
        for round_number in (1, 2):
            await until(lambda count=round_number: stage.calls[names.ASK] == count)
            nudge = Nudge(approval_id="apr:run.1.0", grant_id=f"g{round_number}")
            await run.signal(names.DECIDED, nudge)
        assert await run.result() == "completed"
    assert stage.calls[names.PREPARE] >= 2
    assert stage.calls[names.WRITE] == 2
