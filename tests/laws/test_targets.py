"""Laws of what a write's target is: named by the arguments, or the only one that the tool has."""

import json
from pathlib import Path
from typing import Any

import pytest

from contracts.action import Prepared
from contracts.errors import Malformed
from contracts.tool import pointed
from tests.laws.openapi_bank import GIVEN, TOOLS, bank, written
from tools.load import LoadedTools, ToolsRefused, load_tools


@pytest.mark.parametrize(
    ("pointer", "target"),
    [
        ("/to/0", "a@x.example"),
        ("/to/1", "7"),
        ("/file/a~1b", "c"),
        ("=profile", "profile"),
    ],
)
def test_a_target_is_found(pointer: str, target: str) -> None:
    """A pointer leads through names and places of a list; a name of its own is itself."""
    assert pointed({"to": ["a@x.example", 7], "file": {"a/b": "c"}}, pointer) == target


@pytest.mark.parametrize(
    "pointer", ["/to", "/to/2", "/to/-1", "/to/00", "/to/\u0660", "/to/0/x", "/flag", "/x"]
)
def test_what_leads_nowhere_is_no_target(pointer: str) -> None:
    """No list, no flag, no place that a list does not have, and no other spelling of one."""
    with pytest.raises(Malformed):
        pointed({"to": ["a", "b"], "flag": True}, pointer)


def _mailing(folder: Path, target: str) -> LoadedTools:
    document: dict[str, Any] = bank()
    transfer = document["components"]["schemas"]["Transfer"]
    transfer["properties"]["recipient"] = {"type": "array", "items": {"type": "string"}}
    text = TOOLS.replace("target: recipient", f"target: {target}").replace(
        'preview: {operation: get_account, args: {account: "/recipient"}}', "preview: none"
    )
    return load_tools(written(folder, json.dumps(document), text), GIVEN)


async def test_the_first_of_a_list_can_be_the_target_and_all_are_shown(tmp_path: Path) -> None:
    """A mail to several is named by its first recipient; the card shows every one of them."""
    loaded = _mailing(tmp_path, "/recipient/0")
    arguments = {"recipient": ["a@x.example", "b@x.example"], "amount": 1}
    operation: Any = loaded.operations["bank.send_money"]
    prepared = await operation.prepare(None, operation.parse(arguments))
    assert isinstance(prepared, Prepared)
    assert prepared.preview.target.startswith("recipient a@x.example")
    assert any("b@x.example" in change.after for change in prepared.preview.changes)


async def test_the_only_thing_that_a_tool_acts_on_is_its_target(tmp_path: Path) -> None:
    """Whatever the arguments are, they are not the target, and all of them are shown."""
    loaded = _mailing(tmp_path, "'=account'")
    operation: Any = loaded.operations["bank.send_money"]
    prepared = await operation.prepare(None, operation.parse({"recipient": ["a"], "amount": 1}))
    assert prepared.preview.target.startswith("account")
    assert {change.field for change in prepared.preview.changes} == {"recipient", "amount"}


@pytest.mark.parametrize("target", ["/recipient", "/recipient/first", "/note/0", "'='", "'=A b'", "'==x'"])
def test_a_target_that_could_not_be_one_is_refused_with_its_line(tmp_path: Path, target: str) -> None:
    """A list itself, a place of what is no list, and a name that is none are no targets."""
    with pytest.raises(ToolsRefused, match=r"tools\.yaml:11: "):
        _mailing(tmp_path, target)
