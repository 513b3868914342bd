"""The form that asks for the reason of a denial, as a modal of Slack's.

Like a card it is ``plain_text`` alone, and what outsiders wrote is spelled out and cut.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from adapters.blocks import Block, plain, section
from adapters.card_action import figures, scope
from adapters.plain_text import cut, named, word
from contracts.action import Frozen
from contracts.approval import ApprovalRecord
from contracts.denial import CALLBACK, LONGEST, REASON, DenialForm

_NAME: Final = 200


class Views(Protocol):
    """Slack's Web API, as far as it is needed here."""

    async def open(self, trigger_id: str, view: Mapping[str, Any]) -> None: ...


class SlackDenialForms:
    """Implements ``gateway.ports.DenialForms``."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def show(self, trigger_id: str, approval: ApprovalRecord, form: DenialForm) -> None:
        """Raises Unavailable or Refused where Slack did not open it; Malformed: it is about no action."""
        await self._views.open(trigger_id, denial_view(approval, form))


def denial_view(approval: ApprovalRecord, form: DenialForm) -> Block:
    """The modal. Raises Malformed when the approval's row holds no frozen action."""
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": form.metadata(),
        "title": plain("Deny this action"),
        "submit": plain("Deny"),
        "close": plain("Back"),
        "blocks": [section(_denied(Frozen.read(approval.action))), _REASON],
    }


_REASON: Final[Block] = {
    "type": "input",
    "block_id": REASON,
    "label": plain("Why?"),
    "hint": plain("The agent is told this, so that it can propose something better."),
    "element": {
        "type": "plain_text_input",
        "action_id": REASON,
        "multiline": True,
        "min_length": 1,
        "max_length": LONGEST,
        "focus_on_load": True,
    },
}


def _denied(frozen: Frozen) -> str:
    """One line, in the card's words: whose it is, the tool, the target, money and counts."""
    target, large = cut(named(frozen.preview.target), _NAME), cut(figures(frozen.preview), _NAME)
    parts = (scope(frozen), word(frozen.tool, _NAME), target, large)
    return " · ".join(filter(None, parts))
