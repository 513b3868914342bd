"""Why a run did what it did: the chain from request to write, each link with the record that proves it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from contracts.approval import Answer, ApprovalState, Refusal
from contracts.run import Outcome
from gateway.run_shapes import ActionShape, RunHead
from gateway.shapes import Time


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Proof(_Told):
    """A place in the tenant's audit chain."""

    seq: int
    hash: str


class WhyRequest(_Told):
    """Who asked for the run."""

    at: Time
    caller: str
    on_behalf_of: str | None
    #: From tenant, environment, caller and the Idempotency-Key of the start, which itself is not kept.
    request_id: str
    #: Of the run's input as it was pinned.
    input_digest: str
    #: Temporal's first execution run id; null until it was recorded.
    execution: str | None


class WhyPolicy(_Told):
    """The rules that the run was pinned to."""

    route: str
    policy_digest: str
    catalogue_digest: str


class WhyState(_Told):
    """The run came into a state, or somebody asked for its end (``cancel``)."""

    at: Time
    outcome: str
    actor: str
    reason: str
    proof: Proof


class WhyReason(_Told):
    """A rule that determined a decision; file and line where the policy was published from them."""

    rule: str
    text: str
    file: str | None
    line: int | None


class WhyDecision(_Told):
    at: Time
    ruling: Literal["allow", "needs_approval", "deny"]
    #: Distinct people whom it asks for.
    approvals: int
    reasons: tuple[WhyReason, ...]
    proof: Proof


class WhyShown(_Told):
    """What was frozen, shown and, byte for byte, sent: ``action_digest`` is that of ``frozen``."""

    action_digest: str
    #: The frozen record with its preview.
    frozen: dict[str, Any]


class WhyClick(_Told):
    """A person's answer; one that did not count has its ``refusal``."""

    at: Time
    who: str
    answer: Answer | None
    refusal: Refusal | None
    #: ``slack`` or ``http``.
    way: str
    reason: str
    #: Seconds since the question.
    after: float
    proof: Proof


class WhyQuestion(_Told):
    """Who was asked, until when, and what they said."""

    at: Time
    approval_id: str
    kind: Literal["action", "reconcile", "budget"]
    group: str
    needed: int
    #: Null: never.
    deadline: Time | None
    state: ApprovalState
    decided_at: Time | None
    clicks: tuple[WhyClick, ...]
    proof: Proof


class WhyAttempt(_Told):
    """Just before a request left for the target, or the target was asked what it did (``looked_up``)."""

    at: Time
    outcome: str
    credential_scope: str | None
    #: Whose approvals it used.
    approvers: tuple[str, ...]
    proof: Proof


class WhyAnswer(_Told):
    """How the action ended; after an ``unknown``, once more when it is known."""

    at: Time
    outcome: Outcome
    #: One sentence.
    text: str
    duration_ms: int
    credential_scope: str | None
    #: What a write's target answered at last, cut; null of everything else.
    content: str | None
    content_digest: str | None
    #: UTF-8 bytes of the whole.
    content_bytes: int | None
    proof: Proof


class WhyAction(_Told):
    """One proposed call, from its decision to its answer. What did not happen (yet) is null or empty."""

    #: From 1, in the order of their proposal.
    number: int
    action: ActionShape
    #: The agent's own words on why.
    words: str
    decision: WhyDecision | None
    shown: WhyShown | None
    questions: tuple[WhyQuestion, ...]
    attempts: tuple[WhyAttempt, ...]
    answers: tuple[WhyAnswer, ...]


class WhyShape(_Told):
    """A run from request to write."""

    run: RunHead
    request: WhyRequest
    policy: WhyPolicy
    states: tuple[WhyState, ...]
    actions: tuple[WhyAction, ...]
