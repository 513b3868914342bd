"""What a run leaves behind: neither secrets nor, where nobody needs it, what was read and written."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import httpx
import jwt
import pytest
import pytest_asyncio
from temporalio.api.history.v1 import HistoryEvent

from adapters.contents import FORGOTTEN
from contracts import names
from contracts.tokens import Purpose
from embedded.helpdesk.seed import world
from tests.acceptance import leaks
from tests.acceptance.stack_world import SCRIPTED, TENANT, World, close, open_tickets, read, running_world

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORDS: Final = "The ticket is closed, says chrysoprase-1187."
REASON: Final = "The customer said heliotrope-4471 and all was well."


@dataclass(frozen=True, kw_only=True)
class Left:
    """What a finished run left behind."""

    ticket: str
    #: By the name of the value.
    secrets: Mapping[str, bytes]
    #: By the name of the place.
    places: Mapping[str, bytes]
    #: Of the run.
    events: Sequence[HistoryEvent]
    run_id: str
    #: It still runs.
    stack: World


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def left(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Left]:
    """A ticket read and closed through the whole stack, and all bytes of it."""
    async with running_world(tmp_path_factory.mktemp("leaks")) as stack:
        ticket = open_tickets()[0]
        script = [[read(ticket)], [close(ticket, REASON)]]
        run_id = await stack.start_on(SCRIPTED, {"script": script, "final": WORDS})
        await stack.approve(await stack.until(run_id, "waiting_approval"))
        await stack.until(run_id, "completed")
        history = await stack.history(run_id)
        raw = b"\n".join(event.SerializeToString() for event in history.events)
        messages = json.dumps(await stack.messages()).encode()
        secrets = leaks.known(stack.state) | {"the caller's token": stack.token.encode()}
        places = {"raw history": raw, "Slack messages": messages} | dict(leaks.written(stack.state))
        yield Left(
            ticket=ticket,
            secrets=secrets,
            places=places,
            events=history.events,
            run_id=run_id,
            stack=stack,
        )


async def test_no_known_secret_is_found_where_a_run_leaves_bytes(left: Left) -> None:
    """Keys, tokens and passwords stay in the secret store: no history, store, log or message has one."""
    kept = {name for name in left.secrets if name.startswith("interlock/dev/")}
    assert {f"interlock/dev/keys/{purpose.value}" for purpose in Purpose} <= kept
    assert {"interlock/dev/slack/signing-secret", "interlock/dev/acme/ticketing-write"} <= kept
    assert leaks.leaks(left.secrets, left.places) == []


async def test_no_token_that_opens_something_is_found_where_a_run_leaves_bytes(left: Left) -> None:
    """A capability travels encrypted, a caller's token in a header: neither is kept anywhere."""
    found = {typ for typ, _ in leaks.tokens(left.places)}
    assert Purpose.WARRANT.typ in found, "not even the kept warrant was recognised"
    assert leaks.bearer_tokens(left.places) == []


async def test_a_leak_would_be_found(left: Left) -> None:
    """The search is no blind eye: a secret and a capability in one log line are both named."""
    key = left.secrets["interlock/dev/acme/ticketing-write"]
    capability = jwt.encode({"run_id": "run_1"}, "k" * 32, headers={"typ": Purpose.CAPABILITY.typ}).encode()
    places = {"logs/tools.log": b"sent Bearer " + key + b" with " + capability}
    assert leaks.leaks(left.secrets, places) == ["interlock/dev/acme/ticketing-write in logs/tools.log"]
    assert leaks.bearer_tokens(places) == [f"{Purpose.CAPABILITY.typ} in logs/tools.log"]


async def test_no_header_is_open_in_raw_history(left: Left) -> None:
    """Every call to a tool worker carries its capability where only our own processes read it."""
    opened = HistoryEvent()
    header = opened.activity_task_scheduled_event_attributes.header.fields[names.CAPABILITY_HEADER]
    header.metadata["encoding"] = b"binary/plain"
    assert len(leaks.open_headers([opened])) == 1
    headers = [event.activity_task_scheduled_event_attributes.header.fields for event in left.events]
    assert any(names.CAPABILITY_HEADER in fields for fields in headers)
    assert leaks.open_headers(left.events) == []


async def test_no_content_is_found_in_what_interlock_keeps(left: Left) -> None:
    """People see a proposal's arguments; store, history and logs hold neither them nor a ticket's text."""
    ticket = next(one for one in world().tickets[TENANT] if one.id == left.ticket)
    said = ("heliotrope-4471", WORDS, ticket.subject, *leaks.tickets())
    assert b"heliotrope-4471" in left.places["Slack messages"]
    assert leaks.open_content(["heliotrope-4471"], {"logs/tools.log": b"sent heliotrope-4471"}) != []
    assert leaks.open_content(said, left.places) == []


async def test_keys_rotate_while_everything_runs(left: Left) -> None:
    """A process that knows the new keys and others that do not carry one run out together."""
    stack = left.stack
    for whose in ([], ["--tenant", TENANT]):
        assert await _interlock(stack, "secret", "rotate", "--lead", "0", *whose)
    await _anew(stack, "gateway")
    run_id = await stack.start([[read(left.ticket)]])
    assert (await stack.until(run_id, "completed"))["result"]["text"] == "done"
    assert (await stack.run(left.run_id))["result"]["text"] == WORDS
    shown = await stack.history(left.run_id)
    assert len({_key_id(event) for event in [shown.events[0], (await stack.history(run_id)).events[0]]}) == 2


async def test_a_forgotten_tenant_leaves_books_that_verify(left: Left) -> None:
    """After ``secret forget`` nobody reads the run's content, none begins, and the audit holds."""
    stack = left.stack
    ask = ("secret", "forget", "--tenant", TENANT, "--reason", "The contract ended.", "--yes")
    assert await _interlock(stack, *ask) == {"forgotten": TENANT}
    await _anew(stack, "gateway")
    run = await stack.run(left.run_id)
    assert (run["state"], run["result"]["text"]) == ("completed", FORGOTTEN)
    with pytest.raises(AssertionError, match="was forgotten"):
        await stack.start([[read(left.ticket)]])
    assert (await _interlock(stack, "audit", "verify"))["verified"]
    found = await _interlock(stack, "audit", "search", "--tenant", TENANT)
    while found["cursor"]:
        found = await _interlock(stack, "audit", "search", "--tenant", TENANT, "--cursor", found["cursor"])
    kept = [one for one in found["records"] if one["record"]["kind"] == "keys"]
    assert [one["record"]["outcome"] for one in kept] == ["rotated", "forgetting", "forgotten"]
    assert kept[-1]["reason"] == "The contract ended."
    checks = (await _interlock(stack, "doctor"))["checks"]
    assert f"forgotten: {TENANT}" in str(checks)


async def _interlock(stack: World, *words: str) -> Any:
    """What the command line says as JSON."""
    command = (sys.executable, "-m", "cli.main", *words, "--state", str(stack.state), "--json")
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    assert process.returncode == 0, said
    return json.loads(said)


async def _anew(stack: World, part: str) -> None:
    """End a process; return when the next one answers."""
    await stack.replaced(part, await stack.kill(part))
    async with asyncio.timeout(30):
        while True:
            with suppress(httpx.TransportError):
                if (await stack.http.get(stack.at(part) + "/readyz")).is_success:
                    return
            await asyncio.sleep(0.1)


def _key_id(event: HistoryEvent) -> bytes:
    """The id of the key that sealed a run's input."""
    (payload,) = event.workflow_execution_started_event_attributes.input.payloads
    return payload.metadata["key-id"]
