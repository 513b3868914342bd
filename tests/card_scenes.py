"""Cards as approvers meet them, from a plain close to an action that fits no card."""

from dataclasses import replace
from typing import Any, Final

from adapters.blocks import Card
from adapters.cards import render
from contracts.action import Change, Frozen, Preview
from contracts.approval import ApprovalKind, ApprovalRecord, ApprovalState
from contracts.budget import Budget, Spend
from tests.frozen import ASKED
from tests.laws.cards import FROZEN, PAGE, PEOPLE, PREVIEW, REFUND, SIGNED, approval, grant

CLOSE: Final = replace(
    FROZEN,
    env="dev",
    preview=replace(
        PREVIEW,
        changes=(
            Change(field="status", before="open", after="closed"),
            Change(field="resolution", before="", after="article KB-2041"),
            Change(field="reason", before="", after="KB-2041 resolves it."),
        ),
        stakes="1 customer (Jane Doe) sees the ticket as resolved; nobody works on it unless it is reopened.",
        undo="At any time: reopen T-18421 with ticket.reopen, or in the helpdesk.",
    ),
    arguments={"ticket_id": "T-18421", "reason": "KB-2041 resolves it.", "resolution_article": "KB-2041"},
    words="The customer describes the loop of KB-2041, and wrote that its steps helped.",
)
UPDATE: Final = replace(
    CLOSE,
    tool="ticket.update",
    arguments={"ticket_id": "T-18421", "priority": "urgent", "tags": ["login", "vip"], "status": "pending"},
    preview=Preview(
        target="T-18421 “Password reset loops”",
        changes=(
            Change(field="priority", before="normal", after="urgent"),
            Change(field="status", before="open", after="pending"),
            Change(field="tags", before="login", after="login, vip"),
            Change(field="assignee", before="", after="Grace Hopper"),
            Change(
                field="summary",
                before="The reset mail leads back to the sign-in page.",
                after=(
                    "The reset mail leads back to the sign-in page whenever single sign-on is on,"
                    " so nobody of this customer gets in."
                ),
            ),
        ),
        stakes="1 ticket of 1 customer (Jane Doe): it is taken up too early or too late.",
        undo="At any time: set priority to normal, status to open, tags to login again in the helpdesk.",
    ),
)
MANY: Final = replace(
    CLOSE,
    tool="customers.move",
    arguments={"customers": [f"C-{n}" for n in range(1, 41)], "plan": "free"},
    preview=Preview(
        target="plan of 40 customers",
        changes=tuple(Change(field=f"C-{n} plan", before="team", after="free") for n in range(1, 41)),
        stakes="40 customers lose what the free plan lacks.",
        undo="Until the end of the month: move them back.",
        figures=("40 customers",),
    ),
)
SPENT: Final[dict[str, Any]] = {
    "spend": Spend(steps=4, usd="0.0123"),
    "budget": Budget(steps=25, seconds=60, usd="1.00", denials=3),
    "shown_ms": ASKED + 2_000,
}


def _of(action: Frozen, **more: Any) -> ApprovalRecord:
    return approval(action, **(SPENT | more))


_FIRST: Final = grant("ada", of=REFUND)
_BOTH: Final = (_FIRST, grant("grace", at_ms=ASKED + 154_000, of=REFUND, assertion=SIGNED))
_TWO: Final[dict[str, Any]] = {"needed": 2, "group": "billing"}
_APPROVED: Final[dict[str, Any]] = {
    **_TWO,
    "state": ApprovalState.APPROVED,
    "grants": _BOTH,
    "decided_ms": ASKED + 154_000,
}
_ENDED: Final[dict[str, Any]] = {"decided_ms": ASKED + 4 * 3_600_000}

SCENES: Final[dict[str, ApprovalRecord]] = {
    "close": _of(CLOSE),
    "update": _of(UPDATE),
    "refund-0-of-2": _of(REFUND, **_TWO),
    "refund-1-of-2": _of(REFUND, grants=(_FIRST,), **_TWO),
    "refund-approved": _of(REFUND, **_APPROVED),
    "refund-done": _of(
        REFUND, claimed=True, outcome="succeeded", outcome_text="EUR 49.00 were refunded.", **_APPROVED
    ),
    "refund-prod": _of(replace(REFUND, env="prod", tenant="globex", repeats=1), **_TWO),
    "does-not-fit": _of(MANY),
    "escalated": _of(CLOSE, escalate_ms=ASKED, escalate_to="managers"),
    "expired": _of(CLOSE, state=ApprovalState.EXPIRED, **_ENDED),
    "denied": _of(
        CLOSE,
        state=ApprovalState.DENIED,
        decided_ms=ASKED + 60_000,
        grants=(grant("ada", "deny", of=CLOSE),),
        denial="The customer wrote again this morning.",
    ),
    "unknown": _of(REFUND, claimed=True, outcome="unknown", **_APPROVED),
    "question": _of(
        REFUND,
        kind=ApprovalKind.RECONCILE,
        deadline_ms=None,
        question="Sent once, at 10:02:11 UTC on 25 Nov 2026; no answer that settles it came within 20 s.",
    ),
    "undone": _of(CLOSE, state=ApprovalState.CANCELLED, denial="The target changed after this was shown."),
}


def drawn(scene: str) -> Card:
    return render(SCENES[scene], people=PEOPLE, now_ms=ASKED + 60_000, page_url=PAGE)
