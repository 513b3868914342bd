"""Where secrets and contents must not be, looked for in every place that a run leaves bytes."""

import base64
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from contracts.tokens import Purpose
from embedded.aws.server import root_identity
from embedded.helpdesk.seed import world
from tests.acceptance.stack_world import TENANT, World, close, open_tickets, read, running_world

pytestmark = pytest.mark.asyncio(loop_scope="module")

REASON: Final = "The customer said heliotrope-4471 and all was well."
JWT: Final = re.compile(rb"(eyJ[A-Za-z0-9_-]{10,})\.eyJ[A-Za-z0-9_-]{10,}")
#: Of these many bytes; a database may break a longer value between two pages.
PIECE: Final = 20
#: The last two pieces alone: keys of one kind begin alike.
PIECES: Final = 2
FILES: Final = ("temporal.db*", "interlock.db*", "slack.db*", "logs/*")


@dataclass(frozen=True, kw_only=True)
class Left:
    """What a finished run left behind."""

    ticket: str
    #: By the name of the value.
    secrets: Mapping[str, bytes]
    #: By the name of the place.
    places: Mapping[str, bytes]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def left(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Left]:
    """A ticket read and closed through the whole stack, and all bytes of it."""
    async with running_world(tmp_path_factory.mktemp("leaks")) as stack:
        ticket = open_tickets()[0]
        run_id = await stack.start([[read(ticket)], [close(ticket, REASON)]])
        await stack.approve(await stack.until(run_id, "waiting_approval"))
        await stack.until(run_id, "completed")
        history = await stack.history(run_id)
        raw = b"\n".join(event.SerializeToString() for event in history.events)
        messages = json.dumps(await stack.messages()).encode()
        secrets = _stored(stack) | _files(stack.state) | {"the caller's token": stack.token.encode()}
        places = {"raw history": raw, "Slack messages": messages} | dict(_written(stack.state))
        yield Left(ticket=ticket, secrets=secrets, places=places)


def _stored(stack: World) -> dict[str, bytes]:
    """Every secret of the emulator, read with the one identity that may."""
    client = root_identity(stack.at("aws"), stack.state).secrets_manager()
    found = {}
    for page in client.get_paginator("list_secrets").paginate():
        for secret in page["SecretList"]:
            value = client.get_secret_value(SecretId=secret["ARN"])["SecretString"]
            found[secret["Name"]] = _core(value).encode()
    return found | {"the payload key's bytes": base64.urlsafe_b64decode(found["interlock/dev/keys/payload"])}


def _core(value: str) -> str:
    """What is secret of it: a bearer token's token, a PEM file's body."""
    if value.startswith("{"):
        return str(json.loads(value)["token"])
    return "".join(line for line in value.splitlines() if not line.startswith("-----"))


def _files(state: Path) -> dict[str, bytes]:
    """The identities and control tokens that the state directory itself holds."""
    found = {
        f"AWS identity {path.stem}": json.loads(path.read_text())["secret_access_key"].encode()
        for path in (state / "aws").glob("*.json")
        if "secret_access_key" in path.read_text()
    }
    found["Slack's control token"] = json.loads((state / "slack.json").read_text())["control_token"].encode()
    found["the helpdesk's control token"] = (state / "helpdesk-control").read_bytes().strip()
    return found


def _written(state: Path) -> Iterator[tuple[str, bytes]]:
    for pattern in FILES:
        paths = list(state.glob(pattern))
        assert paths, f"nothing is called {pattern}: this test looks in the wrong place"
        yield from ((str(path.relative_to(state)), path.read_bytes()) for path in paths)


def _pieces(value: bytes) -> list[bytes]:
    ends = [value[len(value) - PIECE * (n + 1) : len(value) - PIECE * n] for n in range(PIECES)]
    return [end for end in ends if len(end) == PIECE] or [value]


async def test_no_known_secret_is_found_where_a_run_leaves_bytes(left: Left) -> None:
    """Keys, tokens and passwords stay in the secret store: no history, store, log or message has one."""
    kept = {name for name in left.secrets if name.startswith("interlock/dev/")}
    assert {f"interlock/dev/keys/{purpose.value}" for purpose in Purpose} <= kept
    assert {"interlock/dev/slack/signing-secret", "interlock/dev/acme/ticketing-write"} <= kept
    leaks = [
        f"{name} in {place}"
        for name, value in left.secrets.items()
        for place, content in left.places.items()
        if any(piece in content for piece in _pieces(value))
    ]
    assert leaks == []


async def test_no_capability_is_found_where_a_run_leaves_bytes(left: Left) -> None:
    """A capability travels encrypted and is kept nowhere."""
    found = {
        (_typ(token.group(1)), place)
        for place, content in left.places.items()
        for token in JWT.finditer(content)
    }
    assert any(typ == Purpose.WARRANT.typ for typ, _ in found), "not even the kept warrant was recognised"
    assert [place for typ, place in found if typ == Purpose.CAPABILITY.typ] == []


def _typ(header: bytes) -> str | None:
    try:
        found = json.loads(base64.urlsafe_b64decode(header + b"=" * (-len(header) % 4)))
    except ValueError:
        return None
    return str(found.get("typ")) if isinstance(found, dict) else None


async def test_what_is_written_and_read_is_not_in_raw_history(left: Left) -> None:
    """Temporal sees neither a proposal's arguments nor a ticket's text, though people see the first."""
    ticket = next(one for one in world().tickets[TENANT] if one.id == left.ticket)
    assert b"heliotrope-4471" in left.places["Slack messages"]
    temporal = {
        name: content for name, content in left.places.items() if name.startswith(("raw", "temporal"))
    }
    leaks = [
        f"{words} in {place}"
        for words in ("heliotrope-4471", ticket.body[:PIECE], ticket.subject)
        for place, content in temporal.items()
        if words.encode() in content
    ]
    assert leaks == []
