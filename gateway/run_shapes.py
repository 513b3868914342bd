"""Answers about runs and their actions, as they are frozen."""

from typing import Any, Literal

from contracts.run import Outcome, RunState, StopReason
from gateway.shapes import Answered, Time


class BudgetShape(Answered):
    steps: int
    seconds: int
    usd: str
    denials: int


class SpendShape(Answered):
    steps: int
    seconds: float
    usd: str
    denials: int


class UndoShape(Answered):
    """What takes a write back."""

    #: The tool whose call was sealed with the write.
    tool: str
    #: The run that undid it or is at it; null: none.
    run_id: str | None
    #: Whether it is undone.
    done: bool


class ActionShape(Answered):
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


class ResultShape(Answered):
    text: str
    data: dict[str, Any]
    artifacts: list[Any]


class RunHead(Answered):
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


class RunPage(Answered):
    runs: tuple[RunShape, ...]
    #: Where the next page starts; null on the last one.
    cursor: str | None
