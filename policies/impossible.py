"""What can be shown of a JSON Schema: that no value satisfies it, or that a part of it rules nothing."""

from collections.abc import Iterator
from typing import Final

from contracts.digest import Json
from contracts.errors import Malformed
from policies.arguments import fault
from policies.schema_parts import conjuncts, kinds, listed, mapping, properties, required
from policies.source import Place

_BOUNDS: Final = (
    ("minimum", "maximum", False),
    ("minimum", "exclusiveMaximum", True),
    ("exclusiveMinimum", "maximum", True),
    ("exclusiveMinimum", "exclusiveMaximum", True),
    ("minLength", "maxLength", False),
    ("minItems", "maxItems", False),
    ("minProperties", "maxProperties", False),
    ("minContains", "maxContains", False),
)
"""Keywords of which the first must not lie above the second, or not even beside it."""

_RULED: Final = {
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"),
    "object": (
        "properties",
        "required",
        "additionalProperties",
        "patternProperties",
        "minProperties",
        "maxProperties",
        "propertyNames",
    ),
}
"""Keywords by the type that they rule; of every other they say nothing."""


def impossible(schema: Json, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Places and sentences of what no value satisfies, wherever that can be shown."""
    if schema is False:
        yield place, "`false` lets nothing through"
    for where, part in conjuncts(schema, place):
        if part.get("enum") == []:
            yield (*where, "enum"), "an empty `enum` lets nothing through"
    yield from _crossed(schema, place)
    yield from _closed(schema, place)
    yield from _untyped(schema, place)
    yield from _choices(schema, place)
    yield from _inner(schema, place)


def crossing(parts: list[dict[str, Json]]) -> tuple[str, str] | None:
    """Two bounds of parts that hold together and leave nothing between them: keyword and value of each."""
    for low, high, strict in _BOUNDS:
        lows = [part[low] for part in parts if _is_number(part.get(low))]
        highs = [part[high] for part in parts if _is_number(part.get(high))]
        if lows and highs and (max(lows) > min(highs) or (strict and max(lows) == min(highs))):
            return f"`{low}` {max(lows)}", f"`{high}` {min(highs)}"
    return None


def _crossed(schema: Json, place: Place) -> Iterator[tuple[Place, str]]:
    found = crossing([part for _, part in conjuncts(schema)])
    if found is not None:
        low, high = found
        word = low.split("`")[1]
        where = next(where for where, part in conjuncts(schema, place) if word in part)
        yield (*where, word), f"{low} and {high} leave nothing between them"


def _closed(schema: Json, place: Place) -> Iterator[tuple[Place, str]]:
    """What is required must be something that may be there."""
    needed = required(schema)
    for where, part in conjuncts(schema, place):
        if part.get("additionalProperties") is not False or part.get("patternProperties"):
            continue
        for name in sorted(needed - mapping(part.get("properties")).keys()):
            yield (
                (*where, "additionalProperties"),
                f"`{name}` is required, and `additionalProperties: false` refuses it",
            )


def _untyped(schema: Json, place: Place) -> Iterator[tuple[Place, str]]:
    if kinds(schema) == frozenset():
        yield place, "no value is of all of these types"


def _choices(schema: Json, place: Place) -> Iterator[tuple[Place, str]]:
    """A choice of which the rest of the schema refuses everything."""
    for where, part in conjuncts(schema, place):
        for word, values in (("enum", listed(part.get("enum"))), ("const", chosen(part))):
            if values and all(refused(schema, value) for value in values):
                yield (*where, word), f"nothing of `{word}` fits the rest of the rule"


def chosen(part: dict[str, Json]) -> list[Json]:
    return [part["const"]] if "const" in part else []


def refused(schema: Json, value: Json) -> bool:
    """Whether a schema refuses a value; a schema that cannot be held to alone refuses nothing here."""
    try:
        return fault(schema, value) is not None
    except Malformed:
        return False


def _inner(schema: Json, place: Place) -> Iterator[tuple[Place, str]]:
    """Properties and items too; `false` forbids a property, and is a mistake only where it is required."""
    needed = required(schema)
    for where, name, inner in properties(schema, place):
        if inner is not False or name in needed:
            yield from impossible(inner, where)
    for where, part in conjuncts(schema, place):
        if isinstance(part.get("items"), dict):
            yield from impossible(part["items"], (*where, "items"))


def idle(schema: Json, place: Place, types: frozenset[str] | None) -> Iterator[tuple[Place, str]]:
    """Keywords that say nothing of a value of these types."""
    if types is None:
        return
    for where, part in conjuncts(schema, place):
        for kind, words in _RULED.items():
            these = {"number", "integer"} if kind == "number" else {kind}
            for word in words:
                if word in part and not these & types:
                    shown = " or ".join(sorted(types))
                    yield (*where, word), f"`{word}` rules nothing here: the tool takes {shown}"


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
