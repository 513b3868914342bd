"""The shape of a tool file, with the place of each mistake in it."""

import re
from typing import Annotated, Any, Final, Literal, Self, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from contracts.tool import Effect, Retry
from policies.arguments import clean
from policies.problem import Problem, did_you_mean
from policies.reserved import reserved
from policies.source import Place, Source

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST: Final = 365 * 86_400


def _seconds(text: object) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,8})([smhd])", text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("is no duration; write one like 20s, 30m, 24h or 7d")
    seconds = int(found[1]) * _UNITS[found[2]]
    if seconds > _LONGEST:
        raise ValueError("is longer than 365d")
    return seconds


def _pointer(text: object) -> object:
    """``recipient`` and ``/recipient`` name the same argument."""
    return text if not isinstance(text, str) or text.startswith("/") else f"/{text}"


def _none(value: object) -> object:
    return None if value == "none" else value


Seconds = Annotated[
    int,
    BeforeValidator(
        _seconds, json_schema_input_type=Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}[smhd]$")]
    ),
]
Pointer = Annotated[
    str,
    BeforeValidator(_pointer, json_schema_input_type=Annotated[str, Field(pattern=r"^/?[^/]+(/[^/]+)*$")]),
    StringConstraints(pattern=r"^(/[^/]+)+$", max_length=200),
]
Target = Annotated[
    str,
    BeforeValidator(
        lambda text: text if isinstance(text, str) and text.startswith("=") else _pointer(text),
        json_schema_input_type=Annotated[str, Field(pattern=r"^(/?[^/=]+(/[^/]+)*|=[a-z][a-z0-9_-]{0,62})$")],
    ),
    StringConstraints(pattern=r"^((/[^/]+)+|=[a-z][a-z0-9_-]{0,62})$", max_length=200),
]
"""A pointer, or ``=profile``: the name of the only thing that the tool acts on."""
Pointers = Annotated[
    str,
    BeforeValidator(
        _pointer, json_schema_input_type=Annotated[str, Field(pattern=r"^/?(\*|[^/*]+)(/(\*|[^/*]+))*$")]
    ),
    StringConstraints(pattern=r"^(/(\*|[^/*]+))+$", max_length=200),
]
Credential = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
ToolName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$", max_length=64)]
Address = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceEntry(_Part):
    """Where tools come from: one of these."""

    python: str | None = None
    #: URL of a document, or a path beside this file.
    openapi: str | None = None
    #: Read by no version yet, so its shape is not checked.
    mcp: Any = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("names one of `python`, `openapi` and `mcp`")
        return self


class NativeEntry(_Part):
    """The target does one thing for one key."""

    key_retention: Seconds


class RetryEntry(_Part):
    """How a retry of a write is safe."""

    native: NativeEntry | None = None
    lookup: str | None = None
    by: Literal["key"] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.native is None) == (self.lookup is None):
            raise ValueError("is `none`, or names one of `native` and `lookup`")
        if (self.lookup is None) != (self.by is None):
            raise ValueError("`lookup` and `by: key` belong together")
        return self

    def retry(self) -> Retry:
        if self.native is not None:
            return Retry(kind="native", retention_seconds=self.native.key_retention)
        return Retry(kind="lookup")


class PreviewEntry(_Part):
    """The read that a preview is made from."""

    operation: str
    #: Its arguments, each taken from the write's.
    args: dict[str, Pointer] = Field(default_factory=dict)
    #: The secret that it reads with; None: that of the file's tool that reads it, or of its source's reads.
    credential: Credential | None = None


class UndoEntry(_Part):
    """The tool that undoes a write."""

    tool: str
    #: Its arguments, each taken from the write's; None: it takes the write's own.
    args: dict[str, Pointer] | None = None


def _undo(value: object) -> object:
    """A name alone is the tool."""
    return {"tool": value} if isinstance(value, str) and value != "none" else _none(value)


_Entry = TypeVar("_Entry")
_OrNone: TypeAlias = _Entry | Literal["none"] | None


class ToolEntry(_Part):
    """One tool: how an operation of a source may be used."""

    source: str
    operation: str
    effect: Effect
    #: Empty: it acts with none, as only a tool in Python may that fetches an address from its arguments.
    credential: Credential = ""
    #: Argument (JSON pointer) at the URL that the call has fetched, which a route's `egress` judges.
    reaches: Pointer | None = None
    #: Of a read: JSON pointers into its result (`*`: each item of a list) at people's names.
    names: tuple[Pointers, ...] = ()
    retry: Annotated[
        RetryEntry | None, BeforeValidator(_none, json_schema_input_type=_OrNone[RetryEntry])
    ] = None
    target: Target | None = None
    #: Only ``none``, written out, says that nothing is read before people are asked.
    preview: Annotated[
        PreviewEntry | None, BeforeValidator(_none, json_schema_input_type=_OrNone[PreviewEntry])
    ] = None
    #: Of a read of an ``openapi`` source that does not read with GET: the method, said here too.
    reads_with: Literal["POST"] | None = None
    undo: Annotated[
        UndoEntry | None, BeforeValidator(_undo, json_schema_input_type=UndoEntry | str | None)
    ] = None
    timeout: Annotated[Seconds, Field(ge=1, le=120)] = 20


_SOURCE: Final = TypeAdapter(SourceEntry)
_TOOL: Final = TypeAdapter(ToolEntry)


class ToolFile(BaseModel):
    """A tool file as far as it could be read."""

    sources: dict[str, SourceEntry]
    tools: dict[str, ToolEntry]


_KEYS: Final = ("sources", "tools")


def read_tool_file(source: Source) -> tuple[ToolFile, list[Problem]]:
    """The sound entries of a tool file, and what is wrong with its shape."""
    problems: list[Problem] = []
    whole = source.value
    if not isinstance(whole, dict):
        return ToolFile(sources={}, tools={}), [source.problem((), "a tool file is a mapping of keys")]
    problems += [
        source.problem((key,), f"`{clean(key, 80)}` is no key of a tool file", did_you_mean(key, _KEYS))
        for key in whole
        if key not in _KEYS
    ]
    sources = _entries(source, "sources", TypeAdapter(Address), _SOURCE, problems)
    tools = _entries(source, "tools", TypeAdapter(ToolName), _TOOL, problems)
    return ToolFile(sources=sources, tools=tools), problems


def _entries(
    source: Source, key: str, name: TypeAdapter[str], entry: TypeAdapter[Any], problems: list[Problem]
) -> dict[str, Any]:
    found = source.value.get(key)
    if not isinstance(found, dict) or not found:
        problems.append(source.problem((key,), f"`{key}` is missing, or is no mapping with an entry"))
        return {}
    sound = {}
    for called, body in found.items():
        problems += reserved(source, (key, called), key.removesuffix("s"), str(called))
        try:
            name.validate_python(called)
            sound[called] = entry.validate_python(body)
        except ValidationError as error:
            problems += [_problem(source, (key, called), fault) for fault in error.errors(include_url=False)]
    return sound


def _problem(source: Source, place: Place, fault: ErrorDetails) -> Problem:
    inner = (*place, *fault["loc"])
    shown = clean(".".join(map(str, inner)), 120)
    match fault["type"]:
        case "missing":
            return source.problem(inner[:-1], f"`{shown}` is missing")
        case "extra_forbidden":
            known = (
                *SourceEntry.model_fields,
                *ToolEntry.model_fields,
                *PreviewEntry.model_fields,
                *UndoEntry.model_fields,
            )
            return source.problem(inner, f"`{shown}` is no key here", did_you_mean(str(inner[-1]), known))
        case "value_error":
            return source.problem(inner, f"`{shown}`: {fault['ctx']['error']}")
        case "enum":
            return source.problem(inner, f"`{shown}` takes {fault['ctx']['expected']}")
    return source.problem(inner, f"`{shown}` should be {fault['msg'].removeprefix('Input should be ')}")
