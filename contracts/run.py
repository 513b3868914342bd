"""A run as its readers see it, and its states."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from contracts.budget import Spend
from contracts.digest import Json
from contracts.tokens import Warrant

ARTIFACTS: Final = 20
"""Artifacts of one run at most: its result is read whole, again and again."""


class RunState(StrEnum):
    """Where a run is. The last four are ends."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING_APPROVAL = "waiting_approval"
    WAITING_RECONCILIATION = "waiting_reconciliation"
    WAITING_BUDGET = "waiting_budget"
    HALTED = "halted"
    COMPLETED = "completed"
    STOPPED = "stopped"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in _ENDS


_ENDS = frozenset({RunState.COMPLETED, RunState.STOPPED, RunState.FAILED, RunState.CANCELLED})


class StopReason(StrEnum):
    """Why a run was stopped before the model was done."""

    BUDGET_STEPS = "budget_steps"
    BUDGET_SECONDS = "budget_seconds"
    BUDGET_USD = "budget_usd"
    DENIALS = "denials"
    LOOP = "loop"
    APPROVAL_DENIED = "approval_denied"
    APPROVAL_EXPIRED = "approval_expired"
    RECONCILIATION = "reconciliation"
    MODEL_REFUSED = "model_refused"


class Outcome(StrEnum):
    """How an action ended."""

    SUCCEEDED = "succeeded"
    #: By the target: an answer for the model, never retried.
    REFUSED = "refused"
    FAILED = "failed"
    #: By policy.
    DENIED = "denied"
    #: By a human.
    REJECTED = "rejected"
    EXPIRED = "expired"
    #: Nobody knows whether the effect happened; nothing repeats it.
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """A run's row: what was asked for, its warrant, and how it stands."""

    run_id: str
    request_id: str
    tenant: str
    env: str
    route: str
    caller: str
    on_behalf_of: str | None
    policy_digest: str
    catalogue_digest: str
    #: The signed warrant; its claims are the truth, the columns beside it are for finding.
    warrant: str
    #: None: it is forgotten.
    input: Json
    state: RunState
    stop_reason: StopReason | None
    #: Temporal's first execution run id; None until the gateway has recorded it.
    first_execution: str | None
    cancel_reason: str | None
    budget: Json
    spend: Spend
    #: Unix milliseconds.
    created_ms: int
    started_ms: int | None
    ended_ms: int | None
    result: Json
    #: Grows with every visible change; what a long poll waits for.
    version: int
    #: The earlier run whose actions this one undoes.
    undoes: str | None = None


@dataclass(frozen=True, kw_only=True)
class WarrantedRun:
    """A run whose warrant was verified: the only thing that activities take a run's word from."""

    warrant: Warrant
    warrant_digest: str
    record: RunRecord


@dataclass(frozen=True, kw_only=True)
class UndoRecord:
    """An undo of one action, by a run of its own."""

    #: The action that it undoes.
    action_id: str
    #: The run that undoes it, its state, and what came of the undo there; None: nothing yet.
    run_id: str
    state: RunState
    outcome: Outcome | None

    @property
    def stands(self) -> bool:
        """Whether it is under way, done, or nobody knows: then no other undo of the action begins."""
        return not self.state.ended or self.outcome in (Outcome.SUCCEEDED, Outcome.UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class ActionRecord:
    """An action's row."""

    action_id: str
    run_id: str
    step: int
    #: Place among the calls of its turn, from 0.
    place: int
    tool: str
    effect: str
    decision: str
    reasons: Json
    approvals: int
    #: None: they are forgotten, with the rest of what was proposed.
    arguments: Json
    arguments_digest: str
    words: str
    call_id: str
    frozen: Json
    seal: str | None
    action_digest: str | None
    idempotency_key: str | None
    key_hash: str | None
    approval_id: str | None
    #: The question that people were asked about its unknown outcome.
    reconciliation_id: str | None
    attempts: int
    outcome: Outcome | None
    outcome_text: str
    duration_ms: int
    created_ms: int
