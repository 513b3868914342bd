"""What a run's event stream carries: what happened, with the thing that it happened to as it is now."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from contracts.approval import ApprovalRecord
from contracts.audit import ChainedRecord
from contracts.run import ActionRecord, RunRecord, RunState, UndoRecord
from gateway.approval_shapes import ApprovalShape
from gateway.run_shapes import ActionShape, RunHead
from gateway.shapes import Time
from gateway.views import action_view, approval_view, run_head
from policies.times import time_of

EventName = Literal["run", "action", "approval"]

NAMES: Final[Mapping[str, EventName]] = {
    "run": "run",
    "decision": "action",
    "attempt": "action",
    "result": "action",
    "approval": "approval",
}
"""Name of the event that a record of this kind makes."""


class _Event(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    #: When it happened.
    at: Time
    #: Who did it: a caller, ``principal:…``, ``op:…`` or ``run``.
    actor: str
    #: What came of it, in one word.
    outcome: str
    reason: str
    #: Nothing comes after this one.
    last: bool


class RunEvent(_Event):
    """The run changed its state."""

    kind: Literal["run"]
    run: RunHead


class ActionEvent(_Event):
    """An action was decided on, sent, or answered."""

    kind: Literal["decision", "attempt", "result"]
    #: ``ENV/TENANT/NAME``, where a credential was used.
    credential_scope: str | None
    action: ActionShape


class ApprovalEvent(_Event):
    """People were asked, one decided or was refused, or it was closed."""

    kind: Literal["approval"]
    approval: ApprovalShape


class Event(RootModel[Annotated[RunEvent | ActionEvent | ApprovalEvent, Field(discriminator="kind")]]):
    """The data of one event."""


def ends(chained: ChainedRecord) -> bool:
    """Whether this is the record of its run's end."""
    record = chained.record
    return record["kind"] == "run" and record["outcome"] in _ENDS


_ENDS: Final = frozenset(state.value for state in RunState if state.ended)


def event_view(
    chained: ChainedRecord,
    run: RunRecord,
    actions: Mapping[str, ActionRecord],
    approvals: Mapping[str, ApprovalRecord],
    undos: Mapping[str, UndoRecord],
) -> Event:
    """The event that a record makes; ``actions``, ``approvals`` and ``undos`` are of the run, by id."""
    record = chained.record
    about: dict[str, Any] = {}
    match NAMES[record["kind"]]:
        case "run":
            about["run"] = run_head(run)
        case "action":
            action = actions[record["action_id"]]
            about["action"] = action_view(
                action, approvals.get(action.approval_id or ""), undos.get(action.action_id)
            )
            about["credential_scope"] = record["credential_scope"]
        case "approval":
            about["approval"] = approval_view(approvals[record["approval_id"]])
    return Event.model_validate(
        {
            **{name: record[name] for name in ("kind", "actor", "outcome")},
            "reason": chained.reason,
            "at": time_of(record["at_ms"]),
            "last": ends(chained),
            **about,
        }
    )
