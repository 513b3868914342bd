"""What a run costs in Temporal, and how much of the workflow one has to read at once."""

import inspect
from itertools import pairwise

from tests.acceptance.conftest import World
from tests.acceptance.stack_world import Script, close, read
from workflows.agent_run import AgentRun

A_READ_STEP = 12
A_WRITE = 40
A_SCREEN = 40


async def _events(world: World, script: Script) -> int:
    """The events of a whole run of the script, approved where it asks."""
    run_id = await world.scripted(*map(list, script))
    if any(call["tool"] == "ticket.close" for turn in script for call in turn):
        asked = await world.asked(run_id, script[-1][-1]["args"]["ticket_id"])
        assert (await world.decide(asked, "ada", "approve")).status_code == 200
    await world.reaches(run_id, "completed")
    return len((await world.history(run_id)).events)


async def test_a_read_step_costs_as_much_as_a_bare_loop_of_two_activities(world: World) -> None:
    """One more read step costs 12 events: asking the model and reading, nothing else."""
    tickets = [next(world.tickets) for _ in range(3)]
    counts = [await _events(world, [[read(ticket)] for ticket in tickets[:steps]]) for steps in (1, 2, 3)]
    assert [after - before for before, after in pairwise(counts)] == [A_READ_STEP] * 2


async def test_an_approved_write_costs_at_most_forty_events(world: World) -> None:
    """From asking the model to the settled write, card and click included."""
    ticket = next(world.tickets)
    without = await _events(world, [[read(ticket)]])
    written = await _events(world, [[read(ticket)], [close(ticket)]])
    assert written - without <= A_WRITE


def test_the_run_fits_on_a_screen() -> None:
    """``AgentRun.run`` is read without scrolling."""
    assert len(inspect.getsource(AgentRun.run).splitlines()) < A_SCREEN
