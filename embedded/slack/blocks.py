"""Block Kit as Slack documents it: which blocks and elements there are, and how long each part may be.

Limits are those of Slack's Block Kit reference (blocks, block elements, composition objects). Block types
that the page does not draw (images, rich text, video …) are refused rather than shown wrongly.
"""

import secrets
from collections import Counter
from typing import Any

from embedded.slack.checks import (
    Check,
    Findings,
    Json,
    boolean,
    both,
    integer,
    link,
    listing,
    one_of,
    shape,
    string,
    variant,
)

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
#: Characters of all texts in a message's blocks; past this Slack answers msg_blocks_too_long. Slack does not
#: document the number; slackapi/bolt-js#2509 measured between 13,172 and 13,297.
BLOCKS_TEXT = 13_200

_TYPE = string(255)
_ID = string(255)


def _plain(most: int) -> Check:
    return variant({"plain_text": shape({"type": _TYPE, "text": string(most)}, {"emoji": boolean})})


def _text(most: int) -> Check:
    return variant(
        {
            "plain_text": shape({"type": _TYPE, "text": string(most)}, {"emoji": boolean}),
            "mrkdwn": shape({"type": _TYPE, "text": string(most)}, {"verbatim": boolean}),
        }
    )


_CONFIRM = shape(
    {"title": _plain(100), "text": _text(300), "confirm": _plain(30), "deny": _plain(30)},
    {"style": one_of("primary", "danger")},
)
_BUTTON = shape(
    {"type": _TYPE, "text": _plain(75)},
    {
        "action_id": _ID,
        "value": string(2000),
        "url": link(3000),
        "style": one_of("primary", "danger"),
        "confirm": _CONFIRM,
        "accessibility_label": string(75),
    },
)


def _length_possible(found: Findings, pointer: str, value: Json) -> None:
    least, most = value.get("min_length"), value.get("max_length")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        found.add(f"{pointer}/min_length", "must not be greater than `max_length`")


_OPTION = shape({"text": _plain(75), "value": string(150)}, {"description": _plain(75)})
_PLAIN_TEXT_INPUT = both(
    shape(
        {"type": _TYPE},
        {
            "action_id": _ID,
            "placeholder": _plain(150),
            "initial_value": string(3000, least=0),
            "multiline": boolean,
            "min_length": integer(0, 3000),
            "max_length": integer(1, 3000),
            "focus_on_load": boolean,
        },
    ),
    _length_possible,
)
_STATIC_SELECT = shape(
    {"type": _TYPE, "options": listing(_OPTION, most=100)},
    {"action_id": _ID, "placeholder": _plain(150), "initial_option": _OPTION, "focus_on_load": boolean},
)
_BUTTONS = variant({"button": _BUTTON})


def _says_something(found: Findings, pointer: str, value: Json) -> None:
    if not value.keys() & {"text", "fields"}:
        found.add(pointer, "must define either `text` or `fields`")


def _own_action_ids(found: Findings, pointer: str, value: Json) -> None:
    elements = value.get("elements")
    if isinstance(elements, list):
        ids = Counter(str(e["action_id"]) for e in elements if isinstance(e, dict) and "action_id" in e)
        for name in (name for name, count in ids.items() if count > 1):
            found.add(f"{pointer}/elements", f"`action_id` {name} already exists within the same block")


_BLOCK_ID: dict[str, Check] = {"block_id": _ID}
_ANYWHERE: dict[str, Check] = {
    "header": shape({"type": _TYPE, "text": _plain(150)}, _BLOCK_ID),
    "section": both(
        shape(
            {"type": _TYPE},
            _BLOCK_ID
            | {
                "text": _text(3000),
                "fields": listing(_text(2000), most=10),
                "accessory": _BUTTONS,
                "expand": boolean,
            },
        ),
        _says_something,
    ),
    "context": shape({"type": _TYPE, "elements": listing(_text(3000), most=10)}, _BLOCK_ID),
    "divider": shape({"type": _TYPE}, _BLOCK_ID),
    "actions": both(
        shape({"type": _TYPE, "elements": listing(_BUTTONS, most=25)}, _BLOCK_ID), _own_action_ids
    ),
}
_INPUT = shape(
    {
        "type": _TYPE,
        "label": _plain(2000),
        "element": variant({"plain_text_input": _PLAIN_TEXT_INPUT, "static_select": _STATIC_SELECT}),
    },
    _BLOCK_ID | {"hint": _plain(2000), "optional": boolean},
)


def _own_block_ids(found: Findings, pointer: str, value: Any) -> None:
    if isinstance(value, list):
        ids = Counter(str(b["block_id"]) for b in value if isinstance(b, dict) and "block_id" in b)
        for name in (name for name, count in ids.items() if count > 1):
            found.add(pointer, f"`block_id` {name} already exists")


MESSAGE: Check = both(listing(variant(_ANYWHERE), most=MESSAGE_BLOCKS, least=0), _own_block_ids)
_VIEW = shape(
    {
        "type": one_of("modal"),
        "title": _plain(24),
        "blocks": both(listing(variant(_ANYWHERE | {"input": _INPUT}), most=VIEW_BLOCKS), _own_block_ids),
    },
    {
        "submit": _plain(24),
        "close": _plain(24),
        "private_metadata": string(3000, least=0),
        "callback_id": string(255, least=0),
        "external_id": string(255, least=0),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
        "submit_disabled": boolean,
    },
)


def _inputs(view: Any) -> list[Json]:
    """Input blocks of what may be no view at all."""
    blocks = view.get("blocks") if isinstance(view, dict) else None
    known = blocks if isinstance(blocks, list) else []
    return [block for block in known if isinstance(block, dict) and block.get("type") == "input"]


def _input_needs_submit(found: Findings, pointer: str, value: Any) -> None:
    if _inputs(value) and "submit" not in value:
        found.add(f"{pointer}/submit", "`submit` is required when an input block is present")


def _one_focus(found: Findings, pointer: str, value: Any) -> None:
    elements = [block.get("element") for block in _inputs(value)]
    if sum(isinstance(e, dict) and e.get("focus_on_load") is True for e in elements) > 1:
        found.add(f"{pointer}/blocks", "only one element can have `focus_on_load` set to true")


VIEW: Check = both(_VIEW, _input_needs_submit, _one_focus)


def complaints(check: Check, pointer: str, value: Any) -> list[str]:
    """Everything wrong with the value, in Slack's words; empty when it is right."""
    found = Findings()
    check(found, pointer, value)
    return found.messages


def text_length(blocks: Any) -> int:
    """Characters in all text objects, however deep."""
    if isinstance(blocks, list):
        return sum(map(text_length, blocks))
    if isinstance(blocks, dict):
        own = blocks.get("text") if blocks.get("type") in ("plain_text", "mrkdwn") else None
        return len(own) if isinstance(own, str) else sum(map(text_length, blocks.values()))
    return 0


def completed(value: Any) -> Any:
    """The blocks as Slack keeps and echoes them: ids and text flags that the app left out are filled in."""
    if isinstance(value, list):
        return [completed(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("type")
    filled = {key: completed(entry) for key, entry in value.items()}
    if kind == "plain_text":
        return filled | {"emoji": value.get("emoji", True)}
    if kind == "mrkdwn":
        return filled | {"verbatim": value.get("verbatim", False)}
    if kind in _ANYWHERE or kind == "input":
        return filled | {"block_id": value.get("block_id") or secrets.token_urlsafe(4)}
    if kind in ("button", "plain_text_input", "static_select"):
        return filled | {"action_id": value.get("action_id") or secrets.token_urlsafe(4)}
    return filled
