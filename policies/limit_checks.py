"""Limits beside their tools and beside each other: what cannot be counted, and what is never reached."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from contracts.digest import Json
from contracts.tool import ToolSpec
from policies.problem import did_you_mean
from policies.route import Limit, Route
from policies.schema_parts import kinds, named, properties, required
from policies.when_checks import Finding

_REACH: Final = {"run": 0, "route": 1, "tenant": 2}
"""How much a limit counts: the calls of a run are the route's too, and those of a route the tenant's."""

_TEXT: Final = 'text needs a `pattern` of decimals such as "12.50", in the tool\'s schema or under `when`'
_WHOLE: Final = (
    "it must be an integer with a `minimum` of 0 or more, or text with a `pattern` of decimals,"
    " in the tool's schema or under `when`"
)


def limit_problems(limit: Limit, tool: ToolSpec, rule: Json) -> Iterator[Finding]:
    """What is wrong with one limit, given the tool and the route's rule on its arguments."""
    if limit.sum is None:
        return
    place = ("sum", "argument")
    schemas = [tool.schema, rule]
    shown = f"`{limit.sum.argument.removeprefix('/')}` of `{tool.name}` cannot be summed"
    parts = _asked(schemas, limit.sum.argument)
    if parts is None:
        name = limit.sum.argument.removeprefix("/")
        known = {name for schema in schemas for _, name, _ in properties(schema)}
        hint = "" if name in known else did_you_mean(name, known)
        yield place, shown, hint or "it must be a required argument of the tool"
        return
    types = kinds({"allOf": parts})
    if types == frozenset(["string"]):
        if not any(word in part for part in parts for word in ("pattern", "enum", "const")):
            yield place, shown, _TEXT
        return
    floor = _floor(parts)
    if types != frozenset(["integer"]) or floor is None or floor < 0:
        # A negative amount would give back what a limit has counted.
        yield place, shown, _WHOLE
    elif Decimal(limit.sum.max) < floor:
        text = f"`{tool.name}` could never be called: `{limit.sum.argument}` is at least {floor}"
        yield ("sum", "max"), text, "deny the tool, or raise the limit"


def idle_limits(route: Route) -> Iterator[Finding]:
    """Limits that rule nothing, with places inside of ``limits``."""
    for at, limit in enumerate(route.limits):
        if limit.tool not in route.allow_tools:
            yield (at, "tool"), f"the limit is for `{limit.tool}`, which is not allowed", ""
        elif limit.calls == 0:
            yield (at, "calls"), f"`{limit.tool}` is allowed and may never be called", "deny it"
        for other, wider in enumerate(route.limits):
            if other != at and _hides(wider, limit):
                text = f"the limit can never be reached: `limits[{other}]` is reached first"
                yield (at,), text, "remove one"
                break


def twins(route: Route) -> Iterator[Finding]:
    """Limits that count the same thing twice: only one of them is meant."""
    seen: dict[tuple[str, ...], int] = {}
    for at, limit in enumerate(route.limits):
        counted = "calls" if limit.sum is None else limit.sum.argument.removeprefix("/")
        first = seen.setdefault((limit.tool, limit.per, limit.window, counted), at)
        if first != at:
            yield (at,), f"the limit counts what `limits[{first}]` counts already", "write one of them"


def _hides(wider: Limit, limit: Limit) -> bool:
    """Whether one limit is always reached before, or with, another that counts no more than it does."""
    covers = (
        wider.tool == limit.tool
        and _REACH[wider.per] >= _REACH[limit.per]
        and wider.window_ms >= limit.window_ms
        and (wider.per, wider.window_ms) != (limit.per, limit.window_ms)
    )
    if wider.sum is not None and limit.sum is not None:
        same = wider.sum.argument.removeprefix("/") == limit.sum.argument.removeprefix("/")
        return covers and same and Decimal(wider.sum.max) <= Decimal(limit.sum.max)
    if wider.calls is not None and limit.calls is not None:
        return covers and wider.calls <= limit.calls
    return False


def _asked(schemas: list[Json], pointer: str) -> list[dict[str, Json]] | None:
    """All that is asked of the argument at a pointer; None: it may be left out."""
    for step in pointer.removeprefix("/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if not any(name in required(schema) for schema in schemas):
            return None
        schemas = [part for schema in schemas for part in named(schema, name)]
    return schemas


def _floor(parts: list[dict[str, Json]]) -> int | None:
    floors = [part.get("minimum", part.get("exclusiveMinimum")) for part in parts]
    return max((floor for floor in floors if isinstance(floor, int)), default=None)
