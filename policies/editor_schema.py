"""JSON Schema of the policy files, for editors: it completes a key, and marks a wrong one as it is typed.

It says what can be said of one file alone; the loader says the rest.
"""

import inspect
import re
from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from contracts.budget import Budget
from contracts.digest import Json
from contracts.transcript import Price
from policies.cases import Expected
from policies.inheritance import NARROWS
from policies.people_file import PersonEntry
from policies.route import Route
from policies.route_file import PARTS
from policies.schema_words import MANY, NAMED, ONE, PLAIN

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_SAID: Final = re.compile(r"((?:^ *#: .*\n)+) *(\w+):", re.MULTILINE)
_WHOLE: Final = frozenset(word for word in PLAIN if word.startswith(("min", "max", "exclusive", "multiple")))
"""Keywords that take a number; policies hold whole ones."""

_DOLLARS: Final = {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,9})?$"}


def route_schema() -> Json:
    """Of ``routes/**/*.yaml``. A route that narrows another may leave out what its base says."""
    schema = described(Route, [*PARTS.values(), Budget, Price])
    parts = schema["$defs"]
    del schema["properties"]["name"]
    schema["properties"] = {
        NARROWS: {"type": "string", "description": "The route that this one takes over and narrows."},
        **schema["properties"],
    }
    for key, least in (("steps", 1), ("seconds", 1), ("denials", 0)):
        parts["Budget"]["properties"][key]["minimum"] = least
    parts["Budget"]["properties"]["usd"] |= _DOLLARS
    for rate in parts["Price"]["properties"].values():
        del rate["type"]
        rate["anyOf"] = [_DOLLARS, {"type": "integer", "minimum": 0}]
    parts["Schema"] = _rules()
    schema["properties"]["when"]["additionalProperties"] = {"$ref": "#/$defs/Schema", "type": "object"}
    schema["properties"]["input"]["anyOf"] = [{"$ref": "#/$defs/Schema", "type": "object"}, {"type": "null"}]
    whole = {
        key: {"required": parts[part].pop("required")}
        for key, part in (("budgets", "Budget"), ("model", "Model"), ("breaker", "Breaker"))
    }
    schema.pop("required")
    return document(
        "A route",
        schema
        | {
            "if": {"not": {"required": [NARROWS]}},
            "then": {"required": ["model", "allow_tools", "budgets"], "properties": whole},
        },
    )


def people_schema() -> Json:
    """Of ``people.yaml``."""
    person = described(PersonEntry, [])
    parts = person.pop("$defs", {})
    whole = {
        "type": "object",
        "additionalProperties": False,
        "required": ["people"],
        "properties": {
            "people": {
                "description": "By principal.",
                "type": "object",
                "propertyNames": {"pattern": r"^\S+$"},
                "additionalProperties": {"anyOf": [person, {"type": "null"}]},
            }
        },
    }
    return document("The people who may approve", {"$defs": parts, **whole})


def cases_schema() -> Json:
    """Of ``cases/**/*.yaml``."""
    case = described(Expected, [])
    parts = case.pop("$defs", {})
    return document("What a route's owner expects of it", {"$defs": parts, "type": "array", "items": case})


def _rules() -> Json:
    """A JSON Schema as policies may hold it: every keyword is a known one, every bound a whole number."""
    inner: Json = {"$ref": "#/$defs/Schema"}
    words: dict[str, Json] = {word: {"type": "integer"} if word in _WHOLE else {} for word in PLAIN}
    words |= dict.fromkeys(ONE, inner)
    words |= {word: {"type": "array", "items": inner} for word in MANY}
    words |= {word: {"type": "object", "additionalProperties": inner} for word in NAMED}
    return {
        "description": "A JSON Schema (2020-12).",
        "type": ["object", "boolean"],
        "properties": dict(sorted(words.items())),
        "additionalProperties": False,
    }


def document(title: str, schema: Json) -> Json:
    """A schema as a file of its own."""
    parts = schema.pop("$defs", {})
    return {"$schema": DIALECT, "title": title, **schema, **({"$defs": parts} if parts else {})}


def described(model: type[BaseModel], parts: Iterable[type[Any]]) -> dict[str, Json]:
    """A model's JSON Schema, in which each key says what the comment above it says."""
    schema = TypeAdapter(model).json_schema(mode="validation")
    for part in parts:
        if part.__name__ in schema.get("$defs", {}):
            _describe(schema["$defs"][part.__name__], part)
    _describe(schema, model)
    return schema


def _describe(schema: dict[str, Json], part: type[Any]) -> None:
    schema.pop("title", None)
    if "description" in schema:
        schema["description"] = schema["description"].replace("``", "`")
    for comment, name in _SAID.findall(inspect.getsource(part)):
        if name in schema["properties"]:
            lines = (line.strip().removeprefix("#: ") for line in comment.splitlines() if line.strip())
            schema["properties"][name]["description"] = " ".join(lines).replace("``", "`")
    for inner in schema["properties"].values():
        inner.pop("title", None)
