"""A service's schemas as JSON Schema 2020-12 that stands for itself: references written out, notes left out.

What a schema comes to is bounded, and no schema contains itself, so that judging arguments takes bounded time
whatever a document says.
"""

from collections.abc import Mapping
from typing import Final

from contracts.digest import Json, canonical
from contracts.errors import Malformed
from policies.arguments import clean
from policies.schema_words import MANY, NAMED, ONE, PLAIN
from tools.openapi.document import Document

PARTS: Final = 2_000
"""Schemas in the schemas of one operation, at most."""

DEPTH: Final = 32
"""Levels of them."""

_WORDS: Final = 500
"""Characters of one description."""

_REFUSED: Final = frozenset({"$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef"})
"""They change what a reference means."""
_LEFT_OUT: Final = frozenset({"$schema", "$comment", "$defs", "title", "examples", "deprecated", "writeOnly"})
_NOTES: Final = frozenset({"description", "default"})
_LARGEST: Final = 2**53
_UPPER: Final = ("maximum", "exclusiveMaximum")
_LOWER: Final = ("minimum", "exclusiveMinimum")


class Schemas:
    """Converts the schemas of one operation."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._parts = 0

    def convert(self, schema: Json, within: tuple[str, ...] = (), depth: int = 0) -> Json:
        """A schema of the document as ours. ``within``: the references that led here.

        Raises:
            Malformed: it is none, leads nowhere, contains itself, or is too large.
        """
        self._parts += 1
        if self._parts > PARTS or depth > DEPTH:
            raise Malformed(f"its schema has more than {PARTS} parts or {DEPTH} levels")
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, dict):
            raise Malformed("a schema of it is no object")
        if strange := _REFUSED & schema.keys():
            raise Malformed(f"`{min(strange)}` in a schema is not read")
        if "$ref" in schema:
            return self._referred(schema, within, depth)
        own = _as_2020(schema) if self._document.minor == 0 else schema
        return _without_read_only(self._converted(own, within, depth))

    def _referred(self, schema: Mapping[str, Json], within: tuple[str, ...], depth: int) -> Json:
        reference = schema["$ref"]
        if reference in within:
            raise Malformed(f"the schema `{clean(str(reference), 120)}` contains itself, which has no bound")
        target = self.convert(self._document.at(reference), (*within, str(reference)), depth + 1)
        beside = {word: value for word, value in schema.items() if word != "$ref"}
        # What stands beside a reference means nothing in 3.0.
        beside = self._converted(beside, within, depth) if self._document.minor else {}
        if beside.keys() <= _NOTES and isinstance(target, dict):
            return {**target, **beside}
        return {"allOf": [target, beside]}

    def _converted(self, schema: Mapping[str, Json], within: tuple[str, ...], depth: int) -> dict[str, Json]:
        made: dict[str, Json] = {}
        for word, value in schema.items():
            if word in ONE:
                made[word] = self.convert(value, within, depth + 1)
            elif word in MANY:
                made[word] = [self.convert(inner, within, depth + 1) for inner in _list(word, value)]
            elif word in NAMED - _LEFT_OUT:
                made[word] = {
                    name: self.convert(inner, within, depth + 1) for name, inner in _named(word, value)
                }
            elif word in PLAIN - _LEFT_OUT:
                made |= _plain(word, value)
        return made


def _without_read_only(made: dict[str, Json]) -> dict[str, Json]:
    """What only the service sets is nothing that a request says."""
    hidden = [name for name, inner in made.get("properties", {}).items() if _read_only(inner)]
    required = made.get("required", [])
    if not hidden or not isinstance(required, list):
        return made
    required = [name for name in required if name not in hidden]
    kept = {name: inner for name, inner in made["properties"].items() if name not in hidden}
    return {**made, "properties": kept, "required": required}


def _as_2020(schema: Mapping[str, Json]) -> Mapping[str, Json]:
    """OpenAPI 3.0's own words: a null beside a type, and bounds that a flag makes strict."""
    made = dict(schema)
    if made.pop("nullable", False) is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    for bound, strict in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        flag = made.get(strict)
        if isinstance(flag, bool):
            del made[strict]
            if flag and bound in made:
                made[strict] = made.pop(bound)
    return made


def _plain(word: str, value: Json) -> dict[str, Json]:
    if word == "description":
        return {word: clean(" ".join(value.split()), _WORDS)} if isinstance(value, str) else {}
    if isinstance(value, int) and _beyond(word, value):
        return {}
    try:
        canonical(value)
    except Malformed:
        if word == "default":
            return {}
        raise Malformed(f"`{word}` in a schema is a number that two readers may read differently") from None
    return {word: value}


def _beyond(word: str, value: int) -> bool:
    """A bound outside of what any argument may be bounds nothing."""
    return (word in _UPPER and value >= _LARGEST) or (word in _LOWER and value <= -_LARGEST)


def _read_only(schema: Json) -> bool:
    return isinstance(schema, dict) and schema.get("readOnly") is True


def _list(word: str, value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise Malformed(f"`{word}` in a schema is no list")
    return value


def _named(word: str, value: Json) -> list[tuple[str, Json]]:
    if not isinstance(value, dict):
        raise Malformed(f"`{word}` in a schema is no mapping of names to schemas")
    return list(value.items())
