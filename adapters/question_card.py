"""The card of an unknown write: what is known of it, what was sent, and three answers."""

from collections.abc import Mapping
from typing import Final

from adapters.blocks import Block, Card, Heading, button, confirmation, header, section
from adapters.card import summary
from adapters.card_action import shown, title
from adapters.card_buttons import opening, value, what
from adapters.card_people import WORDS, Namer, asked_by, ids, namer, said
from adapters.plain_text import cut, named
from contracts.action import Frozen
from contracts.approval import Answer, ApprovalRecord, ApprovalState
from policies.times import moment

DID: Final = "interlock.did"
DID_NOT: Final = "interlock.did_not"
STOP: Final = "interlock.stop"

_HELD: Final = (
    "Nothing repeats it, and nothing else of this tenant writes to this target, until somebody says."
)


def render(approval: ApprovalRecord, *, people: Mapping[str, str], now_ms: int, page_url: str | None) -> Card:  # noqa: ARG001 - every card's renderer takes these
    """The card of this row; as ``adapters.card.render``."""
    frozen, name = Frozen.read(approval.action), namer(people)
    first = title(_heading(approval), frozen)
    action, _ = shown(frozen, Heading.SENT)
    blocks = [
        header(first),
        section(_standing(approval, name)),
        *action,
        *asked_by(approval, frozen, name),
    ]
    if approval.state is ApprovalState.WAITING:
        blocks.append(_buttons(approval, frozen, page_url))
    blocks.append(ids(approval))
    return Card(text=summary(first, frozen), blocks=blocks)


def _heading(approval: ApprovalRecord) -> str:
    if approval.state is ApprovalState.WAITING:
        return "Did this happen?"
    said = {grant.decision for grant in approval.grants}
    if Answer.IT_DID in said:
        return "It happened"
    return "Did not happen" if Answer.IT_DID_NOT in said else "Settled"


def _standing(approval: ApprovalRecord, name: Namer) -> str:
    known = approval.question or "Nothing more is known of it."
    return "\n".join([f"• {cut(named(known), WORDS)}", *said(approval, name), *_next(approval)])


def _next(approval: ApprovalRecord) -> list[str]:
    answers = {grant.decision for grant in approval.grants}
    if answers & {Answer.IT_DID, Answer.IT_DID_NOT}:
        return ["Nothing repeats it."]
    if approval.state is ApprovalState.WAITING:
        return [f"Look at the target, then answer. {_HELD}"]
    when = "" if approval.decided_ms is None else f" on {moment(approval.decided_ms)}"
    return [f"The target answered after all{when}:", f"• {cut(named(approval.outcome_text), WORDS)}"]


def _buttons(approval: ApprovalRecord, frozen: Frozen, page_url: str | None) -> Block:
    sent, this = value(approval), what(frozen)
    elements = [
        button(DID, "It did happen", sent, confirm=confirmation("It did happen?", this, "It did")),
        button(DID_NOT, "It did not", sent, confirm=confirmation("It did not happen?", this, "It did not")),
    ]
    if not any(grant.decision == Answer.STOP for grant in approval.grants):
        elements.append(button(STOP, "Stop the run", sent, style="danger"))
    return {"type": "actions", "block_id": approval.approval_id, "elements": [*elements, *opening(page_url)]}
