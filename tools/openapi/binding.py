"""How an operation is called: pinned in the catalogue as JSON, so that a run needs no document.

Where the call goes is no part of it: a base URL comes from the worker's own configuration.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from contracts.digest import Json
from contracts.errors import Malformed
from tools.base_url import PLACE
from tools.session import ReadRequest, WriteRequest

WHOLE: Final = "body"
"""The argument that is a whole body, where the body is no plain object."""

_PATH: Final = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%{}-]*)+")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One operation: its request, and where each argument goes in it."""

    #: Its ``operationId``.
    operation: str
    method: str
    #: With the server's prefix; each place is called as the argument that fills it.
    path: str
    query: tuple[str, ...] = ()
    #: Arguments that are the JSON body's properties; None: there is none of these.
    body: tuple[str, ...] | None = None
    #: The argument ``body`` is the JSON body itself.
    whole: bool = False

    def __post_init__(self) -> None:
        """Raises Malformed where the path could lead out of the base URL, or the method is none of ours."""
        strange = {".", ".."} & set(self.path.split("/")) or set("{}") & set(PLACE.sub("", self.path))
        if strange or not _PATH.fullmatch(self.path):
            raise Malformed(f"`{self.operation}` has a path that cannot be called")
        if self.method not in _METHODS:
            raise Malformed(f"`{self.operation}` is a {self.method}, which is not called")

    @classmethod
    def read(cls, document: Json) -> Self:
        """Raises Malformed where it is none."""
        try:
            body = document["body"]
            return cls(
                operation=str(document["operation"]),
                method=str(document["method"]),
                path=str(document["path"]),
                query=tuple(map(str, document["query"])),
                body=None if body is None else tuple(map(str, body)),
                whole=document["whole"] is True,
            )
        except (KeyError, TypeError) as error:
            raise Malformed(f"this is no call of a service: {error}") from error

    @property
    def places(self) -> tuple[str, ...]:
        return tuple(PLACE.findall(self.path))

    def reading(self, arguments: Mapping[str, Json]) -> ReadRequest:
        """Raises Malformed where the path lacks an argument."""
        return ReadRequest(**self._request(arguments))

    def writing(self, arguments: Mapping[str, Json]) -> WriteRequest:
        """Raises Malformed where the path lacks an argument."""
        return WriteRequest(**self._request(arguments))

    def _request(self, arguments: Mapping[str, Json]) -> dict[str, Any]:
        if missing := [name for name in self.places if name not in arguments]:
            raise Malformed(f"the arguments lack {missing[0]}")
        return {
            "method": self.method,
            "path": self.path,
            "parts": {name: _text(arguments[name]) for name in self.places},
            "query": tuple(self._pairs(arguments)),
            "body": self._sent(arguments),
        }

    def _pairs(self, arguments: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
        """A list becomes a pair for each of its values; null is not sent."""
        for name in self.query:
            value = arguments.get(name)
            for one in value if isinstance(value, list) else [value]:
                if one is not None:
                    yield name, _text(one)

    def _sent(self, arguments: Mapping[str, Json]) -> Json:
        if self.whole:
            return arguments.get(WHOLE)
        if self.body is None:
            return None
        return {name: arguments[name] for name in self.body if name in arguments}


@dataclass(frozen=True, kw_only=True)
class PreviewRead:
    """The read that a preview is made from."""

    endpoint: Endpoint
    #: JSON Schema of its arguments.
    schema: Json
    #: Its arguments, as JSON pointers into the write's.
    args: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class KeyLookup:
    """The read that finds what a write did, by its key."""

    endpoint: Endpoint
    #: The argument that takes the key.
    key: str


@dataclass(frozen=True, kw_only=True)
class Binding:
    """A tool's calls."""

    endpoint: Endpoint
    preview: PreviewRead | None = None
    lookup: KeyLookup | None = None
    #: The undo tool's arguments, as JSON pointers into the write's; None: they are the write's own.
    undo: Mapping[str, str] | None = None

    def document(self) -> Json:
        """Without ``undo`` where there is none, so that versions of tools without one stay as they are."""
        found: dict[str, Json] = json.loads(json.dumps(asdict(self)))
        return {name: value for name, value in found.items() if name != "undo" or value is not None}

    @classmethod
    def read(cls, document: Json) -> Self:
        """Raises Malformed where it is none."""
        try:
            return cls(
                endpoint=Endpoint.read(document["endpoint"]),
                preview=_preview(document["preview"]),
                lookup=_lookup(document["lookup"]),
                undo=None if document.get("undo") is None else dict(document["undo"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Malformed(f"this is no binding of a tool: {error}") from error


def _preview(document: Json) -> PreviewRead | None:
    if document is None:
        return None
    return PreviewRead(
        endpoint=Endpoint.read(document["endpoint"]), schema=document["schema"], args=dict(document["args"])
    )


def _lookup(document: Json) -> KeyLookup | None:
    if document is None:
        return None
    return KeyLookup(endpoint=Endpoint.read(document["endpoint"]), key=str(document["key"]))


def _text(value: Json) -> str:
    """A plain value as a path or a query carries it."""
    return value if isinstance(value, str) else json.dumps(value)
