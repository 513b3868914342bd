"""A tool file as a catalogue and the code behind it: classified by the file, or not loaded at all."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from contracts.errors import Malformed, Refused
from contracts.tool import Catalogue, ToolSpec
from policies.problem import Problem, did_you_mean, told
from policies.schema_parts import mapping
from policies.source import Place, Source, read_source
from tools.addresses import base_urls, given, is_url, origin, variable
from tools.openapi.binding import Binding
from tools.openapi.document import Document
from tools.openapi.entry import ServiceEntries
from tools.openapi.operation import Pinned, build
from tools.openapi.retrieval import retrieve
from tools.operation import Operation
from tools.pointers import names_a_string
from tools.python_entry import PythonEntries
from tools.sources import operations
from tools.tool_file import SourceEntry, ToolEntry, ToolFile, read_tool_file
from tools.undo import undo_problems

Tool: TypeAlias = Operation | Pinned


class ToolsRefused(Refused):
    """The tool file has mistakes; nothing of it takes effect."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.file, problem.line)))
        super().__init__("the tools are refused:\n" + told(self.problems))


@dataclass(frozen=True, kw_only=True)
class LoadedTools:
    """What a tool file comes to where it is published."""

    catalogue: Catalogue
    #: By tool name.
    operations: Mapping[str, Operation]
    #: Base URL by source, of those that have one here.
    addresses: Mapping[str, str]
    #: By tool name: file and line of its entry.
    places: Mapping[str, tuple[str, int]]


@dataclass(frozen=True, kw_only=True)
class WorkerTools:
    """What a tool file comes to on a worker, which asks no service for its document."""

    #: By tool name: code, or what the file says of a described service's tool.
    operations: Mapping[str, Tool]
    #: Base URL by source.
    addresses: Mapping[str, str]
    #: Names of the secrets that the file's tools act with.
    credentials: tuple[str, ...]


def load_tools(file: Path, addresses: Mapping[str, str] | None = None) -> LoadedTools:
    """Read a tool file and the documents of the services that it names. Blocks while it fetches them.

    Args:
        file: documents that are no URL lie beside it.
        addresses: base URLs as ``tools.addresses.given`` reads them; None: of this process's environment.

    Raises:
        ToolsRefused: with everything that is wrong, each with its line.
    """
    loading = _Loading(file, given(os.environ) if addresses is None else addresses)
    coded = dict(loading.coded())
    described = dict(loading.described())
    specs = {name: spec for name, (spec, _) in coded.items()} | described
    loading.check_reaches(specs)
    loading.check_undos(specs)
    loading.check()
    built = {name: build(spec, Binding.read(spec.binding)) for name, spec in described.items()}
    code = {name: operation for name, (_, operation) in coded.items()}
    return LoadedTools(
        catalogue=Catalogue(tools=specs),
        operations=code | built,
        addresses=loading.addresses,
        places=loading.places(),
    )


def load_worker_tools(file: Path, addresses: Mapping[str, str]) -> WorkerTools:
    """Read a tool file for a worker: nothing is fetched. Raises ToolsRefused, as ``load_tools`` does."""
    loading = _Loading(file, addresses)
    coded = dict(loading.coded())
    loading.check_reaches({name: spec for name, (spec, _) in coded.items()})
    loading.check()
    code: dict[str, Tool] = {name: operation for name, (_, operation) in coded.items()}
    entries = loading.entries.tools
    pinned = {name: Pinned(entry=entry) for name, entry in entries.items() if name not in code}
    return WorkerTools(
        operations=code | pinned,
        addresses=loading.addresses,
        credentials=tuple(sorted({entry.credential for entry in entries.values() if entry.credential})),
    )


class _Loading:
    """One pass over a file's sound entries; what is wrong becomes a problem."""

    entries: ToolFile
    #: Base URL by source.
    addresses: Mapping[str, str]

    def __init__(self, file: Path, addresses: Mapping[str, str]) -> None:
        """Raises ToolsRefused where nothing of the file can be read."""
        source, self._problems = read_source(file, file.name)
        if source is None:
            raise ToolsRefused(self._problems)
        self._source: Source = source
        self._folder, self._given = file.parent, addresses
        self.entries, wrong = read_tool_file(source)
        self._problems += wrong
        self.addresses = self._addresses()
        self._check_entries()

    def places(self) -> dict[str, tuple[str, int]]:
        """By tool name: file and line of its entry."""
        return {name: (self._source.file, self._source.line(("tools", name))) for name in self.entries.tools}

    def check(self) -> None:
        """Raises ToolsRefused where anything is wrong."""
        if self._problems:
            raise ToolsRefused(self._problems)

    def coded(self) -> Iterator[tuple[str, tuple[ToolSpec, Operation]]]:
        """The tools in Python, by name."""
        for source, entry in self.entries.sources.items():
            if entry.openapi is not None:
                continue
            try:
                entries = PythonEntries(file=self.entries, offers=operations(entry), note=self._note)
            except Malformed as error:
                self._note(("sources", source), f"`sources.{source}`: {error}")
                continue
            for name in self._tools_of(source):
                operation = entries.operation(name)
                if operation is not None:
                    yield name, (entries.spec(name, operation), operation)

    def described(self) -> Iterator[tuple[str, ToolSpec]]:
        """The tools of services, by name; their documents are fetched."""
        for source, entry in self.entries.sources.items():
            if entry.openapi is None:
                continue
            try:
                entries = self._service(source, entry.openapi)
            except Malformed as error:
                self._note(("sources", source), f"`sources.{source}`: {error}")
                continue
            for name in self._tools_of(source):
                spec = entries.spec(name)
                if spec is not None:
                    yield name, spec

    def _service(self, source: str, where: str) -> ServiceEntries:
        address = self._given.get(variable(source))
        if address is None and not is_url(where) and "://" not in where:
            raise Malformed(
                f"a file does not say where the service is: set {variable(source)} to its base URL"
            )
        document = Document.read(retrieve(where, self._folder))
        return ServiceEntries(
            file=self.entries, document=document, variable=variable(source), address=address, note=self._note
        )

    def _tools_of(self, source: str) -> list[str]:
        return [name for name, entry in self.entries.tools.items() if entry.source == source]

    def _addresses(self) -> Mapping[str, str]:
        for source, entry in self.entries.sources.items():
            self._check_source(source, entry)
        try:
            return base_urls(self.entries.sources, self._given)
        except Malformed:
            return {}  # noted with its source

    def _check_source(self, source: str, entry: SourceEntry) -> None:
        twins = [name for name in self.entries.sources if variable(name) == variable(source)]
        if twins[0] != source:
            text = f"`{source}` and `{twins[0]}` would have one address, {variable(source)}"
            self._note(("sources", source), text, "rename one")
        try:
            if entry.openapi is not None and is_url(entry.openapi):
                origin(entry.openapi)
        except Malformed as error:
            self._note(("sources", source), f"`sources.{source}`: {error}")

    def _check_entries(self) -> None:
        """What holds of every tool, whatever its source."""
        raw = mapping(self._source.value)
        sources, tools = mapping(raw.get("sources")), mapping(raw.get("tools"))
        for name, entry in self.entries.tools.items():
            if entry.source not in sources:
                hint = did_you_mean(entry.source, self.entries.sources)
                self._note(("tools", name, "source"), f"`{name}`: there is no source `{entry.source}`", hint)
            if entry.effect.writes and entry.undo is not None and entry.undo.tool not in tools:
                text = f"`{name}`: there is no tool `{entry.undo.tool}` to undo it"
                self._note(("tools", name, "undo"), text, did_you_mean(entry.undo.tool, tools))
            for key in ("retry", "target", "preview", "undo"):
                if not entry.effect.writes and getattr(entry, key) is not None:
                    self._note(("tools", name, key), f"`{name}` is a read: `{key}` belongs to writes")
            self._check_marks(name, entry)

    def _check_marks(self, name: str, entry: ToolEntry) -> None:
        """A tool without a credential has somewhere else to go, and code that goes there."""
        if entry.names and entry.effect.writes:
            self._note(("tools", name, "names"), f"`{name}` is a {entry.effect}: `names` belongs to reads")
        source = self.entries.sources.get(entry.source)
        if not entry.credential and (entry.reaches is None or source is None or source.python is None):
            text = f"`{name}`: `tools.{name}.credential` is missing"
            hint = "only a tool in Python that says what it `reaches` acts with none"
            self._note(("tools", name), text, hint)

    def check_reaches(self, specs: Mapping[str, ToolSpec]) -> None:
        """That what a tool reaches is one of its arguments, and a text."""
        for name, spec in specs.items():
            if spec.reaches is not None and not names_a_string(spec.schema, spec.reaches):
                text = f"`{name}`: `{spec.reaches}` is no text among the arguments"
                known = [f"/{argument}" for argument in spec.schema.get("properties", {})]
                self._note(("tools", name, "reaches"), text, did_you_mean(spec.reaches, known))

    def check_undos(self, specs: Mapping[str, ToolSpec]) -> None:
        """That each undo can be called with what its write knows; of tools in Python their code says so."""
        for name, entry in self.entries.tools.items():
            write, undo = specs.get(name), specs.get(entry.undo.tool) if entry.undo else None
            if entry.undo is None or write is None or undo is None:
                continue
            for text in undo_problems(entry.undo, write, undo):
                self._note(("tools", name, "undo"), f"`{name}`: its undo: {text}")

    def _note(self, place: Place, text: str, hint: str = "") -> None:
        problem = self._source.problem(place, text, hint)
        if problem not in self._problems:
            self._problems.append(problem)
