"""What the gateway needs of the world beside ``contracts.ports``; each raises Unavailable as those do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from contracts.approval import ApprovalRecord
from contracts.audit import ChainedRecord
from contracts.break_glass import SessionRecord
from contracts.breaker import BreakerRecord
from contracts.denial import DenialForm
from contracts.digest import Json
from contracts.outbox import Letter
from contracts.passkey import Passkey
from contracts.run import ActionRecord, RunRecord, UndoRecord
from contracts.tokens import Grant, Warrant
from policies.breaker import Counts
from policies.care import Decided


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """A run as the gateway accepted it."""

    warrant: Warrant
    token: str
    start_hash: str
    body_digest: str
    input: Json


@dataclass(frozen=True, kw_only=True)
class RunQuery:
    """Which runs, newest first; None is any. ``before`` is the created_ms and id of the last one seen."""

    env: str
    tenant: str | None
    routes: Sequence[str] | None
    state: str | None
    before: tuple[int, str] | None
    limit: int


@dataclass(frozen=True, kw_only=True)
class ApprovalQuery:
    """Which approvals, newest first; None is any. ``before``: requested_ms and id of the last one seen."""

    env: str
    tenants: Sequence[str] | None
    routes: Sequence[str] | None
    state: str | None
    before: tuple[int, str] | None
    limit: int


@dataclass(frozen=True, kw_only=True)
class AuditQuery:
    """Which records of one tenant's chain, in its order; None is any. ``after`` is the last place seen."""

    tenant: str
    env: str
    run_id: str | None
    tool: str | None
    routes: Sequence[str] | None
    since_ms: int | None
    after: int
    limit: int


@dataclass(frozen=True, kw_only=True)
class LetterQuery:
    """Which letters of the outbox, in the order of their ids; None is any. ``after``: the last id seen."""

    tenant: str | None
    routes: Sequence[str] | None
    dead: bool
    after: str
    limit: int


@dataclass(frozen=True, kw_only=True)
class CareQuery:
    """Whose answers of an environment since when, the newest first; None is any."""

    env: str
    tenant: str | None
    routes: Sequence[str] | None
    since_ms: int
    limit: int


class RunRows(Protocol):
    """The runs' rows, as the gateway writes and reads them."""

    async def get(self, run_id: str) -> RunRecord:
        """Raises Unknown."""
        ...

    async def started(self, start_hash: str, body_digest: str) -> RunRecord | None:
        """The run that this key started, however long ago. Raises Conflict where it was for another body."""
        ...

    async def accept(self, new: NewRun) -> tuple[RunRecord, bool]:
        """Write the run down, or find the one that this key started; whether it is new.

        Raises:
            Conflict: it was for another body.
            Undone: an undo of what it is to undo stands already.
            BreakerOpen: the route's breaker lets no run start now.
        """
        ...

    async def page(self, query: RunQuery) -> Sequence[RunRecord]: ...

    async def record_execution(self, run_id: str, first_execution: str) -> None: ...

    async def halted(self, env: str) -> Sequence[str]: ...

    async def request_cancel(self, run_id: str, *, actor: str, reason: str) -> RunRecord:
        """Close the run to new claims at once, and order that it is told. Raises Conflict where it ended."""
        ...


class ActionRows(Protocol):
    """The actions of a run, in the order of their proposal."""

    async def of_run(self, run_id: str) -> Sequence[ActionRecord]: ...

    async def undos(self, run_id: str) -> Sequence[UndoRecord]:
        """Every undo of an action of this run that was begun, oldest first."""
        ...


class ApprovalRows(Protocol):
    """The approvals' rows, and the decisions on them."""

    async def get(self, approval_id: str) -> ApprovalRecord:
        """Raises Unknown."""
        ...

    async def page(self, query: ApprovalQuery) -> Sequence[ApprovalRecord]: ...

    async def decision(self, grant_id: str) -> Grant:
        """Raises Unknown, or TokenRefused where its signature does not hold."""
        ...


class OutboxRows(Protocol):
    """What has not left yet."""

    async def page(self, query: LetterQuery) -> Sequence[Letter]: ...

    async def get(self, outbox_id: str) -> Letter:
        """Raises Unknown."""
        ...

    async def retry(self, outbox_id: str, *, actor: str) -> Letter:
        """Take it up again, audited. Raises Unknown."""
        ...

    async def resume(self, run_ids: Sequence[str]) -> None:
        """Order that these halted runs are told to look again."""
        ...


class Drain(Protocol):
    """Brings letters to runs until it is cancelled."""

    def poke(self) -> None:
        """Something was ordered just now."""
        ...

    async def run(self) -> None: ...


class Switch(Protocol):
    """One kill switch. Times are Unix milliseconds."""

    @property
    def scope(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def actor(self) -> str: ...
    @property
    def at_ms(self) -> int: ...
    @property
    def until_ms(self) -> int | None: ...
    def holds(self, now_ms: int) -> bool: ...
    def ended(self, now_ms: int) -> bool: ...


class SwitchRows(Protocol):
    """The kill switches of an environment."""

    async def list(self, env: str) -> Sequence[Switch]: ...

    async def set(
        self, *, env: str, scope: str, stopped: bool, reason: str, actor: str, until_ms: int | None
    ) -> Switch: ...

    async def first(self, proof: str) -> bool:
        """Whether the command that was signed so is here for the first time; it counts once."""
        ...

    async def refuse(self, *, env: str, scope: str, actor: str, refusal: str, reason: str) -> None:
        """Audit a command that did not count; ``scope`` is empty where it named none."""
        ...


class BreakerStanding(Protocol):
    """A breaker as it stands, and what it counts now."""

    @property
    def record(self) -> BreakerRecord: ...
    @property
    def counts(self) -> Counts: ...


class BreakerRows(Protocol):
    """The circuit breakers of an environment."""

    async def list(self) -> Sequence[BreakerStanding]:
        """One for each route in force that has a breaker."""
        ...

    async def holding(self) -> frozenset[str]:
        """Routes whose breakers let nobody new through now."""
        ...

    async def reset(self, route: str, *, actor: str, reason: str) -> None:
        """Close it, and count from now on. Raises Unknown where the route in force has none."""
        ...


class AuditRows(Protocol):
    """The audit log, to be read."""

    async def page(self, query: AuditQuery) -> Sequence[ChainedRecord]: ...

    async def tips(self, run_ids: Sequence[str]) -> Mapping[str, int]:
        """The place of each run's last record."""
        ...


class CareRows(Protocol):
    """How people answered what they were asked."""

    async def read(self, query: CareQuery) -> Sequence[Decided]: ...


class OpeningRows(Protocol):
    """The sessions of break-glass, to be read; nothing of them is written here."""

    async def get(self, session_id: str) -> SessionRecord:
        """Raises Unknown."""
        ...

    async def list(self, env: str, *, limit: int = 50) -> Sequence[SessionRecord]:
        """Newest first."""
        ...

    async def unended(self, env: str) -> Sequence[SessionRecord]:
        """Those that wait or are open."""
        ...


class AnswerRows(Protocol):
    """What the actions of a run were answered."""

    async def of_run(self, run_id: str) -> Mapping[str, str]:
        """By action id, bounded and scrubbed as the model was told it."""
        ...


class SourceRows(Protocol):
    """Where the rules of published documents stand in their files."""

    async def places(self, subject: str) -> Mapping[str, tuple[str, int]]:
        """File and line by rule of the document with this digest; of a catalogue by tool."""
        ...


class SlackSignature(Protocol):
    """What proves that a request comes from Slack."""

    def verify(self, headers: Mapping[str, str], body: bytes, now_s: int) -> None:
        """Raises TokenRefused: no signature, a wrong one, or one that is not of these minutes."""
        ...

    def proof(self, headers: Mapping[str, str]) -> str:
        """Digest of the signature; of a verified request only."""
        ...


class PrivateWord(Protocol):
    """Tells one person in Slack something that the channel does not see."""

    async def respond(self, url: str, text: str) -> None:
        """Through the ``response_url`` of the click, whose origin was checked."""
        ...

    async def say(self, *, channel: str, user: str, text: str) -> None: ...


class DenialForms(Protocol):
    """Asks one person in Slack why they deny."""

    async def show(self, trigger_id: str, approval: ApprovalRecord, form: DenialForm) -> None:
        """Open the form, once and within 3 s. Raises Unavailable or Refused where it did not open."""
        ...


@dataclass(frozen=True, kw_only=True)
class Payload:
    """One payload of Temporal's, encoded or not."""

    metadata: Mapping[str, bytes]
    data: bytes


class PayloadCodec(Protocol):
    """The codec of our payloads."""

    async def decode(self, payloads: Sequence[Payload]) -> Sequence[Payload]:
        """Raises Malformed where one was not encoded with our key."""
        ...


class Probe(Protocol):
    """Asks one neighbour whether it answers; raises where it does not."""

    async def __call__(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """Who an identity provider says it is."""

    principal: str
    #: Digest of what proved it, which counts once.
    proof: str


class Identity(Protocol):
    """Who a person on the pages is: a login of ours, or a provider that a browser is sent to.

    ``state`` is bound to the browser: what comes back with another was begun by somebody else (RFC 6749,
    section 10.12). ``params`` are those of ``/sign-in``, as the browser brings them.
    """

    def begin(self, *, state: str) -> str | None:
        """Where the browser is sent to sign in; None: a person comes with a link of their own."""
        ...

    def names(self, params: Mapping[str, str]) -> str | None:
        """The principal whom these would sign in, using nothing up; None: only ``finish`` can tell."""
        ...

    async def finish(self, params: Mapping[str, str], *, state: str) -> SignedIn:
        """Raises TokenRefused: they prove nothing; the sentence says why."""
        ...


class SessionRows(Protocol):
    """Who is signed in on the pages. A session is named by the digest of its cookie."""

    async def find(self, session: str) -> str | None:
        """The principal. A session that is past its time is nobody's, and gone."""
        ...

    async def open(self, session: str, signed_in: SignedIn, *, until_ms: int, instead_of: str) -> bool:
        """Begin it in place of another; False where the proof was used before, and then nothing changed."""
        ...

    async def close(self, session: str) -> None: ...


class PasskeyReader(Protocol):
    """Reads what a new passkey's authenticator answered."""

    def read(self, answer: Mapping[str, str], *, challenge: bytes, name: str) -> Passkey:
        """Raises Malformed: no authenticator made it on our pages, for this challenge and a verified user."""
        ...
