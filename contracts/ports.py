"""Ports: what the activities and the gateway need of the world, as protocols.

Every port raises ``Unavailable`` when its neighbour cannot be reached, which a retry may mend.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from contracts.action import Frozen, Original, Prepared, Undo
from contracts.approval import ApprovalRecord, Click, Ruled
from contracts.budget import Usage
from contracts.credential import Credential
from contracts.decision import Call, Decision
from contracts.digest import Json
from contracts.run import ActionRecord, Outcome, RunRecord, StopReason, WarrantedRun
from contracts.tokens import Capability
from contracts.tool import Catalogue, ToolSpec
from contracts.transcript import Message, ModelRequest, ModelTurn, Price
from contracts.wire import Ending, Turn


class Clock(Protocol):
    """The time."""

    def now_ms(self) -> int:
        """Unix milliseconds."""
        ...


class Runs(Protocol):
    """The runs' rows."""

    async def get(self, run_id: str) -> RunRecord:
        """Raises Unknown where there is none."""
        ...

    async def begin(self, run_id: str) -> None:
        """Mark a queued run as running; again is nothing."""
        ...

    async def halt(self, run: WarrantedRun, sentence: str) -> None:
        """Show the run as halted by a kill switch."""
        ...

    async def end(self, run: WarrantedRun, ending: Ending) -> None:
        """Close the run, with what it had done; again is nothing. Open approvals are cancelled."""
        ...


class Executions(Protocol):
    """Temporal's own word on who runs."""

    async def first_execution(self, workflow_id: str, execution: str) -> str:
        """The first execution run id of the chain that this execution belongs to.

        Raises:
            Unknown: Temporal has no such execution, or it is closed.
        """
        ...


class Documents(Protocol):
    """Policies, catalogues and people by digest, and which are in force."""

    async def document(self, digest: str) -> Json:
        """The document with this digest, recomputed. Raises Unknown, or Refused where it was altered."""
        ...

    async def published(self, env: str, kind: str, name: str) -> str | None:
        """Digest of the document in force. Kinds: ``route``, ``catalogue``, ``people``."""
        ...

    async def routes(self, env: str) -> Mapping[str, str]:
        """Digests of the routes in force, by name."""
        ...

    async def publish(
        self, env: str, kind: str, name: str, document: Json, *, actor: str
    ) -> tuple[str, bool]:
        """Put a document in force; its digest, and whether that changed anything. Changes are audited."""
        ...


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """The worst case of one model attempt, held until its usage is known."""

    attempt_id: str
    step: int
    usd: str
    #: Seconds that the attempt may take.
    seconds: float


@dataclass(frozen=True, kw_only=True)
class NewTurn:
    """A model's answer, decided, as it is written down in one transaction."""

    attempt_id: str
    step: int
    answer: ModelTurn
    calls: tuple[tuple[Call, Decision], ...]
    usd: str
    usage: Usage | None
    duration_ms: int
    stop: StopReason | None
    final: bool


class Turns(Protocol):
    """Steps of a run: budget, transcript, decisions."""

    async def recorded(self, run: WarrantedRun, step: int) -> Turn | None:
        """The turn of this step, if it was recorded."""
        ...

    async def transcript(self, run: WarrantedRun) -> tuple[Message, ...]:
        """The whole transcript, in order."""
        ...

    async def history(self, run: WarrantedRun) -> Sequence[tuple[str, str, str | None]]:
        """(tool, arguments digest, outcome or None while open) of every call so far."""
        ...

    async def reserve(self, run: WarrantedRun, reservation: Reservation) -> StopReason | None:
        """Reserve the worst case, or name the exhausted budget. Earlier open attempts are charged in full."""
        ...

    async def record(self, run: WarrantedRun, turn: NewTurn, catalogue: Catalogue) -> Turn:
        """Settle the attempt; write transcript, actions, denials, audit. A step's first record wins."""
        ...

    async def abandon(self, run: WarrantedRun, attempt_id: str, *, duration_ms: int, usd: str) -> None:
        """Settle an attempt that brought no turn, at what it is charged."""
        ...


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """How an action ended."""

    outcome: Outcome
    #: For the model: JSON or plain text, bounded and scrubbed.
    content: str
    #: For people: one sentence.
    text: str
    duration_ms: int
    #: Executions so far, this one included.
    attempts: int = 0
    credential_scope: str | None = None
    stop: StopReason | None = None
    #: Of a read that made one: ``{"kind", "content"}``.
    artifact: Json | None = None


class Actions(Protocol):
    """Actions of a run."""

    async def get(self, run: WarrantedRun, action_id: str) -> ActionRecord:
        """Raises Unknown where this run has none such."""
        ...

    async def of_run(self, run_id: str) -> Sequence[ActionRecord]:
        """All actions of any run, in the order of their proposal."""
        ...

    async def freeze(
        self,
        run: WarrantedRun,
        action: ActionRecord,
        spec: ToolSpec,
        prepared: Prepared,
        *,
        undo: Undo | None = None,
        undoes: Original | None = None,
    ) -> Frozen:
        """Assign the ordinal and write the frozen record down; again gives the same record."""
        ...

    async def thaw(self, run: WarrantedRun, frozen: Frozen, sentence: str) -> None:
        """Take this frozen record back, and whatever was approved of it: the target has changed."""
        ...

    async def seal(self, run: WarrantedRun, frozen: Frozen, seal: str) -> None:
        """Keep the tool worker's signature beside the frozen record."""
        ...

    async def conclude(self, run: WarrantedRun, action_id: str, conclusion: Conclusion) -> ActionRecord:
        """Write outcome, transcript, spend and audit in one transaction; the first one wins.

        An unknown outcome stays: only the ledger and a person's word settle a write that may have been sent.

        Raises:
            Unavailable: another attempt has the write in hand.
        """
        ...


class Switches(Protocol):
    """Kill switches."""

    async def holding(self, *, env: str, tenant: str, route: str, tool: str | None) -> str | None:
        """The sentence of a switch that stops this, if one does."""
        ...


class Approvals(Protocol):
    """What was asked of people."""

    async def ask(
        self, run: WarrantedRun, frozen: Frozen, *, needed: int, group: str, deadline_ms: int | None
    ) -> ApprovalRecord:
        """Open the approval of this action and order its card; again gives the same one."""
        ...

    async def ask_outcome(self, run: WarrantedRun, action_id: str) -> ApprovalRecord:
        """Ask people what an unknown write did; again gives the same question.

        Raises:
            Refused: the action's outcome is not unknown.
        """
        ...

    async def settle(self, approval_id: str) -> None:
        """Settle an unknown write as the verified answer to its question says; again is nothing.

        The question about a write that is known by now is closed.
        """
        ...

    async def get(self, approval_id: str) -> ApprovalRecord:
        """The approval with the decisions whose signatures hold. Raises Unknown."""
        ...

    async def expire(self, approval_id: str) -> ApprovalRecord:
        """Close it as expired if its deadline has passed and it still waits; else it stays as it is."""
        ...

    async def resume(self, approval_id: str) -> None:
        """Show its run as running again."""
        ...


class Desk(Protocol):
    """Where a person's decision is taken: verified, made durable, turned into a signed grant."""

    async def decide(self, click: Click, *, tenant: str | None = None, env: str | None = None) -> Ruled:
        """Judge and record one click in one transaction."""
        ...


@dataclass(frozen=True, kw_only=True)
class ClaimRequest:
    """A verified action that is about to be sent."""

    run: WarrantedRun
    frozen: Frozen
    action_digest: str
    spec: ToolSpec
    #: This attempt's own name, unique to it: the activity's, and which attempt of it, as ``run:5:2``.
    holder: str
    capability: Capability
    #: This very attempt claimed before and knows that no byte of the request left.
    unsent: bool = False


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What the ledger says to one who wants to write."""

    #: ``send``, ``lookup``, ``find`` (look, and send nothing), ``wait`` (its holder is at it), ``stored``,
    #: ``unknown``, ``refused``, ``halted`` or ``changed`` (the action was frozen anew since).
    say: str
    fence: int = 0
    #: Monotonic milliseconds at which the transaction had committed; the request leaves within 500 ms.
    committed: float = 0.0
    #: Of ``stored``: how it ended.
    stored: Conclusion | None = None
    #: Of ``refused`` and ``halted``: why, in one sentence. ``outcome`` is what a refusal counts as.
    sentence: str = ""
    outcome: Outcome = Outcome.FAILED
    #: True where an earlier claim of this key, by this action, may have sent it.
    again: bool = False


class Ledger(Protocol):
    """Claim before you act; unknown stays unknown."""

    async def admit(self, run: WarrantedRun, action: ActionRecord, spec: ToolSpec) -> None:
        """Check what may have changed and audit the attempt of a read, at once.

        Raises:
            Halted: a kill switch says not now.
            PermissionRefused: the run is closed, or the policy in force no longer allows it.
        """
        ...

    async def known(self, key_hash: str) -> bool:
        """Whether this key may have had its effect, or may have it yet."""
        ...

    async def claim(self, request: ClaimRequest) -> Claim:
        """Check what may have changed, consume the grants, claim the key, audit the attempt: at once.

        Raises Unavailable where a later attempt of the same activity has the claim.
        """
        ...

    async def renew(self, request: ClaimRequest, fence: int) -> None:
        """Say that the claim's holder is still at it; a stale fence renews nothing."""
        ...

    async def confirm(self, request: ClaimRequest, fence: int) -> bool:
        """Whether what was claimed may be sent right now: checked once more, and its lease renewed."""
        ...

    async def release(self, request: ClaimRequest, fence: int, sentence: str) -> bool:
        """The target had changed and nothing was done: free the key for this action, once approved anew.

        False where the fence is stale.
        """
        ...

    async def settle(self, request: ClaimRequest, fence: int, conclusion: Conclusion) -> Conclusion:
        """Settle the claim; a stale fence settles nothing and gets what stands.

        Raises Unavailable where nothing stands yet: another attempt has it in hand.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whose credential a call uses and what it carries; from the verified capability alone."""

    tenant: str
    env: str
    request_id: str
    #: The capability, sent to the tool's service in ``Interlock-Capability``.
    token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a tool's service said."""

    #: ``succeeded``, ``refused``, ``failed`` (no effect happened) or ``unknown`` (it may have).
    outcome: Outcome
    #: For the model: bounded and scrubbed.
    content: str
    #: For people: one sentence.
    text: str
    #: Of ``failed``: asking again may help.
    transient: bool = False
    #: Of ``refused``: the target is at another version than the one that was shown.
    changed: bool = False
    #: Of a read that made an artifact of the run: ``{"kind", "content"}``, bounded and scrubbed.
    artifact: Json | None = None


class Armed(Protocol):
    """A write with its credential in hand, ready to leave."""

    #: The target's version right now; empty where it has none.
    version: str

    async def send(self) -> Answer:
        """Send the frozen bytes with the key."""
        ...

    async def find(self) -> Answer | None:
        """Look the key up at the target: what it did, or None where it did nothing."""
        ...


class Toolbox(Protocol):
    """The tools, behind their sessions: credential, time-out, bounds, scrubbing."""

    async def read(self, spec: ToolSpec, arguments: Json, scope: Scope) -> Answer: ...

    async def prepare(self, spec: ToolSpec, arguments: Json, scope: Scope) -> Prepared | Answer:
        """Read the target with the read credential; an Answer where there is nothing to propose."""
        ...

    async def arm(self, spec: ToolSpec, frozen: Frozen, scope: Scope) -> Armed: ...


class Model(Protocol):
    """A model, asked once per attempt."""

    async def ask(self, request: ModelRequest) -> ModelTurn:
        """Raises Unavailable (a retry may help) or Refused."""
        ...

    def price(self, name: str, declared: Price | None) -> Price:
        """Raises Refused where the model has no known price: fail closed."""
        ...


class RunStarter(Protocol):
    """Temporal, as the gateway uses it."""

    async def start(self, record: RunRecord) -> str:
        """Start the run's workflow, or find it; its first execution run id."""
        ...

    async def nudge(self, run_id: str, approval_id: str, grant_id: str) -> None:
        """Wake the run by an update, or by a signal when no worker answers."""
        ...

    async def resume(self, run_id: str) -> None:
        """Tell a halted run that a switch was lifted."""
        ...

    async def cancel(self, run_id: str, reason: str) -> None: ...


class Secrets(Protocol):
    """Tenant credentials, narrowly scoped and kept for a short time."""

    async def fetch(self, *, tenant: str, env: str, name: str, request_id: str) -> Credential:
        """Raises PermissionRefused where this process may not read it, Unavailable, or Malformed."""
        ...
