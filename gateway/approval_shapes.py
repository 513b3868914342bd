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
