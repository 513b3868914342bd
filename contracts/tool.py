"""What a tool is: its classification, its narrow arguments, and how a retry of it is safe."""

import re
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

from contracts.digest import Json, digest
from contracts.errors import Malformed

_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,3}")


class Effect(StrEnum):
    """How a tool touches the world. A tool without one cannot be allowed."""

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"

    @property
    def writes(self) -> bool:
        return self is not Effect.READ


@dataclass(frozen=True, kw_only=True)
class Retry:
    """How a retry of a write is safe: ``native``, ``lookup`` or ``none``."""

    kind: str = "none"
    #: Of ``native``: seconds for which the target deduplicates on our key.
    retention_seconds: int = 0


@dataclass(frozen=True, kw_only=True)
class ToolSpec:
    """A tool as the catalogue pins it; everything but the code that calls it."""

    name: str
    #: Of the tool's contract; a new one is a new address for approvals.
    version: str
    #: Where it acts: the name of its source, such as ``helpdesk``.
    address: str
    effect: Effect
    description: str
    #: JSON Schema (2020-12) of its arguments; an object without additional properties.
    schema: Json
    #: Name of the secret it acts with, such as ``ticketing-write``; empty: it acts with none.
    credential: str
    #: Of a write: the secret that its preview reads with.
    read_credential: str | None = None
    retry: Retry = field(default_factory=Retry)
    #: JSON pointer into the arguments that names the target, or ``=profile`` of a tool that has that one
    #: alone; every write has one.
    target: str | None = None
    #: Name of the tool that undoes it, if any.
    undo: str | None = None
    #: Seconds that one call may take.
    timeout: int = 20
    #: Of a service that is described, not coded: how it is called, previewed and looked up.
    binding: Json = None
    #: JSON pointer into the arguments at the URL that the call has fetched; None: its own service alone.
    reaches: str | None = None
    #: JSON pointers into its result (``*``: each item of a list) at people's names, which a route may mask.
    names: tuple[str, ...] = ()

    def document(self) -> Json:
        return {**asdict(self), "names": list(self.names)}

    @classmethod
    def read(cls, document: Json) -> Self:
        """Raises Malformed when the document is no tool."""
        try:
            return cls(
                **{
                    **document,
                    "effect": Effect(document["effect"]),
                    "retry": Retry(**document["retry"]),
                    "names": tuple(document.get("names", ())),
                }
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Malformed(f"this is no tool of a catalogue: {error}") from error


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """The tools that exist, by name; pinned by digest when a run starts."""

    tools: dict[str, ToolSpec]

    def document(self) -> Json:
        return {"tools": {name: tool.document() for name, tool in sorted(self.tools.items())}}

    def digest(self) -> str:
        return digest(self.document())

    @classmethod
    def read(cls, document: Json) -> Self:
        """Raises Malformed when the document is no catalogue."""
        return cls(tools={name: ToolSpec.read(body) for name, body in document["tools"].items()})


def pointed(arguments: Any, pointer: str) -> str:
    """The target that a tool's ``target`` names: the text at that JSON pointer (RFC 6901) of the arguments.

    Of a tool that has one target alone, ``=profile``, say, it is that name, whatever the arguments.

    Raises:
        Malformed: nothing is there, or no text or integer.
    """
    if pointer.startswith("="):
        return pointer[1:]
    value = arguments
    for part in pointer.removeprefix("/").split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and _INDEX.fullmatch(name) and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, dict) and name in value:
            value = value[name]
        else:
            raise Malformed(f"the arguments name no target at {pointer}")
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise Malformed(f"the target at {pointer} is no text or integer")
    return str(value)
