"""Where secrets must not be: every place in which a stack leaves bytes, searched before it is stopped."""

import base64
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from contracts import names
from contracts.tokens import Purpose
from embedded import endpoints
from embedded.aws.server import root_identity
from embedded.helpdesk.seed import world

#: Of these many bytes; a database may break a longer value between two pages.
PIECE: Final = 20
#: The last two pieces alone: keys of one kind begin alike.
PIECES: Final = 2
FILES: Final = ("temporal.db*", "interlock.db*", "slack.db*", "helpdesk.db*", "logs/*")
#: Of those, and of histories, what is Interlock's own: Slack and the helpdesk are told content.
OWN: Final = ("raw history", "temporal.db", "interlock.db", "logs/")
#: Whoever has one of these may act; the other tokens only prove what was said.
BEARER: Final = frozenset({Purpose.CAPABILITY.typ, Purpose.CALLERS.typ, Purpose.BREAK_GLASS_LOGIN.typ})
_JWT: Final = re.compile(rb"(eyJ[A-Za-z0-9_-]{10,})\.eyJ[A-Za-z0-9_-]{10,}")


@asynccontextmanager
async def searched(state: Path) -> AsyncIterator[None]:
    """The tests of a running stack; at their end it fails if any of them made a secret leak."""
    yield
    found = await left_behind(state)
    assert found == [], found


async def left_behind(state: Path) -> list[str]:
    """Each leak of the stack that runs on this directory: what, and where."""
    secrets = known(state)
    events = await _events(state)
    raw = b"\n".join(event.SerializeToString() for event in events)
    places = dict(written(state)) | {"raw history": raw}
    return [
        *leaks(secrets, places),
        *bearer_tokens(places),
        *open_headers(events),
        *open_content(tickets(), places),
    ]


def known(state: Path) -> dict[str, bytes]:
    """By its name, every secret value that the running stack was seeded with."""
    return _stored(state) | _files(state)


def leaks(secrets: Mapping[str, bytes], places: Mapping[str, bytes]) -> list[str]:
    return [
        f"{name} in {place}"
        for name, value in secrets.items()
        for place, content in places.items()
        if any(piece in content for piece in _pieces(value))
    ]


def bearer_tokens(places: Mapping[str, bytes]) -> list[str]:
    """Tokens that open something, wherever they are kept."""
    return [f"{typ} in {place}" for typ, place in tokens(places) if typ in BEARER]


def open_headers(events: Iterable[HistoryEvent]) -> list[str]:
    """Headers that anybody reads: a capability is packed there, and would not be found as a token."""
    headers = [event.activity_task_scheduled_event_attributes.header.fields for event in events]
    return [
        f"the header {name} in raw history"
        for fields in headers
        for name, payload in fields.items()
        if payload.metadata["encoding"] != b"binary/encrypted"
    ]


def tickets() -> Iterator[str]:
    """What customers wrote in every ticket of every tenant."""
    for owned in world().tickets.values():
        yield from (ticket.body for ticket in owned)


def open_content(texts: Iterable[str], places: Mapping[str, bytes]) -> list[str]:
    """Content that can be read in what Interlock itself keeps: its store, its histories, its logs."""
    own = {place: content for place, content in places.items() if place.startswith(OWN)}
    pieces = {piece for text in texts for piece in (text[:PIECE], text[-PIECE:])}
    return [f"{piece!r} in {place}" for piece in pieces for place in own if piece.encode() in own[place]]


def tokens(places: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """The ``typ`` of every signed token in the places, and the place."""
    for place, content in places.items():
        for typ in {_typ(header) for header in _JWT.findall(content)}:
            yield typ, place


def written(state: Path) -> Iterator[tuple[str, bytes]]:
    """The files that a stack writes for others than the owner of its secrets."""
    for pattern in FILES:
        paths = list(state.glob(pattern))
        assert paths, f"nothing is called {pattern}: this looks in the wrong place"
        yield from ((str(path.relative_to(state)), path.read_bytes()) for path in paths)


def _stored(state: Path) -> dict[str, bytes]:
    """Every secret of the emulator, read with the one identity that may."""
    running = endpoints.read(state)
    assert running is not None, "the stack has stopped"
    client = root_identity(running["aws"], state).secrets_manager()
    found: dict[str, bytes] = {}
    for page in client.get_paginator("list_secrets").paginate():
        for secret in page["SecretList"]:
            value = client.get_secret_value(SecretId=secret["ARN"])["SecretString"]
            found |= _cores(secret["Name"], value)
    return found


def _cores(name: str, value: str) -> dict[str, bytes]:
    """What is secret of it: a credential's token, a PEM file's body, each key of a ring and its bytes."""
    if name.startswith(("interlock/dev/keys/payload", "interlock/dev/content/")):
        return _keys(name, json.loads(value)["keys"] if value.startswith("{") else [{"key": value}])
    if value.startswith("{"):
        document = json.loads(value)
        return {name: str(document.get("token") or document["value"]).encode()}
    return {name: "".join(line for line in value.splitlines() if not line.startswith("-----")).encode()}


def _keys(name: str, entries: list[dict[str, str]]) -> dict[str, bytes]:
    texts = {f"{name} {number}": entry["key"] for number, entry in enumerate(entries)}
    raw = {f"the bytes of {one}": base64.urlsafe_b64decode(text) for one, text in texts.items()}
    return {one: text.encode() for one, text in texts.items()} | raw


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


async def _events(state: Path) -> list[HistoryEvent]:
    """Every event of every run as Temporal keeps it: nothing here can decrypt it."""
    running = endpoints.read(state)
    assert running is not None, "the stack has stopped"
    client = await Client.connect(running["temporal"], namespace=names.NAMESPACE)
    histories = [history async for history in client.list_workflows().map_histories()]
    return [event for history in histories for event in history.events]


def _pieces(value: bytes) -> list[bytes]:
    ends = [value[len(value) - PIECE * (n + 1) : len(value) - PIECE * n] for n in range(PIECES)]
    return [end for end in ends if len(end) == PIECE] or [value]


def _typ(header: bytes) -> str:
    try:
        found = json.loads(base64.urlsafe_b64decode(header + b"=" * (-len(header) % 4)))
    except ValueError:
        return ""
    return str(found.get("typ", "")) if isinstance(found, dict) else ""
