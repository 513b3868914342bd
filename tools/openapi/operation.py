"""The tools of a described service, built from what a run pinned; a worker needs no document."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from contracts.action import Prepared
from contracts.digest import Json
from contracts.errors import Malformed, Unknown
from contracts.tool import Retry, ToolSpec, pointed
from contracts.toolbox import Answer
from policies.arguments import fault
from tools.openapi import preview
from tools.openapi.binding import Binding, Endpoint, PreviewRead
from tools.operation import Operation, Reader, ReadOperation, WriteOperation
from tools.reply import Reply
from tools.session import ReadRequest, WriteRequest
from tools.tool_file import PreviewEntry, ToolEntry

Values: TypeAlias = Mapping[str, Json]

#: The key names the target, and a header carries the key.
_CARRIED: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?")


class ServiceRead(ReadOperation[Values]):
    """A read."""

    def __init__(self, spec: ToolSpec, binding: Binding) -> None:
        self.version, self.description = spec.version, spec.description
        self._schema, self._endpoint = spec.schema, binding.endpoint
        self.posts = binding.endpoint.method == "POST"

    @property
    def schema(self) -> Json:
        return self._schema

    def parse(self, arguments: Json) -> Values:
        return _parsed(self._schema, arguments)

    async def read(self, session: Reader, arguments: Values) -> Json:
        return _content(await session.ask(self._endpoint.reading(arguments)))


class ServiceWrite(WriteOperation[Values]):
    """A write."""

    def __init__(self, spec: ToolSpec, binding: Binding) -> None:
        self.version, self.description = spec.version, spec.description
        self._spec, self._binding = spec, binding
        self.finds = binding.lookup is not None

    @property
    def schema(self) -> Json:
        return self._spec.schema

    def parse(self, arguments: Json) -> Values:
        parsed = _parsed(self._spec.schema, arguments)
        if not _CARRIED.fullmatch(pointed(parsed, self._spec.target or "")):
            raise Malformed(
                "the target is no text of 1 to 200 visible ASCII characters, which a key can name"
            )
        return parsed

    async def prepare(self, session: Reader, arguments: Values) -> Prepared | Answer:
        """Before a person is asked it is seen, too, that the request can be made of these arguments."""
        endpoint = self._binding.endpoint
        endpoint.writing(arguments)
        undo = self._undo(arguments)
        if self._binding.preview is None:
            return Prepared(preview=preview.unseen(self._spec, endpoint, arguments), undo_arguments=undo)
        reply = await session.ask(_previewing(self._binding.preview, arguments))
        shown = preview.seen(self._spec, endpoint, arguments, reply.document)
        return Prepared(preview=shown, version=_version(reply), undo_arguments=undo)

    def _undo(self, arguments: Values) -> Json:
        """What the tool file says that the undo takes; of a described service nothing else is known."""
        if self._spec.undo is None:
            return None
        return dict(arguments) if self._binding.undo is None else _taken(arguments, self._binding.undo)

    async def current(self, session: Reader, arguments: Values) -> str:
        if self._binding.preview is None:
            return ""
        return _version(await session.ask(_previewing(self._binding.preview, arguments)))

    def request(self, arguments: Values) -> WriteRequest:
        return self._binding.endpoint.writing(arguments)

    def result(self, reply: Reply) -> Json:
        return _content(reply)

    async def find(self, session: Reader, key: str) -> Json | None:
        lookup = self._binding.lookup
        if lookup is None:
            return await super().find(session, key)
        reply = await session.seek(lookup.endpoint.reading({lookup.key: key}))
        return None if reply is None or _nothing(reply.document) else _content(reply)


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """A tool of a described service on a worker: what the worker's own tool file says of it."""

    entry: ToolEntry

    def operation(self, spec: ToolSpec) -> Operation:
        """The tool as the run pinned it.

        Raises:
            Unknown: this worker's file says otherwise of what it does, as whom, or where; then nothing does.
        """
        binding = Binding.read(spec.binding)
        if _said(self.entry) != _bound(spec, binding) or not self._may_call(binding.endpoint):
            raise Unknown(f"this worker's tool file speaks otherwise of {spec.name} than the run pinned it")
        return build(spec, binding)

    def _may_call(self, endpoint: Endpoint) -> bool:
        if self.entry.effect.writes:
            return endpoint.method not in ("GET", "HEAD")
        return endpoint.method in ("GET", "HEAD", self.entry.reads_with)


def build(spec: ToolSpec, binding: Binding) -> Operation:
    """The tool of a spec."""
    return ServiceWrite(spec, binding) if spec.effect.writes else ServiceRead(spec, binding)


def _said(entry: ToolEntry) -> tuple[object, ...]:
    shown: PreviewEntry | None = entry.preview
    lookup = entry.retry.lookup if entry.retry else None
    reads = shown.operation if shown else None
    kind = entry.retry.retry().kind if entry.retry else Retry().kind
    undo = (entry.undo.tool, entry.undo.args) if entry.undo else (None, None)
    acts = entry.source, entry.operation, entry.effect, entry.credential, entry.reaches
    return (*acts, reads, lookup, kind, undo)


def _bound(spec: ToolSpec, binding: Binding) -> tuple[object, ...]:
    reads = binding.preview.endpoint.operation if binding.preview else None
    lookup = binding.lookup.endpoint.operation if binding.lookup else None
    named = binding.endpoint.operation
    undo = spec.undo, binding.undo
    acts = spec.address, named, spec.effect, spec.credential, spec.reaches
    return (*acts, reads, lookup, spec.retry.kind, undo)


def _parsed(schema: Json, arguments: Json) -> Values:
    wrong = fault(schema, arguments)
    if wrong is not None:
        raise Malformed(f"the arguments do not fit: {wrong}")
    parsed: Values = arguments
    return parsed


def _previewing(read: PreviewRead, arguments: Values) -> ReadRequest:
    return read.endpoint.reading(_parsed(read.schema, _taken(arguments, read.args)))


def _taken(arguments: Values, pointers: Mapping[str, str]) -> dict[str, Json]:
    """Arguments of another call by their pointers into these; what is not there is left out."""
    taken = {name: _at(arguments, pointer) for name, pointer in pointers.items()}
    return {name: value for name, value in taken.items() if value is not None}


def _at(arguments: Json, pointer: str) -> Json:
    for part in pointer.removeprefix("/").split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        arguments = arguments.get(name) if isinstance(arguments, dict) else None
    return arguments


def _version(reply: Reply) -> str:
    """A weak ETag says that two versions look alike, which is not enough to write on (RFC 9110, 13.1.1)."""
    return "" if reply.etag.startswith("W/") else reply.etag


def _content(reply: Reply) -> Json:
    """What a service said; of an empty answer, that there was a good one."""
    return {"status": reply.status} if reply.document is None and not reply.note else reply.content()


def _nothing(document: Json) -> bool:
    """Whether an answer to a lookup holds no write: a claim that one happened needs something to stand on."""
    if not isinstance(document, dict):
        return not document
    lists = [value for value in document.values() if isinstance(value, list)]
    return not any(lists) if lists else not any(document.values())
