"""Mistakes that JSON Schema itself lets pass: a misspelt keyword would be a rule that rules nothing."""

from collections.abc import Iterator
from typing import Final

from contracts.digest import Json

PLAIN: Final = frozenset(
    [
        "$anchor",
        "$comment",
        "$defs",
        "$id",
        "$ref",
        "$schema",
        "const",
        "contentEncoding",
        "contentMediaType",
        "default",
        "dependentRequired",
        "deprecated",
        "description",
        "enum",
        "examples",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "maxContains",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minContains",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "pattern",
        "readOnly",
        "required",
        "title",
        "type",
        "uniqueItems",
        "writeOnly",
    ]
)
ONE: Final = frozenset(
    [
        "additionalProperties",
        "contains",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    ]
)
MANY: Final = frozenset(["allOf", "anyOf", "oneOf", "prefixItems"])
NAMED: Final = frozenset(["$defs", "dependentSchemas", "patternProperties", "properties"])

KEYWORDS: Final = PLAIN | ONE | MANY | NAMED
"""Keywords of JSON Schema 2020-12 that a policy may use."""


FORMATS: Final = frozenset(
    """
    date date-time duration email hostname idn-email idn-hostname ipv4 ipv6 iri iri-reference json-pointer
    regex relative-json-pointer time uri uri-reference uri-template uuid
    """.split()  # noqa: SIM905 - a list of words is read as words
)
"""Formats that are checked; any other one is taken for a remark."""
_ALONE: Final = (
    ("if", ("then", "else")),
    ("then", ("if",)),
    ("else", ("if",)),
    ("minContains", ("contains",)),
    ("maxContains", ("contains",)),
)
"""Keywords that say something only beside one of others."""
_REMARKS: Final = ("contentEncoding", "contentMediaType")


def toothless(schema: Json) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Places and sentences of what looks like a rule and holds no value to anything."""
    for place, part in _parts(schema, ()):
        said = part.get("format")
        if isinstance(said, str) and said not in FORMATS:
            yield (*place, "format"), f"`{said[:40]}` is no format that is checked, so it rules nothing"
        for word, others in _ALONE:
            if word in part and not any(other in part for other in others):
                yield (*place, word), f"`{word}` rules nothing without `{'` or `'.join(others)}` beside it"
        for word in _REMARKS:
            if word in part:
                yield (*place, word), f"`{word}` is a remark that rules nothing"
        if place and "$schema" in part:
            yield (*place, "$schema"), "`$schema` within a schema has its keywords read by other rules"


def _parts(
    schema: Json, place: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], dict[str, Json]]]:
    """A schema and every schema in it."""
    if not isinstance(schema, dict):
        return
    yield place, schema
    for word, value in schema.items():
        at = (*place, word)
        if word in ONE:
            yield from _parts(value, at)
        elif (word in NAMED and isinstance(value, dict)) or (word in MANY and isinstance(value, list)):
            for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
                yield from _parts(inner, (*at, key))


def strange(schema: Json, place: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Places and sentences of what is not JSON Schema 2020-12, or holds a float."""
    if isinstance(schema, dict):
        for word, value in schema.items():
            if word not in KEYWORDS:
                yield (*place, word), f"`{word}` is no keyword of JSON Schema"
            yield from _within(word, value, (*place, word))


def _within(
    word: str, value: Json, place: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if word in NAMED and isinstance(value, dict):
        for name, inner in value.items():
            yield from strange(inner, (*place, name))
    elif word in MANY and isinstance(value, list):
        for at, inner in enumerate(value):
            yield from strange(inner, (*place, at))
    elif word in ONE:
        yield from strange(value, place)
    else:
        yield from _floats(value, place)


def _floats(value: Json, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, float):
        yield place, f"{value} is a float, which two parsers may read differently; use integers"
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from _floats(item, (*place, key))
