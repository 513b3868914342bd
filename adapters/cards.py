"""Each kind of question with its card."""

from collections.abc import Mapping
from typing import Final

from adapters import card, question_card
from adapters.blocks import Card
from contracts.approval import ApprovalKind, ApprovalRecord

_RENDERERS: Final = {ApprovalKind.ACTION: card.render, ApprovalKind.RECONCILE: question_card.render}


def render(approval: ApprovalRecord, *, people: Mapping[str, str], now_ms: int, page_url: str | None) -> Card:
    """The card of this row. ``people`` names principals; ``page_url`` shows the whole approval.

    Raises:
        Malformed: the row holds no frozen action.
        KeyError: there is no card of its kind.
    """
    return _RENDERERS[approval.kind](approval, people=people, now_ms=now_ms, page_url=page_url)
