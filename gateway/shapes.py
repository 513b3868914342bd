"""Bodies and answers of the HTTP interface, as it is frozen. Times are ISO 8601 in UTC, dollars text."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from contracts.approval import Answer, ApprovalState
from contracts.outbox import LetterKind
from contracts.run import Outcome, RunState, StopReason
from policies.undo import LIMIT

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _written_out(given: Any) -> Any:
    if not isinstance(given, str) or not _RFC_3339.fullmatch(given):
        raise PydanticCustomError("datetime_type", "a time as RFC 3339 writes it")
    return given


Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
RouteName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*$", max_length=200)]
ToolName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]*$", max_length=200)]
TenantName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Subject = Annotated[str, Field(pattern=r"^[a-z]+:[!-~]{1,180}$", examples=["user:u-1042"])]
Cursor = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,200}$")]
Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), Field(strict=False)]
"""A time as RFC 3339 writes it; a bare number could be seconds or milliseconds."""
ActionKey = Annotated[str, Field(pattern=r"^[ -~]{1,600}$")]
Sentence = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=500)]


def time_of(at_ms: int) -> str:
    """``2026-01-31T09:30:00.000Z`` of Unix milliseconds."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def maybe_time(at_ms: int | None) -> str | None:
    return None if at_ms is None else time_of(at_ms)


def milliseconds_of(at: datetime) -> int:
    """Unix milliseconds of an aware time."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


class _Asked(BaseModel):
    """Of a request: nothing is guessed, and an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _Filter(BaseModel):
    """Of a query string, where everything arrives as text; an unknown name is a mistake."""

    model_config = ConfigDict(extra="forbid")


class _Answered(BaseModel):
    """Of an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BudgetBody(_Asked):
    """Ceilings narrower than the route's."""

    steps: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[int, Field(ge=1)] | None = None
    usd: Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$")] | None = None
    denials: Annotated[int, Field(ge=0)] | None = None


class StartBody(_Asked):
    """A run to start. Tenant and environment are the token's."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"route": "support/close", "input": {"ticket_id": "T-18421"}}]}
    )

    route: RouteName
    #: As the route's ``input`` describes it.
    input: dict[str, Any]
    on_behalf_of: Subject | None = None
    budgets: BudgetBody | None = None


class CancelBody(_Asked):
    reason: Sentence


class UndoBody(_Asked):
    """Which writes of the run to undo. What is called, and with what, was sealed with each of them."""

    #: Idempotency keys of the run's actions; left out: all that can be undone.
    actions: Annotated[list[ActionKey], Field(min_length=1, max_length=LIMIT)] | None = None
    #: For whom the undo acts; left out: for whom the run acted.
    on_behalf_of: Subject | None = None
    #: For those who approve it.
    reason: Sentence | None = None


class DecisionBody(_Asked):
    """A person's decision on one action digest."""

    decision: Literal["approve", "deny", "withdraw", "it_did", "it_did_not", "stop"]
    action_digest: Digest
    reason: Sentence | None = None

    @property
    def answer(self) -> Answer:
        return Answer(self.decision)


class SwitchBody(_Asked):
    stopped: bool
    reason: Sentence
    #: When it lifts itself.
    until: Moment | None = None


class RunFilter(_Filter):
    route: RouteName | None = None
    state: RunState | None = None
    tenant: TenantName | None = None
    cursor: Cursor | None = None


class LetterFilter(_Filter):
    """``dead``: only what was given up."""

    dead: bool = False
    cursor: Cursor | None = None


class Patience(_Filter):
    """``wait`` seconds for a change since ``version``, or since now."""

    wait: Annotated[int, Field(ge=0, le=60)] = 0
    version: Annotated[int, Field(ge=0)] | None = None


class EventFilter(_Filter):
    """Which events; ``follow`` false: those that there are, and then the stream ends."""

    last_event_id: Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,15})$")] | None = None
    follow: bool = True


class ApprovalFilter(_Filter):
    state: ApprovalState | None = None
    cursor: Cursor | None = None


class AuditFilter(_Filter):
    run_id: Annotated[str, Field(pattern=r"^run_[0-9a-f]{1,36}$")] | None = None
    #: ``system`` is the chain of what belongs to no tenant.
    tenant: TenantName | None = None
    tool: ToolName | None = None
    since: Moment | None = None
    cursor: Cursor | None = None


class BudgetShape(_Answered):
    steps: int
    seconds: int
    usd: str
    denials: int


class SpendShape(_Answered):
    steps: int
    seconds: float
    usd: str
    denials: int


class UndoShape(_Answered):
    """What takes a write back."""

    #: The tool whose call was sealed with the write.
    tool: str
    #: The run that undid it or is at it; null: none.
    run_id: str | None
    #: Whether it is undone.
    done: bool


class ActionShape(_Answered):
    action_id: str
    step: int
    tool: str
    effect: str
    decision: Literal["allow", "needs_approval", "deny"]
    reasons: tuple[str, ...]
    arguments_digest: str
    action_digest: str | None
    idempotency_key: str | None
    approval_id: str | None
    #: The question that people were asked about its unknown outcome.
    reconciliation_id: str | None
    approvers: tuple[str, ...]
    attempts: int
    outcome: Outcome | None
    outcome_text: str
    duration_ms: int
    #: Null: nothing undoes it.
    undo: UndoShape | None


class ResultShape(_Answered):
    text: str
    data: dict[str, Any]
    artifacts: list[Any]


class RunHead(_Answered):
    """A run without its actions."""

    run_id: str
    request_id: str
    tenant: str
    env: str
    route: str
    caller: str
    on_behalf_of: str | None
    state: RunState
    stop_reason: StopReason | None
    cancel_reason: str | None
    policy_digest: str
    created_at: Time
    started_at: Time | None
    ended_at: Time | None
    budget: BudgetShape
    spend: SpendShape
    result: ResultShape | None
    #: Grows with every visible change.
    version: int
    #: The earlier run that this one undoes.
    undoes: str | None


class RunShape(RunHead):
    """A run as its readers see it."""

    actions: tuple[ActionShape, ...]


class RunPage(_Answered):
    runs: tuple[RunShape, ...]
    #: Where the next page starts; null on the last one.
    cursor: str | None


class GrantShape(_Answered):
    approver: str
    at: Time
    way: str
    decision: Answer


class ApprovalShape(_Answered):
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


class ApprovalList(_Answered):
    approvals: tuple[ApprovalShape, ...]
    #: Where the next page starts; null on the last one.
    cursor: str | None


class SwitchShape(_Answered):
    scope: str
    #: Whether it stops anything now.
    stopped: bool
    reason: str
    actor: str
    at: Time
    until: Time | None


class SwitchList(_Answered):
    switches: tuple[SwitchShape, ...]


class LetterShape(_Answered):
    """Something that has not arrived where it goes: Slack, or its run."""

    #: ``KIND:ID`` of what it is about.
    outbox_id: str
    kind: LetterKind
    run_id: str
    tenant: str
    route: str
    #: Of a card.
    approval_id: str | None
    attempts: int
    #: Given up: tried again only when it is asked for.
    dead: bool
    #: The last failure.
    error: str
    #: Nothing is tried before; of one that is under way, when its lease ends.
    next_at: Time


class LetterPage(_Answered):
    letters: tuple[LetterShape, ...]
    cursor: str | None


class AuditShape(_Answered):
    """A record in its place: ``hash`` is SHA-256 over the canonical ``[previous, record]``."""

    seq: int
    previous: str
    hash: str
    #: As it is kept: its reason is sealed under the tenant's key.
    record: dict[str, Any]
    #: The record's reason, readable.
    reason: str


class AuditPage(_Answered):
    records: tuple[AuditShape, ...]
    cursor: str | None


class Jwk(_Answered):
    kty: str
    crv: str
    x: str
    kid: str
    use: str
    alg: str


class JwkSet(_Answered):
    keys: tuple[Jwk, ...]


class Health(_Answered):
    status: Literal["ok"]


class Readiness(_Answered):
    ready: bool
    #: By the neighbour's name.
    checks: dict[str, Literal["ok", "unavailable"]]


class EncodedPayload(BaseModel):
    """A payload as Temporal's remote codec protocol writes it: base64 in both parts."""

    # Temporal may add fields of its own to a payload; the protocol is not ours to narrow.
    model_config = ConfigDict(extra="ignore")

    metadata: dict[str, str] = Field(default_factory=dict)
    data: str = ""


class Payloads(BaseModel):
    model_config = ConfigDict(extra="ignore")

    payloads: list[EncodedPayload]
