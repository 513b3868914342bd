"""A tool file's entry beside the service's document: the tool that both make, or what is wrong."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from contracts.digest import digest
from contracts.errors import Malformed
from contracts.tool import Retry, ToolSpec
from policies.problem import did_you_mean
from policies.source import Place
from tools.openapi.binding import Binding, Endpoint, KeyLookup, PreviewRead
from tools.openapi.document import Document, Elsewhere
from tools.openapi.offer import Offer, offer
from tools.pointers import leads, names_a_text
from tools.tool_file import PreviewEntry, ToolEntry, ToolFile

_SAFE: Final = ("GET", "HEAD")
_ASKED: Final = " A person reviews each call before it happens."


@dataclass(frozen=True, kw_only=True)
class ServiceEntries:
    """The entries of one source."""

    file: ToolFile
    document: Document
    #: The setting that gives a base URL, and what it says; None: the document's own origin.
    variable: str
    address: str | None
    #: Notes a mistake at a place of the tool file.
    note: Callable[[Place, str, str], None]

    def spec(self, name: str) -> ToolSpec | None:
        """The tool; None where something was noted."""
        entry = self.file.tools[name]
        try:
            found = offer(self.document, entry.operation, self.address)
        except Elsewhere as error:
            text = f"`sources.{entry.source}`: {error}"
            self.note(("sources", entry.source), text, f"set {self.variable} to it")
            return None
        except Malformed as error:
            self.note(("tools", name, "operation"), f"`{name}`: {error}", "")
            return None
        binding = self._bound(name, entry, found)
        return None if binding is None else self._spec(name, entry, found, binding)

    def _spec(self, name: str, entry: ToolEntry, found: Offer, binding: Binding) -> ToolSpec | None:
        reads = binding.preview is not None or binding.lookup is not None
        credential = self._read_credential(name, entry) if reads else None
        if reads and credential is None:
            return None
        pinned = binding.document()
        return ToolSpec(
            name=name,
            version=digest({"schema": found.schema, "binding": pinned}),
            address=entry.source,
            effect=entry.effect,
            description=found.description + (_ASKED if entry.effect.writes else ""),
            schema=found.schema,
            credential=entry.credential,
            read_credential=credential,
            retry=entry.retry.retry() if entry.retry else Retry(),
            target=entry.target,
            undo=entry.undo.tool if entry.undo else None,
            timeout=entry.timeout,
            reaches=entry.reaches,
            names=entry.names,
            binding=pinned,
        )

    def _bound(self, name: str, entry: ToolEntry, found: Offer) -> Binding | None:
        if not entry.effect.writes:
            sound = self._check_read(name, entry, found.endpoint)
            return Binding(endpoint=found.endpoint) if sound else None
        sound = self._check_write(name, entry, found)
        preview, lookup = None, None
        try:
            preview = self._preview(entry.preview, found) if entry.preview else None
        except Malformed as error:
            sound = self._wrong(name, "preview", error)
        try:
            lookup = self._lookup(entry.retry.lookup) if entry.retry and entry.retry.lookup else None
        except Malformed as error:
            sound = self._wrong(name, "retry", error)
        undo = entry.undo.args if entry.undo else None
        return Binding(endpoint=found.endpoint, preview=preview, lookup=lookup, undo=undo) if sound else None

    def _wrong(self, name: str, key: str, error: Malformed) -> bool:
        self.note(("tools", name, key), f"`{name}`: its {key}: {error}", "")
        return False

    def _check_read(self, name: str, entry: ToolEntry, endpoint: Endpoint) -> bool:
        method = endpoint.method
        if method in (*_SAFE, entry.reads_with) and (entry.reads_with is None or method not in _SAFE):
            return True
        if method in _SAFE:
            text = f"`{name}` reads with {method}: remove `reads_with`"
        elif method == "POST":
            text = (
                f"`{name}`: `{entry.operation}` is a POST, which writes unless the service says otherwise:"
                " declare it a write, or write `reads_with: POST` if you know that it only reads"
            )
        else:
            text = f"`{name}`: `{entry.operation}` is a {method}, which is no read: declare it a write"
        self.note(("tools", name, "effect"), text, "")
        return False

    def _check_write(self, name: str, entry: ToolEntry, found: Offer) -> bool:
        problems = list(self._write_problems(name, entry, found))
        for key, text in problems:
            self.note(("tools", name, *key), f"`{name}`: {text}", "")
        return not problems

    def _write_problems(
        self, name: str, entry: ToolEntry, found: Offer
    ) -> Iterator[tuple[tuple[str, ...], str]]:
        method = found.endpoint.method
        if method in _SAFE:
            yield ("effect",), f"`{entry.operation}` is a {method}, which must not write: declare it a read"
        if entry.reads_with is not None:
            yield ("reads_with",), "`reads_with` belongs to reads"
        if entry.preview is None and "preview" not in entry.model_fields_set:
            text = f"`tools.{name}.preview` is missing; write `preview: none` if there is nothing to read"
            yield (), f"it is a {entry.effect}: {text}"
        if entry.target is None:
            yield (), f"it is a {entry.effect}: `tools.{name}.target` is missing"
        elif not names_a_text(found.schema, entry.target):
            known = [f"/{argument}" for argument in found.schema["required"]]
            hint = did_you_mean(entry.target, known)
            text = f"`{entry.target}` is no required text or integer of the arguments"
            yield ("target",), text + (f"; {hint}" if hint else "")

    # What a write reads

    def _preview(self, entry: PreviewEntry, write: Offer) -> PreviewRead:
        read = self._reading(entry.operation)
        for name, pointer in entry.args.items():
            if name not in read.schema["properties"]:
                hint = did_you_mean(name, read.schema["properties"])
                raise Malformed(f"`{entry.operation}` takes no `{name}`" + (f"; {hint}" if hint else ""))
            if not leads(write.schema, pointer):
                raise Malformed(f"the write has no argument at `{pointer}`")
        for name in read.schema["required"]:
            if not names_a_text(write.schema, entry.args.get(name, "")):
                raise Malformed(f"`{entry.operation}` needs `{name}` from a required argument of the write")
        return PreviewRead(endpoint=read.endpoint, schema=read.schema, args=entry.args)

    def _lookup(self, operation: str) -> KeyLookup:
        read = self._reading(operation)
        required = read.schema["required"]
        if len(required) != 1 or not names_a_text(read.schema, f"/{required[0]}"):
            raise Malformed(f"`{operation}` needs exactly one required argument, a text, to take the key")
        return KeyLookup(endpoint=read.endpoint, key=required[0])

    def _reading(self, operation: str) -> Offer:
        found = offer(self.document, operation, self.address)
        if found.endpoint.method != "GET":
            raise Malformed(f"`{operation}` is a {found.endpoint.method}: only a GET is made unasked")
        return found

    def _read_credential(self, name: str, entry: ToolEntry) -> str | None:
        """The preview's own, or that of the tools that read: of this operation, else all of this source."""
        if entry.preview is not None and entry.preview.credential is not None:
            return entry.preview.credential
        reads = [
            tool
            for tool in self.file.tools.values()
            if tool.source == entry.source and tool.credential and not tool.effect.writes
        ]
        wanted = entry.preview.operation if entry.preview else (entry.retry and entry.retry.lookup)
        same = {tool.credential for tool in reads if tool.operation == wanted}
        found = same or {tool.credential for tool in reads}
        if len(found) == 1:
            return found.pop()
        why = "no tool of the file reads from it" if not found else f"{', '.join(sorted(found))} could be"
        text = f"`{name}`: with which credential `{wanted}` is read is not said ({why})"
        hint = "write `preview: {…, credential: NAME}`, or " if entry.preview else ""
        self.note(("tools", name), text, f"{hint}add a tool that reads it")
        return None
