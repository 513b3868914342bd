"""A route's file as a route, with the place of each mistake in its shape."""

from dataclasses import fields
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from contracts.budget import Budget
from contracts.digest import Json
from contracts.transcript import Price
from policies.inheritance import NARROWS
from policies.problem import Problem, did_you_mean
from policies.route import (
    Approval,
    Audit,
    Breaker,
    Egress,
    Escalation,
    Limit,
    Model,
    Route,
    RouteException,
    Total,
)
from policies.source import Place, Source

PARTS: Final[dict[tuple[str, ...], type[BaseModel]]] = {
    ("model",): Model,
    ("limits",): Limit,
    ("limits", "sum"): Total,
    ("egress",): Egress,
    ("approval",): Approval,
    ("approval", "escalate"): Escalation,
    ("breaker",): Breaker,
    ("audit",): Audit,
    ("exceptions",): RouteException,
}
_KEYS: Final[dict[tuple[str, ...], tuple[str, ...]]] = {
    (): (NARROWS, *(key for key in Route.model_fields if key != "name")),
    ("budgets",): tuple(field.name for field in fields(Budget)),
    ("model", "price"): tuple(field.name for field in fields(Price)),
    **{path: tuple(part.model_fields) for path, part in PARTS.items()},
}
"""The keys that each part of a route knows."""

_STAND_IN: Final[Json] = {
    "model": {"name": "rules"},
    "allow_tools": [],
    "budgets": {"steps": 1, "seconds": 1, "usd": "0", "denials": 0},
}


def read_route(source: Source, name: str) -> tuple[Route | None, list[Problem]]:
    """The route as far as it can be read, and the mistakes in its shape.

    Keys with mistakes are left out of the route, so that what the others say can be checked too; where there
    are problems the route is for that only.
    """
    if not isinstance(source.value, dict):
        return None, [source.problem((), "a route is a mapping of keys")]
    problems = []
    value = dict(source.value)
    if "name" in value:
        problems.append(source.problem(("name",), "`name` is no key of a route", "its path is its name"))
    try:
        return Route.parse({**value, "name": name}), problems
    except ValidationError as error:
        faults = error.errors(include_url=False)
        problems += [_problem(source, fault) for fault in faults]
        return _salvaged(value, name, {fault["loc"][0] for fault in faults if fault["loc"]}), problems


def _salvaged(value: Json, name: str, broken: set[str | int]) -> Route | None:
    sound = {key: inner for key, inner in value.items() if key not in broken}
    try:
        return Route.parse({**_STAND_IN, **sound, "name": name})
    except ValidationError:
        return None


def _problem(source: Source, fault: ErrorDetails) -> Problem:
    place = fault["loc"]
    shown = rule_path(place)
    match fault["type"]:
        case "missing":
            return source.problem(place[:-1], f"`{shown}` is missing")
        case "extra_forbidden" | "unexpected_keyword_argument":
            return _unknown_key(source, place)
        case "value_error":
            return source.problem(place, f"`{shown}`: {fault['ctx']['error']}")
        case "literal_error":
            return source.problem(place, f"`{shown}` takes {fault['ctx']['expected']}")
        case "too_long":
            return source.problem(place, f"`{shown}` has more than {fault['ctx']['max_length']} entries")
        case "string_type" if isinstance(fault["input"], int | float):
            return source.problem(place, f"`{shown}` is a number where text belongs", "put it in quotes")
    message = fault["msg"].removeprefix("Input should be ")
    return source.problem(place, f"`{shown}` should be {message}")


def _unknown_key(source: Source, place: Place) -> Problem:
    key = str(place[-1])
    inside = tuple(part for part in place[:-1] if isinstance(part, str))
    known = _KEYS.get(inside, ())
    hint = did_you_mean(key, known) or f"known are {', '.join(known)}"
    return source.problem(place, f"`{rule_path(place)}` is no key of a route", hint)


def rule_path(place: Place) -> str:
    """``limits[0].tool``: how a path is written in reasons and in problems."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")
