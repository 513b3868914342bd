"""A tool file as a catalogue and the code behind it: classified by the file, or not loaded at all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.digest import Json
from contracts.errors import Malformed, Refused
from contracts.tool import Catalogue, Retry, ToolSpec
from policies.arguments import check_schema
from policies.problem import Problem, did_you_mean
from policies.source import Place, Source, read_source
from tools.operation import Operation, ReadOperation, WriteOperation
from tools.sources import operations
from tools.tool_file import ToolEntry, ToolFile, read_tool_file


class ToolsRefused(Refused):
    """The tool file has mistakes; nothing of it takes effect."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.file, problem.line)))
        super().__init__("the tools are refused: " + "\n".join(map(str, self.problems)))


@dataclass(frozen=True, kw_only=True)
class LoadedTools:
    """What a tool file comes to."""

    catalogue: Catalogue
    #: Code by tool name.
    operations: Mapping[str, Operation]
    #: By tool name: file and line of its entry.
    places: Mapping[str, tuple[str, int]]


def load_tools(file: Path) -> LoadedTools:
    """Read a tool file. Raises ToolsRefused with everything that is wrong, each with its line."""
    source, problems = read_source(file, file.name)
    if source is None:
        raise ToolsRefused(problems)
    entries, wrong = read_tool_file(source)
    loading = _Loading(source, entries)
    loaded = loading.loaded()
    problems += [*wrong, *loading.problems]
    if problems:
        raise ToolsRefused(problems)
    return loaded


class _Loading:
    """One pass over a file's sound entries."""

    def __init__(self, source: Source, entries: ToolFile) -> None:
        self.problems: list[Problem] = []
        self._source, self._entries = source, entries
        self._offers = dict(self._offered())

    def loaded(self) -> LoadedTools:
        found = {name: self._operation(name, entry) for name, entry in self._entries.tools.items()}
        sound = {name: operation for name, operation in found.items() if operation is not None}
        specs = {name: self._spec(name, operation) for name, operation in sound.items()}
        places = {name: (self._source.file, self._source.line(("tools", name))) for name in sound}
        return LoadedTools(catalogue=Catalogue(tools=specs), operations=sound, places=places)

    def _offered(self) -> Iterator[tuple[str, Mapping[str, Operation]]]:
        for name, source in self._entries.sources.items():
            try:
                yield name, operations(source)
            except Malformed as error:
                self._note(("sources", name), f"`sources.{name}`: {error}")

    def _operation(self, name: str, entry: ToolEntry) -> Operation | None:
        place = ("tools", name)
        if entry.source not in self._source.value.get("sources", {}):
            self._note((*place, "source"), f"`{name}`: there is no source `{entry.source}`")
            return None
        offers = self._offers.get(entry.source)
        if offers is None:
            return None  # the source's own problem was noted
        operation = offers.get(entry.operation)
        if operation is None:
            hint = did_you_mean(entry.operation, offers)
            text = f"`{name}`: {entry.source} has no operation `{entry.operation}`"
            self._note((*place, "operation"), text, hint)
        return operation

    def _spec(self, name: str, operation: Operation) -> ToolSpec:
        entry = self._entries.tools[name]
        self._check(name, entry, operation)
        return ToolSpec(
            name=name,
            version=operation.version,
            address=entry.source,
            effect=entry.effect,
            description=operation.description,
            schema=operation.schema,
            credential=entry.credential,
            read_credential=self._preview_credential(name, entry),
            retry=entry.retry.retry() if entry.retry else Retry(),
            target=entry.target,
            undo=entry.undo,
            timeout=entry.timeout,
        )

    def _check(self, name: str, entry: ToolEntry, operation: Operation) -> None:
        try:
            check_schema(operation.schema)
        except Malformed as error:
            self._note(("tools", name), f"`{name}`: {error}")
        if isinstance(operation, WriteOperation) != entry.effect.writes:
            kind = "write" if isinstance(operation, WriteOperation) else "read"
            text = f"`{name}`: the operation is a {kind}, the file says `effect: {entry.effect}`"
            self._note(("tools", name, "effect"), text)
        elif isinstance(operation, ReadOperation):
            self._check_read(name, entry)
        else:
            self._check_write(name, entry, operation)

    def _check_read(self, name: str, entry: ToolEntry) -> None:
        for key in ("retry", "target", "preview", "undo"):
            if getattr(entry, key) is not None:
                self._note(("tools", name, key), f"`{name}` is a read: `{key}` belongs to writes")

    def _check_write(self, name: str, entry: ToolEntry, operation: Operation) -> None:
        for key in ("target", "preview"):
            if getattr(entry, key) is None:
                self._note(("tools", name), f"`{name}` is a {entry.effect}: `tools.{name}.{key}` is missing")
        if entry.target and not _names_a_text(operation.schema, entry.target):
            text = f"`{name}`: `{entry.target}` is no required text or integer of the arguments"
            self._note(("tools", name, "target"), text)
        if entry.undo is not None and entry.undo not in self._source.value["tools"]:
            self._note(("tools", name, "undo"), f"`{name}`: there is no tool `{entry.undo}` to undo it")
        if entry.retry and entry.retry.lookup is not None:
            self._check_lookup(name, entry, operation)

    def _check_lookup(self, name: str, entry: ToolEntry, operation: Operation) -> None:
        """A tool in Python looks up by its own code; the file says that it does."""
        if isinstance(operation, WriteOperation) and not operation.finds:
            self._note(("tools", name, "retry"), f"`{name}`: its code has no lookup by key")
        elif entry.retry and entry.retry.lookup != entry.operation:
            text = f"`{name}`: a tool in Python looks up by its own code; write `lookup: {entry.operation}`"
            self._note(("tools", name, "retry", "lookup"), text)

    def _preview_credential(self, name: str, entry: ToolEntry) -> str | None:
        """The credential of the tool that reads what the preview shows."""
        if entry.preview is None:
            return None
        place: Place = ("tools", name, "preview")
        if entry.preview.args:
            self._note(
                (*place, "args"), f"`{name}`: a tool in Python fills its preview itself; remove `args`"
            )
        for other in self._entries.tools.values():
            same = (other.source, other.operation) == (entry.source, entry.preview.operation)
            if same and not other.effect.writes:
                return other.credential
        text = f"`{name}`: no tool of this file reads `{entry.preview.operation}` of {entry.source}"
        self._note((*place, "operation"), text)
        return None

    def _note(self, place: Place, text: str, hint: str = "") -> None:
        self.problems.append(self._source.problem(place, text, hint))


def _names_a_text(schema: Json, pointer: str) -> bool:
    """Whether a JSON pointer leads through required properties to a text or an integer."""
    for part in pointer.removeprefix("/").split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(schema, dict) or name not in schema.get("required", ()):
            return False
        schema = schema.get("properties", {}).get(name)
    return isinstance(schema, dict) and schema.get("type") in ("string", "integer")
