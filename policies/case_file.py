"""A file of cases, with the place of each mistake in its shape."""

from typing import Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from policies.cases import Case, Expected
from policies.foreseen import Used
from policies.problem import Problem, did_you_mean
from policies.route_file import rule_path
from policies.source import Place, Source

_EXPECTED: Final[TypeAdapter[Expected]] = TypeAdapter(Expected)
_KEYS: Final[dict[tuple[str | int, ...], tuple[str, ...]]] = {
    (): tuple(Expected.model_fields),
    ("used",): tuple(Used.model_fields),
}
"""The keys that each part of a case knows."""


def read_cases(source: Source) -> tuple[tuple[Case, ...], list[Problem]]:
    """The cases of a file, and what is wrong with the others."""
    if not isinstance(source.value, list):
        return (), [source.problem((), "a case file is a list of cases")]
    cases, problems = [], []
    for at, entry in enumerate(source.value):
        try:
            expected = _EXPECTED.validate_python(entry)
        except ValidationError as error:
            problems += [_problem(source, at, fault) for fault in error.errors(include_url=False)]
        else:
            cases.append(Case(file=source.file, line=source.line((at,)), expected=expected))
    return tuple(cases), problems


def _problem(source: Source, at: int, fault: ErrorDetails) -> Problem:
    inner = fault["loc"]
    place, shown = (at, *inner), rule_path(inner)
    match fault["type"]:
        case "missing":
            return source.problem(place[:-1], f"`{shown}` is missing")
        case "extra_forbidden":
            return source.problem(place, f"`{shown}` is no key of a case", _known(inner))
        case "value_error":
            return source.problem(place, f"`{shown}`: {fault['ctx']['error']}")
        case "literal_error":
            hint = did_you_mean(str(fault["input"]), ("allow", "needs_approval", "deny"))
            return source.problem(place, f"`{shown}` takes {fault['ctx']['expected']}", hint)
        case "model_type" | "dict_type":
            return source.problem(place, f"{f'`{shown}`' if shown else 'a case'} is a mapping of keys")
    message = fault["msg"].removeprefix("Input should be ")
    return source.problem(place, f"`{shown}` should be {message}")


def _known(inner: Place) -> str:
    known = _KEYS.get(inner[:-1], ())
    return did_you_mean(str(inner[-1]), known) or f"known are {', '.join(known)}"
