"""A tool file's entry beside the code of a tool in Python: the tool that both make, or what is wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from contracts.errors import Malformed
from contracts.tool import Retry, ToolSpec
from policies.arguments import check_schema
from policies.problem import did_you_mean
from policies.source import Place
from tools.operation import Operation, ReadOperation, WriteOperation
from tools.outside_read import OutsideRead
from tools.pointers import names_a_text
from tools.tool_file import ToolEntry, ToolFile, UndoEntry


@dataclass(frozen=True, kw_only=True)
class PythonEntries:
    """The entries of one source."""

    file: ToolFile
    offers: Mapping[str, Operation]
    #: Notes a mistake at a place of the tool file.
    note: Callable[[Place, str, str], None]

    def operation(self, name: str) -> Operation | None:
        """The code; None where something was noted."""
        entry = self.file.tools[name]
        operation = self.offers.get(entry.operation)
        if operation is None:
            hint = did_you_mean(entry.operation, self.offers)
            text = f"`{name}`: {entry.source} has no operation `{entry.operation}`"
            self._note((*_place(name), "operation"), text, hint)
        return operation

    def spec(self, name: str, operation: Operation) -> ToolSpec:
        """The tool; what is wrong with it is noted."""
        entry = self.file.tools[name]
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
            undo=entry.undo.tool if entry.undo else None,
            timeout=entry.timeout,
            reaches=entry.reaches,
            names=entry.names,
        )

    def _check(self, name: str, entry: ToolEntry, operation: Operation) -> None:
        try:
            check_schema(operation.schema)
        except Malformed as error:
            self._note(_place(name), f"`{name}`: {error}")
        if entry.reads_with is not None:
            text = f"`{name}`: a tool in Python reads by its own code; remove `reads_with`"
            self._note((*_place(name), "reads_with"), text)
        if isinstance(operation, OutsideRead) != (not entry.credential):
            text = f"`{name}`: only code that reads outside acts with no `credential`, and it with none"
            self._note((*_place(name), "credential"), text)
        if isinstance(operation, WriteOperation) != entry.effect.writes:
            kind = "write" if isinstance(operation, WriteOperation) else "read"
            text = f"`{name}`: the operation is a {kind}, the file says `effect: {entry.effect}`"
            self._note((*_place(name), "effect"), text)
        elif not isinstance(operation, ReadOperation):
            self._check_write(name, entry, operation)

    def _check_write(self, name: str, entry: ToolEntry, operation: Operation) -> None:
        for key in ("target", "preview"):
            if getattr(entry, key) is None:
                self._note(_place(name), f"`{name}` is a {entry.effect}: `tools.{name}.{key}` is missing")
        if entry.target and not names_a_text(operation.schema, entry.target):
            text = f"`{name}`: `{entry.target}` is no required text or integer of the arguments"
            self._note((*_place(name), "target"), text)
        if entry.retry and entry.retry.lookup is not None:
            self._check_lookup(name, entry, operation)
        if entry.undo is not None:
            self._check_undo(name, entry, entry.undo, operation)

    def _check_lookup(self, name: str, entry: ToolEntry, operation: Operation) -> None:
        """A tool in Python looks up by its own code; the file says that it does."""
        if isinstance(operation, WriteOperation) and not operation.finds:
            self._note((*_place(name), "retry"), f"`{name}`: its code has no lookup by key")
        elif entry.retry and entry.retry.lookup != entry.operation:
            text = f"`{name}`: a tool in Python looks up by its own code; write `lookup: {entry.operation}`"
            self._note((*_place(name), "retry", "lookup"), text)

    def _check_undo(self, name: str, entry: ToolEntry, undo: UndoEntry, operation: Operation) -> None:
        """A tool in Python fills its undo by its own code, for one operation of its source."""
        place, by = (*_place(name), "undo"), getattr(operation, "undone_by", "")
        other = self.file.tools.get(undo.tool)
        if undo.args is not None:
            self._note(place, f"`{name}`: a tool in Python fills its undo itself; remove `args`")
        if not by:
            self._note(place, f"`{name}`: its code knows no undo; write `undo: null`")
        elif other is not None and (other.source, other.operation) != (entry.source, by):
            text = f"`{name}`: its code is undone by `{by}` of {entry.source}, which `{undo.tool}` is not"
            self._note(place, text)

    def _preview_credential(self, name: str, entry: ToolEntry) -> str | None:
        """The credential of the tool that reads what the preview shows."""
        if entry.preview is None:
            return None
        place = (*_place(name), "preview")
        for key in ("args", "credential"):
            if getattr(entry.preview, key):
                text = f"`{name}`: a tool in Python fills its preview itself; remove `{key}`"
                self._note((*place, key), text)
        for other in self.file.tools.values():
            same = (other.source, other.operation) == (entry.source, entry.preview.operation)
            if same and not other.effect.writes:
                return other.credential
        text = f"`{name}`: no tool of this file reads `{entry.preview.operation}` of {entry.source}"
        self._note((*place, "operation"), text)
        return None

    def _note(self, place: Place, text: str, hint: str = "") -> None:
        self.note(place, text, hint)


def _place(name: str) -> Place:
    return "tools", name
