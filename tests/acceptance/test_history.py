"""What a run costs in Temporal, and how much of the workflow one has to read at once."""

import inspect
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
import pytest_asyncio

from tests.acceptance.stack_world import Script, World, close, open_tickets, read, running_world
from workflows.agent_run import AgentRun

A_READ_STEP = 12
A_WRITE = 40
A_SCREEN = 40


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One stack for all runs."""
    async with running_world(tmp_path_factory.mktemp("history")) as found:
        yield found


async def _events(stack: World, script: Script) -> int:
    """The events of a whole run of the script, approved where it asks."""
    run_id = await stack.start(script)
    run = await stack.until(run_id, "waiting_approval", "completed")
    if run["state"] == "waiting_approval":
        await stack.approve(run)
        await stack.until(run_id, "completed")
    return len((await stack.history(run_id)).events)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_read_step_costs_as_much_as_a_bare_loop_of_two_activities(stack: World) -> None:
    """One more read step costs 12 events: asking the model and reading, nothing else."""
    tickets = open_tickets()
    counts = [await _events(stack, [[read(ticket)] for ticket in tickets[:steps]]) for steps in (1, 2, 3)]
    assert [after - before for before, after in pairwise(counts)] == [A_READ_STEP] * 2


@pytest.mark.asyncio(loop_scope="module")
async def test_an_approved_write_costs_at_most_forty_events(stack: World) -> None:
    """From asking the model to the settled write, card and click included."""
    tickets = open_tickets()
    without = await _events(stack, [[read(tickets[0])]])
    written = await _events(stack, [[read(tickets[0])], [close(tickets[0])]])
    assert written - without <= A_WRITE


def test_the_run_fits_on_a_screen() -> None:
    """``AgentRun.run`` is read without scrolling."""
    assert len(inspect.getsource(AgentRun.run).splitlines()) < A_SCREEN
