"""Schemathesis over the whole API: what is served is what ``/openapi.json`` says, for every kind of token."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.integration.served_world import Served, served

_CONFIG = Path(__file__).with_name("schemathesis.toml")
_ROUNDS = int(os.environ.get("ROUNDS", "0"))
#: Every day the systematic cases; `make fuzz` adds random ones and chains of calls.
_EXTENT = (
    ["--max-examples", str(50 * _ROUNDS), "--phases", "examples,coverage,fuzzing,stateful"]
    if _ROUNDS
    else ["--phases", "coverage"]
)

#: Calls that a token of this kind must have got through to, or the run proved nothing.
REACHED = {
    "none": {"GET /healthz", "GET /readyz", "GET /.well-known/jwks.json"},
    "caller": {"POST /v1/runs", "GET /v1/runs"},
    "approver": {"GET /v1/approvals"},
    "operator": {"GET /v1/runs", "GET /v1/approvals", "GET /v1/switches", "PUT /v1/switches/all"},
}
KINDS = tuple(REACHED) if _ROUNDS else ("operator",)
"""Every day the token that reaches most; `make fuzz` has them all."""


class Watched:
    """ASGI middleware: notes what got through, and cuts long polls short."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.through: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            # A legal wait would only be waited for; one that is not legal is left to be refused.
            query = re.sub(rb"\bwait=([1-5]?[0-9]|60)(?=&|$)", b"wait=0", scope["query_string"])
            scope = {**scope, "query_string": query}

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 300:
                self.through.add(f"{scope['method']} {scope['path']}")
            await send(message)

        await self._app(scope, receive, noting)


class Faulty:
    """ASGI middleware with three faults: any token opens, a key is renamed, a status is nobody's."""

    def __init__(self, app: ASGIApp, authorization: str) -> None:
        self._app = app
        self._authorization = authorization.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            headers = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
            scope = {**scope, "headers": [*headers, (b"authorization", self._authorization)]}

        async def wrong(message: Message) -> None:
            if scope["path"] == "/v1/approvals" and message.get("body"):
                message["body"] = message["body"].replace(b'"approvals"', b'"approvalz"')
            if scope["path"] == "/healthz" and message["type"] == "http.response.start":
                message["status"] = 218
            await send(message)

        await self._app(scope, receive, wrong)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Watched]]:
    """A served gateway with a run that waits for an approval."""
    watched: list[Watched] = []

    def watch(app: ASGIApp) -> ASGIApp:
        watched.append(Watched(app))
        return watched[0]

    with served(tmp_path_factory.mktemp("served"), lambda world: watch(world.app)) as found:
        found.do(found.world.asked())
        yield found, watched[0]


def _schemathesis(url: str, token: dict[str, str], report: Path, *options: str) -> tuple[int, str]:
    headers = [part for name, value in token.items() for part in ("--header", f"{name}: {value}")]
    command = (sys.executable, "-m", "schemathesis.cli", "--config-file", str(_CONFIG), "--no-color", "run")
    given = (f"{url}/openapi.json", "--report-json-path", str(report), "--no-shrink", *options)
    done = subprocess.run(
        [*command, *given, *headers], cwd=report.parent, capture_output=True, text=True, timeout=900
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.timeout(1_000)
@pytest.mark.parametrize("kind", KINDS)
def test_the_api_is_what_its_document_says(
    gateway: tuple[Served, Watched], tmp_path: Path, kind: str
) -> None:
    """No fault in any operation, with a token of this kind or without one; and it got through to its own."""
    found, watched = gateway
    watched.through.clear()
    token = {} if kind == "none" else getattr(found.world, kind)()
    code, said = _schemathesis(found.url, token, tmp_path / "report.json", *_EXTENT)
    assert code == 0, said[-8_000:]
    assert REACHED[kind] <= watched.through


def test_a_seeded_fault_is_reported(tmp_path: Path) -> None:
    """Broken authentication, a renamed key and an undocumented status are each found."""
    with served(tmp_path, lambda world: Faulty(world.app, world.operator()["Authorization"])) as found:
        options = [part for path in ("/v1/approvals", "/healthz") for part in ("--include-path", path)]
        report = tmp_path / "report.json"
        token = found.world.operator()
        code, said = _schemathesis(found.url, token, report, *options, "--phases", "coverage")
    faults = {fault["title"] for fault in json.loads(report.read_text())["failures"]}
    assert code == 1, said
    assert {
        "API accepts requests without authentication",
        "Response violates schema",
        "Undocumented status code",
    } <= faults
