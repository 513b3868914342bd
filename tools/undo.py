"""What is wrong with a tool file's undo of a write, held against the arguments of both tools."""

from collections.abc import Iterator, Mapping

from contracts.tool import ToolSpec
from policies.problem import did_you_mean
from tools.pointers import leads, needed
from tools.tool_file import UndoEntry


def undo_problems(entry: UndoEntry, write: ToolSpec, undo: ToolSpec) -> Iterator[str]:
    """Sentences; none: whenever the write can be called, so can its undo."""
    if not undo.effect.writes:
        yield f"`{undo.name}` is a read, which undoes nothing"
        return
    if write.binding is None:
        return  # its code fills the arguments
    taken = _same(write) if entry.args is None else entry.args
    known = undo.schema.get("properties", {})
    for name, pointer in taken.items():
        if name not in known:
            hint = did_you_mean(name, known)
            yield f"`{undo.name}` takes no `{name}`" + (f"; {hint}" if hint else "")
        elif not leads(write.schema, pointer):
            yield f"the write has no argument at `{pointer}`"
    for name in undo.schema.get("required", ()):
        if name not in taken or not needed(write.schema, taken[name]):
            yield f"`{undo.name}` needs `{name}` from a required argument of the write"


def _same(write: ToolSpec) -> Mapping[str, str]:
    return {name: f"/{name}" for name in write.schema.get("properties", {})}
