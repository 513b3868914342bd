"""The card of an unknown write: what was sent, what is known of it, and three answers."""

from collections.abc import Mapping
from typing import Final

from adapters.blocks import Block, Card, button, confirmation, header, section
from adapters.card import SHORT, WORDS, asked_by, listed, namer, scope, shown
from adapters.plain_text import cut, escaped, one_line
from adapters.times import moment
from contracts.action import Frozen
from contracts.approval import Answer, ApprovalRecord, ApprovalState

DID: Final = "interlock.did"
DID_NOT: Final = "interlock.did_not"
STOP: Final = "interlock.stop"


def render(approval: ApprovalRecord, *, people: Mapping[str, str], now_ms: int, page_url: str | None) -> Card:  # noqa: ARG001 - every card's renderer takes these
    """The card of this row; as ``adapters.card.render``."""
    frozen = Frozen.read(approval.action)
    waiting = approval.state is ApprovalState.WAITING
    heading = "Did this happen?" if waiting else "Settled"
    action, _ = shown(frozen)
    blocks = [
        header(f"{heading} {one_line(frozen.tool)}"),
        section(cut(one_line(approval.question), WORDS) or "Nothing more is known of it."),
        section(_standing(approval, people)),
        *action,
        *asked_by(approval, frozen, namer(people)),
    ]
    if waiting:
        blocks.append(_buttons(approval, frozen))
    summary = f"{heading} {one_line(frozen.tool)} for {scope(frozen)}, {one_line(frozen.preview.target)}"
    return Card(text=escaped(cut(summary, SHORT)), blocks=blocks)


def _standing(approval: ApprovalRecord, people: Mapping[str, str]) -> str:
    name = namer(people)
    said = {Answer(grant.decision): name(grant.approver) for grant in approval.grants}
    if Answer.IT_DID in said:
        return f"{said[Answer.IT_DID]} looked and says that it happened."
    if Answer.IT_DID_NOT in said:
        return f"{said[Answer.IT_DID_NOT]} looked and says that it did not happen. Nothing repeats it."
    if approval.state is not ApprovalState.WAITING:
        when = "" if approval.decided_ms is None else f" on {moment(approval.decided_ms)}"
        return f"The target answered after all{when}: {cut(one_line(approval.outcome_text), WORDS)}"
    held = "Nothing repeats it, and nothing else of this tenant writes to this target, until somebody says."
    if Answer.STOP in said:
        return f"{listed([said[Answer.STOP]])} stopped the run. {held}"
    return f"Look at the target, then answer. {held}"


def _buttons(approval: ApprovalRecord, frozen: Frozen) -> Block:
    value = f"{approval.approval_id}|{approval.action_digest}"
    what = cut(f"{one_line(frozen.tool)} for {scope(frozen)}: {one_line(frozen.preview.target)}", SHORT)
    elements = [
        button(DID, "It did happen", value, confirm=confirmation("It did happen?", what, "It did")),
        button(DID_NOT, "It did not", value, confirm=confirmation("It did not happen?", what, "It did not")),
    ]
    if not any(grant.decision == Answer.STOP for grant in approval.grants):
        elements.append(button(STOP, "Stop the run", value, style="danger"))
    return {"type": "actions", "block_id": approval.approval_id, "elements": elements}
