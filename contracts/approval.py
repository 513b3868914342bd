"""Approvals: what is asked of people, and what they decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from contracts.budget import Budget, Spend
from contracts.digest import Json
from contracts.passkey import Assertion, Passkey
from contracts.tokens import Grant


class ApprovalKind(StrEnum):
    """What is asked of people."""

    #: May this write happen?
    ACTION = "action"
    #: Did this write happen?
    RECONCILE = "reconcile"
    #: May this run spend more?
    BUDGET = "budget"


class ApprovalState(StrEnum):
    """Where an approval is. All but ``waiting`` are ends; ``approved`` may be withdrawn until the claim."""

    WAITING = "waiting"
    APPROVED = "approved"
    #: Of a ``reconcile``: somebody said what happened.
    SETTLED = "settled"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Answer(StrEnum):
    """What a person may answer."""

    APPROVE = "approve"
    DENY = "deny"
    WITHDRAW = "withdraw"
    #: Of an unknown write: it happened.
    IT_DID = "it_did"
    #: Of an unknown write: it did not happen, and nothing repeats it.
    IT_DID_NOT = "it_did_not"
    #: Of an unknown write: the run ends, and the question stays.
    STOP = "stop"


ANSWERS: Final[Mapping[ApprovalKind, frozenset[Answer]]] = MappingProxyType(
    {
        ApprovalKind.ACTION: frozenset({Answer.APPROVE, Answer.DENY, Answer.WITHDRAW}),
        ApprovalKind.RECONCILE: frozenset({Answer.IT_DID, Answer.IT_DID_NOT, Answer.STOP}),
        ApprovalKind.BUDGET: frozenset({Answer.APPROVE, Answer.DENY}),
    }
)
"""What each kind of question can be answered with."""


@dataclass(frozen=True, kw_only=True)
class ApprovalRecord:
    """An approval's row and the verified decisions taken on it."""

    approval_id: str
    kind: ApprovalKind
    run_id: str
    action_id: str
    tenant: str
    env: str
    route: str
    state: ApprovalState
    action_digest: str
    #: The frozen record, readable.
    action: Json
    needed: int
    group: str
    caller: str
    on_behalf_of: str | None
    requested_ms: int
    #: None: never.
    deadline_ms: int | None
    decided_ms: int | None
    #: Where the card stands, or a post is on its way to; None: no card was ever sent.
    channel: str | None
    #: The card's message; None until it is known, from Slack's answer or from the first click that counts.
    message_ts: str | None
    #: What came of the action: an ``Outcome``, once there is one.
    outcome: str | None
    outcome_text: str
    #: Set when the claim was made: too late to withdraw.
    claimed: bool
    grants: tuple[Grant, ...]
    #: Reason given with a denial.
    denial: str
    #: Of a ``reconcile``: what is known of the write, in sentences.
    question: str
    #: Grows with every visible change.
    version: int
    #: When people are reminded; None: never.
    remind_ms: int | None = None
    #: From when on a second group may decide too, and which; None: never.
    escalate_ms: int | None = None
    escalate_to: str = ""
    #: A decision that comes sooner after the approval was shown does not count.
    min_review_ms: int = 0
    #: When the card first stood in Slack; None: not yet.
    shown_ms: int | None = None
    #: What the run has used of its budget by now.
    spend: Spend | None = None
    budget: Budget | None = None

    @property
    def destructive(self) -> bool:
        """Two people decide it, one of them with a passkey. Where its effect is forgotten too."""
        return self.kind is ApprovalKind.ACTION and self.action.get("effect") != "write"

    @property
    def delegation(self) -> tuple[str, ...]:
        """Everybody whom the run acts for by way of somebody else (RFC 8693, ``act``), services too."""
        return tuple(self.action.get("delegation", ()))

    @property
    def beneficiaries(self) -> tuple[str, ...]:
        """Whom the run acts for, each of whom has to be one person: services are nobody."""
        chain = (name for name in self.delegation if not name.startswith("svc:"))
        return (*filter(None, (self.on_behalf_of,)), *chain)

    def readable_ms(self, at_ms: int) -> int:
        """From when on whoever decided at that moment could read it: without its card, since it was asked."""
        if self.shown_ms is None or self.shown_ms > at_ms:
            return self.requested_ms
        return self.shown_ms


@dataclass(frozen=True, kw_only=True)
class Hours:
    """Working hours in a time zone."""

    #: 0 is Monday.
    days: tuple[int, ...]
    #: Minutes after midnight; ``until`` is the first that is none of them.
    start: int
    until: int
    #: A zone of the IANA database, such as ``Europe/Berlin``.
    zone: str


@dataclass(frozen=True, kw_only=True)
class Person:
    """One principal of the people file."""

    principal: str
    slack_team: str | None
    slack_user: str | None
    subjects: tuple[str, ...]
    groups: tuple[str, ...]
    tenants: tuple[str, ...]
    #: Routes that they may approve on; None: every one.
    routes: tuple[str, ...] | None = None
    #: When they are asked in an escalation; None: always.
    hours: Hours | None = None
    passkeys: tuple[Passkey, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Whom a route asks, and for how long. Milliseconds from the request on; None: never."""

    group: str
    deadline_ms: int | None
    remind_ms: int | None = None
    escalate_ms: int | None = None
    #: The second group; empty: there is none.
    escalate_to: str = ""
    #: An approval that comes sooner after it was shown does not count.
    min_review_ms: int = 0


class Refusal(StrEnum):
    """Why a decision did not count."""

    STRANGER = "stranger"
    NOT_IN_GROUP = "not_in_group"
    OTHER_TENANT = "other_tenant"
    REQUESTER = "requester"
    REPEATED = "repeated"
    LATE = "late"
    DECIDED = "decided"
    OTHER_ACTION = "other_action"
    OTHER_CARD = "other_card"
    CLAIMED = "claimed"
    NOT_FOUND = "not_found"
    NOT_AN_ANSWER = "not_an_answer"
    OTHER_ROUTE = "other_route"
    TOO_FAST = "too_fast"
    #: It would be the last approval of a destructive action, and no passkey signed any.
    NEEDS_PASSKEY = "needs_passkey"
    BAD_PASSKEY = "bad_passkey"


@dataclass(frozen=True, kw_only=True)
class Click:
    """A verified person's wish, however it came in."""

    approval_id: str
    action_digest: str
    answer: Answer
    principal: str
    #: ``slack``, ``http`` or ``page``.
    way: str
    reason: str
    #: Unix milliseconds at which the gateway received it.
    at_ms: int
    #: Digest of the request's signature, which counts once; None where the way in has none.
    proof: str | None = None
    #: Of a Slack click: the message that was clicked.
    channel: str | None = None
    message_ts: str | None = None
    #: Of an approval on the page: the passkey's signature over the action digest.
    assertion: Assertion | None = None


CONSIDERED: Final = "considered"
"""In the audit: somebody who may deny it was asked why; they have not decided yet."""


@dataclass(frozen=True, kw_only=True)
class Ruled:
    """What a click came to: accepted, or refused with a sentence for the person."""

    approval: ApprovalRecord | None
    refusal: Refusal | None
    sentence: str
