"""What the plain ``temporal`` CLI shows of a run, and what it shows an operator through the codec."""

import asyncio
import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import minting
from contracts import names
from tests.acceptance.conftest import SCRIPTED, SECONDS, World

TEMPORAL = str(Path(sys.executable).with_name("temporal"))
WORDS = "the zebra crossed at noon"
"""In arguments and in the final text; nobody else says it."""


async def _shown(world: World, run_id: str, *options: str) -> str:
    """What ``temporal workflow show`` prints of a run's whole history."""
    where = ("--address", world.endpoints.temporal, "--namespace", names.NAMESPACE)
    process = await asyncio.create_subprocess_exec(
        *(str(TEMPORAL), "workflow", "show", "--workflow-id", run_id, "--output", "json", *where, *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(SECONDS):
        said, _ = await process.communicate()
    return said.decode()


async def _through(world: World, run_id: str, ask: minting.Ask, *options: str) -> str:
    token = (await world.bearer(ask))["Authorization"]
    codec = ("--codec-endpoint", f"{world.endpoints.gateway}/codec", "--codec-auth", token)
    return await _shown(world, run_id, *codec, *options)


def _payloads(found: Any) -> Iterator[tuple[str, bytes]]:
    """Encoding and content of every payload but those of search attributes, which are for searching."""
    if isinstance(found, list):
        for one in found:
            yield from _payloads(one)
    elif isinstance(found, dict) and "encoding" in found.get("metadata", {}):
        encoding = base64.b64decode(found["metadata"]["encoding"]).decode()
        yield encoding, base64.b64decode(found.get("data", ""))
    elif isinstance(found, dict):
        for name, one in found.items():
            yield from _payloads(one) if name != "searchAttributes" else ()


@pytest.fixture
async def told(world: World) -> tuple[str, str]:
    """A run that read, was refused by the target, and wrote; its id and its ticket."""
    ticket = next(world.tickets)
    turns = [
        [{"tool": "tickets.get", "args": {"ticket_id": "T-0"}}],
        [{"tool": "ticket.close", "args": {"ticket_id": ticket, "reason": WORDS}}],
    ]
    run_id = await world.submit(SCRIPTED, {"script": turns, "final": WORDS})
    assert (await world.decide(await world.asked(run_id, ticket), "ada", "approve")).status_code == 200
    await world.reaches(run_id, "completed")
    return run_id, ticket


async def test_the_plain_cli_shows_nothing_in_the_clear(world: World, told: tuple[str, str]) -> None:
    """No argument, result, error text, prompt, token or summary: ids, times and sizes alone."""
    run_id, ticket = told
    dump = await _shown(world, run_id)
    payloads = list(_payloads(json.loads(dump)))
    assert len(payloads) > 20
    assert {encoding for encoding, _ in payloads} == {"binary/encrypted"}
    everything = dump.encode() + b"".join(content for _, content in payloads)
    for content in (WORDS, ticket, "ticket.close", ".eyJ", "people to decide"):
        assert content.encode() not in everything, content


async def test_an_operators_login_at_the_codec_endpoint_shows_it(world: World, told: tuple[str, str]) -> None:
    """Payloads and summaries in the clear to every tenant's operator; tokens without their signatures."""
    run_id, ticket = told
    payloads = list(_payloads(json.loads(await _through(world, run_id, minting.operator()))))
    assert "binary/encrypted" not in {encoding for encoding, _ in payloads}
    everything = b"".join(content for _, content in payloads)
    for content in (f"ticket.close {ticket}", "action_digest", "people to decide", "x" * 80):
        assert content.encode() in everything, content


async def test_a_callers_login_does_not_open_the_codec_endpoint(world: World, told: tuple[str, str]) -> None:
    """Not even that of the tenant whose run it is: the CLI asks in vain."""
    run_id, ticket = told
    caller = minting.caller("tests", "acme", "*")
    dump = await _through(world, run_id, caller, "--command-timeout", "2s")
    assert dump.startswith("Error")
    assert ticket not in dump
