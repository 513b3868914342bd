"""The buttons of a card, or the sentence that says why there are none."""

from typing import Final

from adapters.blocks import Block, button, confirmation, link, section
from adapters.card_action import SHORT, figures, production, scope
from adapters.card_people import standing
from adapters.card_status import late
from adapters.plain_text import cut, named, size
from contracts.action import Frozen
from contracts.approval import ApprovalRecord, ApprovalState
from contracts.tool import Effect
from policies.quorum import passkey_due

APPROVE: Final = "interlock.approve"
DENY: Final = "interlock.deny"
WITHDRAW: Final = "interlock.withdraw"
OPEN: Final = "interlock.open"

_ADDRESS: Final = 3_000


def ways(
    approval: ApprovalRecord, frozen: Frozen, *, whole: bool, now_ms: int, page_url: str | None
) -> list[Block]:
    """What a person can do from here on: decide, look closer, take back."""
    if frozen.digest() != approval.action_digest:
        return [
            section("The stored record is not the one that was frozen. Decide nothing; tell an operator.")
        ]
    if late(approval, now_ms):
        return []
    more = [*opening(page_url), *_taking_back(approval)]
    if approval.state is not ApprovalState.WAITING:
        return _row(approval, more if _taking_back(approval) else [])
    if not whole:
        sentence = (
            "This action does not fit on a card, so it cannot be decided here. Read all of it on the full"
            f" page or with `interlock approvals show {approval.approval_id}`, and decide there."
        )
        return [section(sentence), *_row(approval, more)]
    deny = button(DENY, "Deny", value(approval), style="danger")
    if passkey_due(approval, standing(approval)):
        sentence = "The last approval is signed with a passkey on the full page."
        return [section(sentence), *_row(approval, [deny, *more])]
    return _row(approval, [_approve(approval, frozen), deny, *more])


def value(approval: ApprovalRecord) -> str:
    """Which approval a button is of, and which bytes."""
    return f"{approval.approval_id}|{approval.action_digest}"


def opening(page_url: str | None) -> list[Block]:
    """The button to the full page, where there is one."""
    sound = page_url and page_url.startswith(("http://", "https://"))
    if (
        not page_url
        or not sound
        or size(page_url) > _ADDRESS
        or not page_url.isprintable()
        or " " in page_url
    ):
        return []
    return [link(OPEN, "Open the full page", page_url)]


def _approve(approval: ApprovalRecord, frozen: Frozen) -> Block:
    """Asked once more only where it matters: a dialog on every card is clicked away unread."""
    careful = frozen.effect == Effect.DESTRUCTIVE or production(frozen.env)
    sure = confirmation("Approve exactly this?", what(frozen), "Approve") if careful else None
    return button(APPROVE, "Approve", value(approval), style="primary", confirm=sure)


def what(frozen: Frozen) -> str:
    """The action in a dialog, where and how much before what."""
    parts = (scope(frozen), figures(frozen.preview), named(frozen.preview.target), named(frozen.tool))
    return cut("\n".join(part for part in parts if part), SHORT)


def _taking_back(approval: ApprovalRecord) -> list[Block]:
    open_still = approval.state in (ApprovalState.WAITING, ApprovalState.APPROVED)
    if not open_still or approval.claimed or approval.outcome is not None or not standing(approval):
        return []
    return [button(WITHDRAW, "Take back", value(approval))]


def _row(approval: ApprovalRecord, elements: list[Block]) -> list[Block]:
    return [{"type": "actions", "block_id": approval.approval_id, "elements": elements}] if elements else []
