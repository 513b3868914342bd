"""Bodies as JSON that any two parsers read alike: in UTF-8, by the grammar, and no key twice."""

import json
from collections.abc import Callable, Coroutine, Iterable, Sequence
from email.message import Message
from typing import Any, NoReturn

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from contracts.digest import Json
from gateway.problems import Problem, ProblemType
from policies.arguments import clean


class StrictRoute(APIRoute):
    """A route that reads its body strictly, and takes no query where it declares none."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            if not self.dependant.query_params and request.query_params:
                raise _unasked(next(iter(request.query_params)))
            if self.body_field is None:
                return await handle(request)
            return await handle(_Read(request, await _body(request)))

        return strict


class _Read(Request):
    """A request whose body was read already."""

    def __init__(self, request: Request, body: tuple[bytes, Json]) -> None:
        super().__init__(request.scope, request.receive)
        self._bytes, self._value = body

    async def body(self) -> bytes:
        return self._bytes

    async def json(self) -> Any:
        return self._value


async def _body(request: Request) -> tuple[bytes, Json]:
    body = await request.body()
    if not body:
        raise _malformed("this call takes a JSON object as its body, and there is none")
    if not _says_json(request.headers.getlist("content-type")):
        raise Problem(
            ProblemType.MEDIA_TYPE,
            "send the body as JSON, with Content-Type: application/json",
            field="Content-Type",
        )
    return body, read(body)


def _says_json(types: Sequence[str]) -> bool:
    message = Message()
    message["content-type"] = types[0] if len(types) == 1 else ""
    kind, _, form = message.get_content_type().partition("/")
    return kind == "application" and (form == "json" or form.endswith("+json"))


def read(body: bytes) -> Json:
    """The JSON value of a body.

    Raises:
        Problem: it is none, or one that another parser may read as another.
    """
    try:
        return json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise _malformed(f"the body is no JSON from its character {error.pos + 1} on") from error
    except UnicodeDecodeError as error:
        raise _malformed("the body is not in UTF-8; send JSON in UTF-8") from error
    except RecursionError as error:
        raise _malformed("the body is nested too deeply; send it flatter") from error
    except ValueError as error:
        raise _malformed("the body holds a number of too many digits; send it as text") from error


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    twice = repeated(name for name, _ in pairs)
    if twice is not None:
        raise _malformed(f"the body has the key {clean(twice, 80)} twice in one object; send it once")
    return dict(pairs)


def repeated(names: Iterable[str]) -> str | None:
    """The first name that is there a second time; None: none is."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _constant(name: str) -> NoReturn:
    raise _malformed(f"the body holds {name}, which is no JSON; leave it out, or send text")


def _malformed(sentence: str) -> Problem:
    return Problem(ProblemType.MALFORMED, sentence)


def _unasked(name: str) -> Problem:
    shown = clean(name, 80)
    return Problem(
        ProblemType.INVALID, f"{shown} is unknown here: this call has no query; leave it out", field=shown
    )
