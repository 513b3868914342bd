"""Answers about approvals, as they are frozen."""

from typing import Any, Literal

from contracts.approval import Answer, ApprovalState
from contracts.run import Outcome
from gateway.shapes import Answered, Time


class GrantShape(Answered):
    approver: str
    at: Time
    way: str
    decision: Answer
    #: A passkey of theirs signed the action's digest.
    passkey: bool


class ApprovalShape(Answered):
    approval_id: str
    kind: Literal["action", "reconcile", "budget"]
    run_id: str
    tenant: str
    route: str
    state: ApprovalState
    action_digest: str
    #: The frozen record, readable.
    action: dict[str, Any]
    needed: int
    group: str
    grants: tuple[GrantShape, ...]
    requested_at: Time
    #: Null: never.
    deadline: Time | None
    #: From when on a second group may decide too, and which; null and empty: never.
    escalates_at: Time | None
    escalates_to: str
    #: Seconds after which an approval counts, from when it was shown.
    min_review_seconds: float
    #: When the card first stood in Slack; null: not yet.
    shown_at: Time | None
    decided_at: Time | None
    #: Reason given with a denial.
    denial: str
    #: Of a ``reconcile``: what is known of the write.
    question: str
    #: What came of the action, once something did.
    outcome: Outcome | None
    outcome_text: str
    version: int


class ApprovalList(Answered):
    approvals: tuple[ApprovalShape, ...]
    #: Where the next page starts; null on the last one.
    cursor: str | None
