"""JSON Schema of a tool file, for editors."""

from typing import Final

from pydantic import TypeAdapter

from contracts.digest import Json
from policies.editor_schema import described, document
from tools.tool_file import (
    Address,
    NativeEntry,
    PreviewEntry,
    RetryEntry,
    SourceEntry,
    ToolEntry,
    ToolName,
    UndoEntry,
)

_PARTS: Final = (RetryEntry, NativeEntry, PreviewEntry, UndoEntry)


def tools_schema() -> Json:
    """Of a tool file."""
    source, tool = described(SourceEntry, ()), described(ToolEntry, _PARTS)
    parts = tool.pop("$defs")
    for entry in (parts["RetryEntry"], source):
        entry |= {"minProperties": 1}
    source |= {"maxProperties": 1}
    return document(
        "Tools, their sources and effects",
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["sources", "tools"],
            "properties": {
                "sources": _named(source, TypeAdapter(Address)),
                "tools": _named(tool, TypeAdapter(ToolName)),
            },
            "$defs": parts,
        },
    )


def _named(entry: Json, name: TypeAdapter[str]) -> Json:
    return {
        "type": "object",
        "minProperties": 1,
        "propertyNames": name.json_schema(),
        "additionalProperties": entry,
    }
