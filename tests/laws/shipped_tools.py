"""The shipped tools, loaded once, and whether one of them takes arguments."""

from pathlib import Path

import tools
from contracts.digest import Json
from contracts.errors import Malformed
from policies.arguments import fault
from tools.load import load_tools

LOADED = load_tools(Path(tools.__file__).with_name("helpdesk.yaml"))
SPECS = LOADED.catalogue.tools


def accepts(tool: str, arguments: Json) -> bool:
    """Whether the tool takes them: what policy says by the schema, and the code for itself."""
    by_schema = fault(SPECS[tool].schema, arguments) is None
    try:
        LOADED.operations[tool].parse(arguments)
    except Malformed:
        assert not by_schema, arguments
        return False
    assert by_schema, arguments
    return True
