"""Nothing of break-glass gets in over HTTP, and each try is on record before it is answered.

One place for API, pages, Slack and codec. What stands in a path or as bearer token is refused like anything
that does not exist or does not hold; wherever else it stands, the whole request is refused.
"""

import json
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.attempts import UNPROVEN, Attempt, Attempts, Found
from contracts.digest import Json
from contracts.errors import InterlockError
from gateway.background import cause
from gateway.problems import BODY_LIMIT, Problem, ProblemType
from policies.arguments import clean
from policies.attempts import found, found_in

LOG: Final = structlog.get_logger("gateway.walls")

_SLACK: Final = "/slack/"
_RUNS: Final = "/v1/runs"
_STATE: Final = "tried"
_OPERATORS: Final = ("/v1/break-glass", "/v1/switches/", "/v1/audit")
"""Where operators name it rightly: they look at it, stop it, and read what it did."""


@dataclass(kw_only=True)
class Tried:
    """What of one request speaks of break-glass."""

    #: ``POST /v1/runs``.
    call: str
    found: Found | None = None
    place: str = ""
    #: Whether the request is refused because of it, by itself.
    stops: bool = False
    #: Who it was, where that is proven otherwise than by a token or a session of the pages.
    actor: str | None = None

    def note(self, value: Json, place: str, *, stops: bool = True) -> None:
        """The first token is what the record names; where there is none, what came first."""
        self.say(found(value), place, stops=stops)

    def say(self, one: Found | None, place: str, *, stops: bool = True) -> None:
        if one is None:
            return
        self.stops = self.stops or stops
        if self.found is None or (one is Found.TOKEN and self.found is not one):
            self.found, self.place = one, place

    def forgive(self) -> None:
        """It was named rightly."""
        self.found, self.stops = None, False

    def check(self) -> None:
        """Raises Problem where the request is refused because of it."""
        if self.stops:
            raise Problem(ProblemType.FORBIDDEN, REFUSAL)

    @property
    def reason(self) -> str:
        return "" if self.found is None else f"{self.found.words} came {self.place} {self.call}"


REFUSAL: Final = "this names break-glass, which has a process of its own and is not reached from here"


def tried(scope: Scope) -> Tried:
    """What is known of a request so far; of one that no wall stands before, nothing."""
    held = scope.get("state", {}).get(_STATE)
    return held if isinstance(held, Tried) else Tried(call="")


def refusal(scope: Scope) -> Problem | None:
    """Of a request whose headers or query speak of break-glass, once it is known who asks."""
    seen = tried(scope)
    stops = seen.stops and not _rightly(scope, seen)
    return Problem(ProblemType.FORBIDDEN, REFUSAL) if stops else None


class Walls:
    """ASGI middleware, before any door."""

    def __init__(self, app: ASGIApp, *, attempts: Attempts) -> None:
        self._app = app
        self._attempts = attempts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = Tried(call=f"{scope['method']} {shown(scope['path'])}")
        scope.setdefault("state", {})[_STATE] = seen
        _look(seen, scope)
        told = False

        async def telling(message: Message) -> None:
            nonlocal told
            if not told:
                told = True
                await self._tell(scope, seen)
            await send(message)

        await self._app(scope, _reading(scope, seen, receive), telling)

    async def _tell(self, scope: Scope, seen: Tried) -> None:
        if seen.found is None or _rightly(scope, seen):
            return
        principal = scope["state"].get("principal")
        actor = principal.subject if principal is not None else seen.actor or UNPROVEN
        try:
            await self._attempts.record(Attempt(rule=seen.found.rule, reason=seen.reason, actor=actor))
        except InterlockError as error:
            # It is refused all the same.
            LOG.error("attempt not recorded", call=seen.call, found=seen.found, error=cause(error))


def _look(seen: Tried, scope: Scope) -> None:
    """At all but the body, which nobody reads before its sender is known."""
    headers = Headers(scope=scope)
    given = headers.getlist("authorization")
    seen.note([*given, *(word for one in given for word in one.split())], "as bearer token to")
    seen.note(scope["path"].split("/"), "in the path of", stops=False)
    seen.note(_pairs(scope["query_string"]), "in the query of")
    others = [{name: value} for name, value in headers.items() if name != "authorization"]
    seen.note(others, "in a header of")


def _reading(scope: Scope, seen: Tried, receive: Receive) -> Receive:
    """The same body; its last part is only handed on when the whole names nothing of break-glass."""
    body = bytearray()

    async def reading() -> Message:
        message = await receive()
        # What gets longer is refused by who reads it.
        body.extend(message.get("body", b"")[: BODY_LIMIT - len(body)])
        if message["type"] == "http.request" and not message.get("more_body", False):
            _judge(scope, seen, bytes(body))
        return message

    return reading


def _judge(scope: Scope, seen: Tried, body: bytes) -> None:
    of_slack = scope["path"].startswith(_SLACK)
    what = found_in(body)
    data = what is Found.NAME and scope["path"] == _RUNS and found(_without_input(body)) is None
    seen.say(what, "in the body of", stops=not data)
    if of_slack or "urlencoded" in Headers(scope=scope).get("content-type", ""):
        seen.note(_pairs(body), "in the body of")
    # Slack's are refused once it is proven who sent them.
    if seen.stops and not of_slack and not _rightly(scope, seen):
        # FastAPI passes this kind on from where it reads; of others it makes a 400.
        raise HTTPException(403, REFUSAL)


def _without_input(body: bytes) -> Json:
    """A start, less what its model is given to read: as in a ticket's text, a name in it opens nothing."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")
    return {name: asked[name] for name in asked if name != "input"} if isinstance(asked, dict) else asked


def _pairs(text: bytes) -> list[Json]:
    """Fields of a query or a form, as names and values."""
    pairs = parse_qsl(text.decode("latin-1"), keep_blank_values=True)
    return [{name: value} for name, value in pairs]


def _rightly(scope: Scope, seen: Tried) -> bool:
    """Whether an operator names it where operators do; nobody has a token of it to send us."""
    principal = scope.get("state", {}).get("principal")
    kind: object = getattr(principal, "kind", None)
    named = kind == "operator" and scope["path"].startswith(_OPERATORS)
    return named and seen.found is not Found.TOKEN


def shown(path: str) -> str:
    """A path for records and logs: what was tried in it is not in it."""
    return "/".join("…" if found(segment) else clean(segment, 200) for segment in path.split("/"))[:200]
