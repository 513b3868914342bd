"""Keys that rotate, and a tenant that is forgotten, while a whole stack runs."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Final

import httpx
import pytest
import pytest_asyncio

from adapters.contents import FORGOTTEN
from embedded import endpoints
from embedded.endpoints import Endpoints
from tests.acceptance.command_line import document
from tests.acceptance.conftest import SCRIPTED, SECONDS, World, world_of

TENANT: Final = "initech"
"""Of the stack that all tests share, the one tenant that nobody else needs."""
WORDS: Final = "Nothing helps, says chalcedony-2204."
GIVEN: Final = {"script": [[{"tool": "kb.search", "args": {"query": "printer"}}]], "final": WORDS}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(stack: Endpoints, tickets: Iterator[str]) -> AsyncIterator[World]:
    async with world_of(stack, tickets) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def before(world: World) -> str:
    """A run that ended before any key was changed."""
    run_id = await world.submit(SCRIPTED, GIVEN, tenant=TENANT)
    await world.reaches(run_id, "completed")
    return run_id


@pytest.mark.asyncio(loop_scope="module")
async def test_keys_rotate_while_everything_runs(world: World, before: str) -> None:
    """A process that knows the new keys and others that do not carry one run out together."""
    for whose in ([], ["--tenant", TENANT]):
        assert await document(world.endpoints.state, "secret", "rotate", "--lead", "0", *whose)
    await _anew(world)
    run_id = await world.submit(SCRIPTED, GIVEN, tenant=TENANT)
    for one in (before, run_id):
        assert (await world.reaches(one, "completed"))["result"]["text"] == WORDS
    assert await _key_id(world, before) != await _key_id(world, run_id)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_forgotten_tenant_leaves_books_that_verify(world: World, before: str) -> None:
    """After ``secret forget`` nobody reads the run's content, none begins, and the audit holds."""
    ask = ("secret", "forget", "--tenant", TENANT, "--reason", "The contract ended.", "--yes")
    assert await document(world.endpoints.state, *ask) == {"forgotten": TENANT}
    await _anew(world)
    run = await world.run(before)
    assert (run["state"], run["result"]["text"]) == ("completed", FORGOTTEN)
    with pytest.raises(AssertionError, match="was forgotten"):
        await world.submit(SCRIPTED, GIVEN, tenant=TENANT)
    proof = await document(world.endpoints.state, "audit", "verify", "--tenant", TENANT)
    assert proof["verified"]
    records = (await document(world.endpoints.state, "audit", "search", "--tenant", TENANT))["records"]
    kept = [(one["record"]["outcome"], one["reason"]) for one in records if one["record"]["kind"] == "keys"]
    assert [outcome for outcome, _ in kept] == ["rotated", "forgetting", "forgotten"]
    assert kept[-1][1] == "The contract ended."
    assert FORGOTTEN in {one["reason"] for one in records}
    assert f"forgotten: {TENANT}" in str((await document(world.endpoints.state, "doctor"))["checks"])


async def _anew(world: World) -> None:
    """End the gateway, which has the keys at hand; return when the next one answers."""
    pid = _pid(world)
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(SECONDS):
        while _pid(world) == pid:  # noqa: ASYNC110  only a file tells, and sets no event
            await asyncio.sleep(0.1)
        while True:
            with suppress(httpx.TransportError):
                if (await world.gateway.get("/readyz")).is_success:
                    return
            await asyncio.sleep(0.1)


def _pid(world: World) -> int:
    found = endpoints.read(world.state.directory)
    assert found is not None
    return int(found["pids"]["gateway"])


async def _key_id(world: World, run_id: str) -> bytes:
    """The id of the key that sealed a run's input."""
    event = (await world.history(run_id)).events[0]
    (payload,) = event.workflow_execution_started_event_attributes.input.payloads
    return payload.metadata["key-id"]
