"""What is wrong with a request, said in our own words: a sentence and the field, never the value."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from gateway.problems import Problem, ProblemType
from policies.arguments import clean

_A_TIME: Final = "must be a time with its zone, such as 2026-01-31T09:30:00Z"
_WORDS: Final = {
    "missing": "is missing; send it",
    "extra_forbidden": "is unknown here; leave it out",
    "model_attributes_type": "must be an object",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "too_short": "must have at least {min_length}",
    "too_long": "may have at most {max_length}",
    "string_type": "must be text",
    "string_unicode": "holds a lone surrogate, which is no text",
    "string_too_long": "may have at most {max_length} characters",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "datetime_type": _A_TIME,
    "datetime_parsing": _A_TIME,
    "datetime_from_date_parsing": _A_TIME,
    "datetime_object_invalid": _A_TIME,
    "timezone_aware": _A_TIME,
}
"""By pydantic's name of the fault; what is not here is said as pydantic says it."""

_SHAPES: Final = {
    "route": "a route's name, such as support/close",
    "tool": "a tool's name, such as ticket.close",
    "tenant": "a tenant's name, such as acme",
    "run_id": "a run's id, such as run_01f2",
    "on_behalf_of": "a subject, such as user:u-1042",
    "usd": 'dollars as text, such as "0.50"',
    "action_digest": "sha256: and 64 hex digits",
    "reason": "one line of text",
    "actions": "the idempotency key of an action",
    "cursor": "a cursor of this list",
    "scope": "all, tenant:NAME, route:NAME or tool:NAME",
}
"""What a pattern asks for, by the name of its field."""


async def answer(_request: Request, error: Exception) -> Response:
    """FastAPI's handler of requests that do not have the shape of their call."""
    if not isinstance(error, RequestValidationError):
        raise error
    return problem(error).response()


def problem(error: RequestValidationError) -> Problem:
    """The first mistake of a request, by its place; never by its value, which may be a secret."""
    fault = error.errors()[0]
    place, *inner = fault["loc"]
    field = _field(str(place), inner)
    if field == "Idempotency-Key":
        return Problem(
            ProblemType.IDEMPOTENCY_KEY, f"{field} takes 1 to 255 visible ASCII characters", field=field
        )
    subject = "the body" if field == "/" else field
    return Problem(ProblemType.INVALID, f"{subject} {_said(fault, inner)}", field=field)


def _said(fault: Mapping[str, Any], inner: list[int | str]) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "string_pattern_mismatch":
        name = next((part for part in reversed(inner) if isinstance(part, str)), "")
        return f"must be {_SHAPES.get(name, 'text that matches ' + context['pattern'])}"
    if kind in _WORDS:
        return _WORDS[kind].format_map(context)
    message: str = fault["msg"]
    return f"is wrong: {message[:1].lower()}{clean(message[1:], 200)}"


def _field(place: str, inner: list[int | str]) -> str:
    if place != "body":
        return clean(".".join(map(str, inner)), 80)
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in inner)
    return clean("".join(f"/{part}" for part in parts), 80) or "/"
