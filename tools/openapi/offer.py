"""One operation of a document as a tool could use it: one object of arguments, and where each goes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from contracts.digest import Json, canonical
from contracts.errors import Malformed
from policies.arguments import check_schema, clean
from tools.openapi.binding import WHOLE, Endpoint
from tools.openapi.document import Described, Document, Elsewhere
from tools.openapi.schema import Schemas

SCHEMA_LIMIT: Final = 65_536
"""Bytes of an operation's schema: the model reads it on every step."""

_WORDS: Final = 1_000
"""Characters of an operation's description."""

#: What models' providers take as the name of an argument.
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NO_NAME: Final = "is no name that a model can be given: 64 letters, digits, _, . and - at most"
_JSON: Final = "application/json"
_STYLES: Final = {"path": "simple", "query": "form"}
_SCALARS: Final = frozenset({"string", "integer", "number", "boolean", "null"})
#: Sent by us, or by the protocol: no argument of a model's.
_OURS: Final = frozenset(
    {
        "accept",
        "authorization",
        "content-type",
        "idempotency-key",
        "if-match",
        "interlock-capability",
        "interlock-request-id",
    }
)
#: A body of these words alone is flattened; any other says something about the object as a whole.
_PLAIN: Final = frozenset(
    {"type", "properties", "required", "additionalProperties", "description", "default"}
)


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What an operation takes and how it is called."""

    endpoint: Endpoint
    #: JSON Schema (2020-12) of its arguments; an object without additional properties.
    schema: Json
    description: str


@dataclass(frozen=True, kw_only=True)
class _Argument:
    """One argument, as one place of the request declares it."""

    name: str
    #: ``path``, ``query`` or ``body``.
    place: str
    schema: Json
    required: bool


def offer(document: Document, name: str, address: str | None = None) -> Offer:
    """The operation of this ``operationId``.

    Raises:
        Malformed: there is none, or it asks for something that is not done; the sentence says what.
    """
    found = document.operation(name)
    try:
        return _Reading(document, found, address).offer()
    except Elsewhere:
        raise
    except Malformed as error:
        raise Malformed(f"`{name}` ({found.method} {clean(found.path, 120)}): {error}") from error


class _Reading:
    """One pass over one operation."""

    def __init__(self, document: Document, operation: Described, address: str | None) -> None:
        self._document, self._operation, self._address = document, operation, address
        self._schemas = Schemas(document)
        #: The body is the argument ``body``, or its properties are arguments; neither: there is none.
        self._whole, self._flat = False, False

    def offer(self) -> Offer:
        if self._operation.body.get("callbacks"):
            raise Malformed("it calls back, and nothing here is called back")
        arguments = [*self._parameters(), *self._body()]
        _check_names(arguments)
        # The order in which a document names them is no part of its contract.
        arguments.sort(key=lambda argument: argument.name)
        schema = _object(arguments)
        if len(canonical(schema)) > SCHEMA_LIMIT:
            raise Malformed(f"the schema of its arguments has more than {SCHEMA_LIMIT} bytes")
        check_schema(schema)
        return Offer(endpoint=self._endpoint(arguments), schema=schema, description=self._description())

    def _endpoint(self, arguments: list[_Argument]) -> Endpoint:
        if not self._operation.path.startswith("/"):
            raise Malformed("its path starts with no /")
        path = self._document.prefix(self._operation, self._address) + self._operation.path
        endpoint = Endpoint(
            operation=self._operation.name,
            method=self._operation.method,
            path=path,
            query=_names(arguments, "query"),
            body=_names(arguments, "body") if self._flat else None,
            whole=self._whole,
        )
        if undeclared := set(endpoint.places) ^ set(_names(arguments, "path")):
            raise Malformed(f"`{min(undeclared)}` stands in its path or in its parameters, but not in both")
        return endpoint

    def _description(self) -> str:
        said = [self._operation.body.get(word) for word in ("summary", "description")]
        words = " ".join(" ".join(text.split()) for text in said if isinstance(text, str) and text.strip())
        return clean(words, _WORDS) or self._operation.name

    # Parameters

    def _parameters(self) -> Iterator[_Argument]:
        for (name, place), parameter in self._declared().items():
            try:
                yield self._parameter(name, place, parameter)
            except Malformed as error:
                if parameter.get("required") is True:
                    raise Malformed(f"its parameter `{clean(name, 80)}`: {error}") from error
                # An optional one that cannot be sent is none of the arguments.

    def _declared(self) -> dict[tuple[str, str], Mapping[str, Json]]:
        """The path's parameters and the operation's own, which replace those of the same name and place."""
        found: dict[tuple[str, str], Mapping[str, Json]] = {}
        for nodes in (self._operation.item.get("parameters"), self._operation.body.get("parameters")):
            for node in nodes if isinstance(nodes, list) else ():
                parameter = self._document.resolved(node)
                name, place = str(parameter.get("name")), str(parameter.get("in"))
                if place != "header" or name.lower() not in _OURS:
                    found[name, place] = parameter
        return found

    def _parameter(self, name: str, place: str, parameter: Mapping[str, Json]) -> _Argument:
        if place not in ("path", "query"):
            raise Malformed(f"a {clean(place, 20)} is not filled from arguments")
        if "schema" not in parameter:
            raise Malformed("it is not described by a schema")
        if not _NAME.fullmatch(name):
            raise Malformed(_NO_NAME)
        schema = self._schema(parameter["schema"])
        if not _sendable(schema, place, parameter):
            raise Malformed(f"a value of its kind has no one spelling in a {place}")
        words = parameter.get("description")
        if isinstance(words, str) and "description" not in schema:
            schema = {**schema, "description": clean(" ".join(words.split()), 500)}
        required = parameter.get("required") is True or place == "path"
        return _Argument(name=name, place=place, schema=schema, required=required)

    def _schema(self, schema: Json) -> Json:
        made = self._schemas.convert(schema)
        check_schema(made)
        return made

    # The body

    def _body(self) -> Iterator[_Argument]:
        node = self._operation.body.get("requestBody")
        if node is None:
            return
        if self._operation.method in ("GET", "HEAD"):
            raise Malformed("it reads with a body, which nothing on the way has to carry")
        body = self._document.resolved(node)
        schema = self._schema(self._json(body))
        flat = _flattened(schema)
        if flat is None:
            self._whole = True
            yield _Argument(name=WHOLE, place="body", schema=schema, required=body.get("required") is True)
            return
        self._flat = True
        required = flat.get("required", ())
        for name, inner in flat["properties"].items():
            if name in required or _NAME.fullmatch(name):
                yield _Argument(name=name, place="body", schema=inner, required=name in required)

    def _json(self, body: Mapping[str, Json]) -> Json:
        content = body.get("content")
        kinds = content if isinstance(content, dict) else {}
        for kind, media in kinds.items():
            if kind.partition(";")[0].strip().lower() == _JSON and isinstance(media, dict):
                return media.get("schema", {})
        shown = clean(", ".join(kinds) or "nothing", 120)
        raise Malformed(f"its body is {shown}, and only {_JSON} is sent")


def _check_names(arguments: list[_Argument]) -> None:
    places: dict[str, str] = {}
    for argument in arguments:
        shown = clean(argument.name, 80)
        if argument.name in places:
            first = places[argument.name]
            raise Malformed(f"the name `{shown}` stands twice, in its {first} and in its {argument.place}")
        if not _NAME.fullmatch(argument.name):
            raise Malformed(f"`{shown}` {_NO_NAME}")
        places[argument.name] = argument.place


def _names(arguments: list[_Argument], place: str) -> tuple[str, ...]:
    return tuple(argument.name for argument in arguments if argument.place == place)


def _object(arguments: list[_Argument]) -> Json:
    return {
        "type": "object",
        "properties": {argument.name: argument.schema for argument in arguments},
        "required": [argument.name for argument in arguments if argument.required],
        "additionalProperties": False,
    }


def _sendable(schema: Json, place: str, parameter: Mapping[str, Json]) -> bool:
    """Scalars; in a query also lists of them, a pair for each value."""
    style = parameter.get("style", _STYLES[place])
    if style != _STYLES[place]:
        return False
    spread = place == "query" and parameter.get("explode", True) is True
    return _scalar(schema, lists=spread)


def _scalar(schema: Json, *, lists: bool = False) -> bool:
    """Whether all that fits is a text, a number, a boolean, null or, with ``lists``, a list of these."""
    if not isinstance(schema, dict):
        return False
    if "type" in schema:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        listed = not lists or "array" not in kinds or _scalar(schema.get("items"))
        return listed and set(kinds) <= (_SCALARS | {"array"} if lists else _SCALARS)
    if "enum" in schema:
        return all(value is None or isinstance(value, str | int | float) for value in schema["enum"])
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return all(_scalar(inner, lists=lists) for inner in schema[word])
    return any(_scalar(inner, lists=lists) for inner in schema.get("allOf", ()))


def _flattened(schema: Json) -> Json | None:
    """A plain object's properties and required names; None where it is more, or something else."""
    if not isinstance(schema, dict):
        return None
    if schema.keys() <= {"allOf", "description"} and "allOf" in schema:
        return _merged([_flattened(inner) for inner in schema["allOf"]])
    # Whatever else the service would take beside the named properties is not offered.
    open_ended = schema.get("additionalProperties", False) is not False
    plain = schema.keys() <= _PLAIN and schema.get("type", "object") == "object" and not open_ended
    named = "properties" in schema or schema.get("additionalProperties") is False
    return {"properties": {}, **schema} if plain and named else None


def _merged(parts: list[Json | None]) -> Json | None:
    """Several plain objects as one; None where they are none, or speak of one name twice."""
    properties: dict[str, Json] = {}
    required: list[str] = []
    for part in parts:
        if part is None or not properties.keys().isdisjoint(part["properties"]):
            return None
        properties |= part["properties"]
        required += part.get("required", ())
    return {"properties": properties, "required": required}
