"""The door: who may come in at all, the log of everybody who did, and answers that get lost on order."""

import asyncio
from hashlib import sha256
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from embedded.helpdesk.database import Database, stamp
from embedded.helpdesk.faults import Fate
from embedded.helpdesk.keys import Caller, KeyFile
from embedded.helpdesk.problems import Problem
from embedded.helpdesk.visits import Visit, enter, leave

#: What anybody may ask.
_OPEN = frozenset({"/healthz", "/openapi.json"})
_LARGEST_BODY = 64 * 1024


class Line(H11Protocol):
    """uvicorn's HTTP connection, which tells each request how to cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.app_state = {**self.app_state, "cut": transport.abort}


class Door:
    """Lets a request in only with a known key; a stranger learns nothing, not even which paths there are."""

    def __init__(self, app: ASGIApp, *, keys: KeyFile, database: Database) -> None:
        self._app = app
        self._keys = keys
        self._database = database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _OPEN:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            caller = self._keys.caller(headers.getlist("authorization"))
            _bounded(headers)
        except Problem as problem:
            await problem.response(scope["path"])(scope, receive, send)
            return
        await self._admit(caller, headers, scope, receive, send)

    async def _admit(
        self, caller: Caller, headers: Headers, scope: Scope, receive: Receive, send: Send
    ) -> None:
        fate = Fate()
        scope.setdefault("state", {}).update(caller=caller, fate=fate)
        entry = None
        if caller.scope != "control":
            visit = _visit(caller, headers, scope, stamp(self._database.clock()))
            entry = await run_in_threadpool(enter, self._database, visit)

        async def answer(message: Message) -> None:
            if fate.lost:
                return
            if message["type"] == "http.response.start" and entry is not None:
                await run_in_threadpool(leave, self._database, entry, message["status"])
            await send(message)

        await self._app(scope, receive, answer)
        if fate.lost:
            await _hang_up(scope["state"], receive)


async def _hang_up(state: dict[str, Any], receive: Receive) -> None:
    """Cut the connection, and wait until the server knows, so that it does not answer 500 for us."""
    state["cut"]()
    while (await receive())["type"] != "http.disconnect":
        pass


def _bounded(headers: Headers) -> None:
    if "transfer-encoding" in headers:
        raise Problem("length-required", "send the body with a Content-Length, not in chunks")
    if int(headers.get("content-length", "0")) > _LARGEST_BODY:  # h11 has refused anything but digits
        raise Problem("body-too-large", f"a body may have {_LARGEST_BODY} bytes")


def capability_sha256(headers: Headers) -> str | None:
    """The hash of the caller's Interlock-Capability: enough to compare, useless to steal."""
    capability = headers.get("interlock-capability")
    return None if capability is None else sha256(capability.encode()).hexdigest()


def _visit(caller: Caller, headers: Headers, scope: Scope, at: str) -> Visit:
    return Visit(
        at=at,
        tenant=caller.tenant,
        scope=caller.scope,
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        request_id=headers.get("interlock-request-id"),
        capability="interlock-capability" in headers,
        capability_sha256=capability_sha256(headers),
    )
