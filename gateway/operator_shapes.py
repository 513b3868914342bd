"""Answers to operators, and the open ones: switches, outbox, audit, keys, health, payloads."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.breaker import BreakerState
from contracts.outbox import LetterKind
from gateway.shapes import Answered, Time


class SwitchShape(Answered):
    scope: str
    #: Whether it stops anything now.
    stopped: bool
    #: Whether it stopped something until a time that has passed, and was lifted by nobody.
    ended: bool
    reason: str
    actor: str
    at: Time
    until: Time | None
    #: When it was set: that it names no tool or route in force. Else empty.
    caution: str = ""


class SwitchList(Answered):
    switches: tuple[SwitchShape, ...]


class BreakerCounts(Answered):
    """What happened within its window, since it last closed, of all tenants."""

    #: That ended, and those of them that failed.
    runs: int
    failed: int
    denials: int
    unknowns: int
    #: Counted only where the breaker has a limit on it.
    usd: str


class BreakerShape(Answered):
    route: str
    state: BreakerState
    #: Why it opened last; empty: it never did.
    reason: str
    #: Who changed it last: ``breaker``, or an operator.
    actor: str
    #: None: nobody ever did.
    at: Time | None
    #: Of ``open``: when one run may try; of ``half_open``: when another may.
    until: Time | None
    #: Of ``half_open``: the run that tries. None to who does not reach every tenant.
    probe_run: str | None
    #: None to who does not reach every tenant.
    counts: BreakerCounts | None


class BreakerList(Answered):
    breakers: tuple[BreakerShape, ...]


class LetterShape(Answered):
    """Something that has not arrived where it goes: Slack, or its run."""

    #: ``KIND:ID`` of what it is about.
    outbox_id: str
    kind: LetterKind
    #: Empty of an alert, as its route is; its tenant is `system`.
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


class LetterPage(Answered):
    letters: tuple[LetterShape, ...]
    cursor: str | None


class CareShape(Answered):
    """How one person answered the question whether a write may happen."""

    principal: str
    approved: int
    denied: int
    #: Approvals that they took back.
    withdrawn: int
    #: Of approvals and denials; null where there were none.
    share_approved: float | None
    #: From shown to decided.
    median_seconds: float | None
    fastest_seconds: float | None
    #: The most decisions within any 60 minutes.
    busiest_hour: int
    #: Approvals that came sooner than they can be read.
    fast: int


class CarePage(Answered):
    since: Time
    until: Time
    people: tuple[CareShape, ...]


class AuditShape(Answered):
    """A record in its place: ``hash`` is SHA-256 over the canonical ``[previous, record]``."""

    seq: int
    previous: str
    hash: str
    #: As it is kept: its reason is sealed under the tenant's key.
    record: dict[str, Any]
    #: The record's reason, readable.
    reason: str


class AuditPage(Answered):
    records: tuple[AuditShape, ...]
    cursor: str | None


class Jwk(Answered):
    kty: str
    crv: str
    x: str
    kid: str
    use: str
    alg: str


class JwkSet(Answered):
    keys: tuple[Jwk, ...]


class Health(Answered):
    status: Literal["ok"]


class Readiness(Answered):
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
