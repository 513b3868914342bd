"""Each process of the stack killed without warning while a run depends on it."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.stack_world import World, close, open_tickets, read, running_world

pytestmark = pytest.mark.asyncio(loop_scope="module")

WAITING = ("temporal", "aws", "slack", "helpdesk", "gateway", "agent", "broker", "tools")
CLICKED = ("helpdesk", "tools")
QUICK = frozenset({("temporal", "waiting"), ("helpdesk", "clicked")})
"""Run by `make test`; all of them by `make kills`."""
#: Seconds that the helpdesk lets the request lie, so that the kill meets it there.
IN_FLIGHT = 2.0
TICKETS = dict(
    zip(
        [*((part, "waiting") for part in WAITING), *((part, "clicked") for part in CLICKED)],
        open_tickets(),
        strict=False,
    )
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One stack for all kills."""
    async with running_world(tmp_path_factory.mktemp("kills")) as found:
        yield found


async def _waiting(stack: World, ticket: str) -> dict[str, Any]:
    run_id = await stack.start([[read(ticket)], [close(ticket)]])
    return await stack.until(run_id, "waiting_approval")


async def _one_write(stack: World, run: dict[str, Any], ticket: str) -> None:
    ended = await stack.until(run["run_id"], "completed")
    closed = ended["actions"][-1]
    assert (closed["tool"], closed["outcome"]) == ("ticket.close", "succeeded")
    writes = await stack.writes(closed["idempotency_key"])
    assert [write["ticket"] for write in writes] == [ticket]


def _parts(parts: Sequence[str], when: str) -> list[object]:
    return [pytest.param(part, marks=() if (part, when) in QUICK else (pytest.mark.chaos,)) for part in parts]


@pytest.mark.parametrize("part", _parts(WAITING, "waiting"))
async def test_a_part_killed_while_a_run_waits_costs_no_run_and_no_second_write(
    stack: World, part: str
) -> None:
    """A part killed while people decide: the run completes after the click, with one write."""
    ticket = TICKETS[part, "waiting"]
    run = await _waiting(stack, ticket)
    pid = await stack.kill(part)
    await stack.approve(run)
    await _one_write(stack, run, ticket)
    await stack.replaced(part, pid)


@pytest.mark.parametrize("part", _parts(CLICKED, "clicked"))
async def test_a_part_killed_as_the_write_begins_writes_once(stack: World, part: str) -> None:
    """A part of the write itself killed with the request on its way: the run completes, with one write."""
    ticket = TICKETS[part, "clicked"]
    run = await _waiting(stack, ticket)
    await stack.slow_close(IN_FLIGHT)
    await stack.approve(run)
    await stack.arrived(ticket)
    before = await stack.run(run["run_id"])
    assert before["state"] == "running", "the kill comes too late to prove anything"
    pid = await stack.kill(part)
    await _one_write(stack, run, ticket)
    await stack.replaced(part, pid)
