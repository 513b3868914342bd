"""What a run leaves behind: neither secrets nor, where nobody needs it, what was read and written."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jwt
import pytest_asyncio
from temporalio.api.history.v1 import HistoryEvent

from cli import minting
from contracts import names
from contracts.tokens import Purpose
from embedded.endpoints import Endpoints
from embedded.helpdesk import tickets as kept_tickets
from embedded.helpdesk.database import Database
from embedded.helpdesk.tickets import Ticket
from tests.acceptance import leaks
from tests.acceptance.conftest import ADA, SCRIPTED, world_of
from tests.acceptance.stack_world import close, read

WORDS: Final = "The ticket is closed, says chrysoprase-1187."
REASON: Final = "The customer said heliotrope-4471 and all was well."


@dataclass(frozen=True, kw_only=True)
class Left:
    """What a finished run left behind."""

    #: As it was read.
    ticket: Ticket
    #: By the name of the value.
    secrets: Mapping[str, bytes]
    #: By the name of the place.
    places: Mapping[str, bytes]
    #: Of the run.
    events: Sequence[HistoryEvent]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def left(stack: Endpoints, tickets: Iterator[str]) -> Left:
    """A ticket read and closed through the whole stack, and all bytes of it."""
    async with world_of(stack, tickets) as world:
        ticket = next(tickets)
        read_as = _kept(world.state.directory, ticket)
        token = await minting.mint(world.state, minting.caller("leaks", "acme", "*"))
        script = [[read(ticket)], [close(ticket, REASON)]]
        run_id = await world.submit(SCRIPTED, {"script": script, "final": WORDS}, token=token)
        await world.click(await world.asked(run_id, ticket), ADA)
        await world.reaches(run_id, "completed")
        history = await world.history(run_id)
        raw = b"\n".join(event.SerializeToString() for event in history.events)
        messages = json.dumps(await world.messages()).encode()
        secrets = leaks.known(world.state.directory) | {"the caller's token": token.encode()}
        written = dict(leaks.written(world.state.directory))
        places = {"raw history": raw, "Slack messages": messages} | written
        return Left(ticket=read_as, secrets=secrets, places=places, events=history.events)


def _kept(state: Path, ticket: str) -> Ticket:
    with closing(Database(state / "helpdesk.db")) as database, database.reading() as connection:
        return kept_tickets.ticket(connection, "acme", ticket)


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
    said = ("heliotrope-4471", WORDS, left.ticket.subject, left.ticket.body, *leaks.tickets())
    assert b"heliotrope-4471" in left.places["Slack messages"]
    assert leaks.open_content(["heliotrope-4471"], {"logs/tools.log": b"sent heliotrope-4471"}) != []
    assert leaks.open_content(said, left.places) == []
