"""What long and waiting runs cost, on a real Temporal server: the small versions of `make bench`."""

import os
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.worker import Worker

from bench.long_run import compare
from bench.waiting import wait_and_click
from contracts import names
from tests.workflows.theatre import dev_server, long_after
from workflows.agent_run import AgentRun
from workflows.headers import CapabilityHeaders

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG_HISTORY: Final = 200
"""Events after which the server suggests a new history: sixteen steps."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[Client]:
    """A dev server of this module's own."""
    async with dev_server(long_after(LONG_HISTORY)) as found:
        yield found


async def test_a_step_costs_the_same_late_as_early_and_little_more_than_its_activities(
    client: Client,
) -> None:
    """Over several histories, in one of which an approval began to wait that a later one saw decided."""
    run, bare = await compare(client, steps=36, long=LONG_HISTORY)
    assert run.crossed
    assert run.histories > 2
    assert run.last == pytest.approx(run.first, rel=0.1)
    assert run.total <= 1.3 * bare.total


async def test_waiting_runs_add_nothing_to_their_histories_and_each_answers_its_click(client: Client) -> None:
    """More runs than the worker keeps in memory: what was put away comes back for its click."""
    runs, kept = 20, 5
    worker = Worker(
        client,
        task_queue=names.AGENT_QUEUE,
        workflows=[AgentRun],
        interceptors=[CapabilityHeaders()],
        max_cached_workflows=kept,
    )
    async with worker:
        found = await wait_and_click(client, os.getpid(), runs, parts=2)
    assert found.later == found.events
    assert (found.answered, found.writes) == (runs, runs)
