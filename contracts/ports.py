"""Ports: what the activities and the gateway need of the world, as protocols.

Every port raises ``Unavailable`` when its neighbour cannot be reached, which a retry may mend.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from contracts.action import Frozen, Original, Prepared, Undo
from contracts.approval import ApprovalRecord, Click, Person, Ruled, Terms
from contracts.credential import Credential
from contracts.digest import Json
from contracts.errors import Halted
from contracts.ledger import Conclusion
from contracts.passkey import Assertion
from contracts.run import ActionRecord, RunRecord, WarrantedRun
from contracts.tool import ToolSpec
from contracts.transcript import ModelRequest, ModelTurn, Price
from contracts.wire import Ending


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

    async def halt(self, run: WarrantedRun, sentence: str, rules: tuple[str, ...] = ()) -> None:
        """Show the run as halted, by a kill switch or a breaker."""
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

    async def holding(self, *, env: str, tenant: str, route: str, tool: str | None) -> Halted | None:
        """What a switch that stops this says, if one does."""
        ...


class Approvals(Protocol):
    """What was asked of people."""

    async def ask(self, run: WarrantedRun, frozen: Frozen, *, needed: int, terms: Terms) -> ApprovalRecord:
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

    async def weigh(self, click: Click, *, env: str | None = None) -> Ruled:
        """What ``decide`` would say now; nothing is decided, and that it was asked is audited."""
        ...


class PasskeyVerifier(Protocol):
    """Tells whether a person signed an action with a passkey of theirs. It never raises."""

    def verified(self, assertion: Assertion, person: Person, action_digest: str) -> bool:
        """True only where one of this person's passkeys signed this digest, on our pages, user verified."""
        ...


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
