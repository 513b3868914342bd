"""Tools in Python: a module's mapping of names to the operations that it offers."""

import importlib
import re
from collections.abc import Mapping
from typing import Final

from contracts.errors import Malformed
from tools.operation import Operation, ReadOperation, WriteOperation
from tools.tool_file import SourceEntry

_ATTRIBUTE: Final = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)", re.ASCII)


def operations(source: SourceEntry) -> Mapping[str, Operation]:
    """The operations of a source in Python, by name. Raises Malformed, with a sentence."""
    if source.python is not None:
        return _python(source.python)
    raise Malformed("`mcp` sources are not supported by this version; use `python` or `openapi`")


def _python(name: str) -> Mapping[str, Operation]:
    named = _ATTRIBUTE.fullmatch(name)
    if named is None:
        raise Malformed("a python source is written module:ATTRIBUTE, such as tools.catalogue:HELPDESK")
    try:
        found = getattr(importlib.import_module(named[1]), named[2], None)
    except ImportError as error:
        raise Malformed(f"the module {named[1]} cannot be imported: {error}") from error
    if not isinstance(found, Mapping) or not all(_is_operation(*pair) for pair in found.items()):
        raise Malformed(f"{name} is no mapping of operation names to tools")
    return found


def _is_operation(name: object, operation: object) -> bool:
    return isinstance(name, str) and isinstance(operation, ReadOperation | WriteOperation)
