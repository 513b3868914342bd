"""Block Kit, as far as our cards use it, with Slack's limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from adapters.plain_text import cut, size

Block = dict[str, Any]

SECTION: Final = 3_000
HEADER: Final = 150
BLOCKS: Final = 50


class Heading(StrEnum):
    """Headings within a card."""

    WILL_CHANGE = "What will change"
    CHANGED = "What changed"
    NOT_CHANGED = "What would have changed"
    SENT = "What was sent"
    STAKES = "How bad if it is wrong"
    UNDO = "Can we undo it"
    ASKED = "Who asks, and why"
    DECIDES = "Who decides"


@dataclass(frozen=True, kw_only=True)
class Card:
    """One message."""

    #: For notifications and screen readers; escaped, so that it mentions nobody.
    text: str
    blocks: list[Block]


def plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def header(text: str) -> Block:
    return {"type": "header", "text": plain(cut(text, HEADER))}


def section(text: str) -> Block:
    """Shown whole: without ``expand`` Slack folds a long one behind "see more"."""
    return {"type": "section", "text": plain(text), "expand": True}


def fields(texts: Mapping[str, str]) -> Block:
    """Names with their values, two beside each other."""
    return {"type": "section", "fields": [plain(f"{name}: {value}") for name, value in texts.items()]}


def heading(words: Heading) -> Block:
    """Our own fixed words in bold: the one thing of a card that is markup."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": f"*{words}*"}}


def small(text: str) -> Block:
    return {"type": "context", "elements": [plain(text)]}


def packed(texts: list[str]) -> list[str]:
    """Texts joined line by line into as few sections as hold them."""
    packed: list[str] = []
    for text in texts:
        joined = f"{packed[-1]}\n{text}" if packed else text
        if packed and size(joined) <= SECTION:
            packed[-1] = joined
        else:
            packed.append(text)
    return packed


def button(action_id: str, text: str, value: str, *, style: str = "", confirm: Block | None = None) -> Block:
    """``style``: ``primary``, ``danger`` or none."""
    made: Block = {"type": "button", "action_id": action_id, "value": value, "text": plain(text)}
    return made | ({"style": style} if style else {}) | ({"confirm": confirm} if confirm else {})


def link(action_id: str, text: str, url: str) -> Block:
    return {"type": "button", "action_id": action_id, "url": url, "text": plain(text)}


def confirmation(title: str, text: str, yes: str) -> Block:
    """The dialog between a click and its effect."""
    return {
        "title": plain(title),
        "text": plain(text),
        "confirm": plain(yes),
        "deny": plain("Go back"),
        "style": "primary",
    }
