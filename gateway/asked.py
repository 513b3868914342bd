"""Bodies and query strings of the HTTP interface, as they are frozen. Dollars are text."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from contracts.approval import Answer, ApprovalState
from contracts.run import RunState
from gateway.shapes import (
    ActionKey,
    Asked,
    Cursor,
    Digest,
    Filter,
    Moment,
    RouteName,
    Sentence,
    Subject,
    TenantName,
    ToolName,
)
from policies.undo import LIMIT


class BudgetBody(Asked):
    """Ceilings narrower than the route's."""

    steps: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[int, Field(ge=1)] | None = None
    usd: Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$")] | None = None
    denials: Annotated[int, Field(ge=0)] | None = None


class StartBody(Asked):
    """A run to start. Tenant and environment are the token's."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"route": "support/close", "input": {"ticket_id": "T-18421"}}]}
    )

    route: RouteName
    #: As the route's ``input`` describes it.
    input: dict[str, Any]
    on_behalf_of: Subject | None = None
    budgets: BudgetBody | None = None


class CancelBody(Asked):
    reason: Sentence


class UndoBody(Asked):
    """Which writes of the run to undo. What is called, and with what, was sealed with each of them."""

    #: Idempotency keys of the run's actions; left out: all that can be undone.
    actions: Annotated[list[ActionKey], Field(min_length=1, max_length=LIMIT)] | None = None
    #: For whom the undo acts; left out: for whom the run acted.
    on_behalf_of: Subject | None = None
    #: For those who approve it.
    reason: Sentence | None = None


class DecisionBody(Asked):
    """A person's decision on one action digest."""

    decision: Literal["approve", "deny", "withdraw", "it_did", "it_did_not", "stop"]
    action_digest: Digest
    reason: Sentence | None = None

    @property
    def answer(self) -> Answer:
        return Answer(self.decision)


class SwitchBody(Asked):
    stopped: bool
    reason: Sentence
    #: When it lifts itself.
    until: Moment | None = None


class ResetBody(Asked):
    reason: Sentence


class RunFilter(Filter):
    route: RouteName | None = None
    state: RunState | None = None
    tenant: TenantName | None = None
    cursor: Cursor | None = None


class LetterFilter(Filter):
    """``dead``: only what was given up."""

    dead: bool = False
    cursor: Cursor | None = None


class Patience(Filter):
    """``wait`` seconds for a change since ``version``, or since now."""

    wait: Annotated[int, Field(ge=0, le=60)] = 0
    version: Annotated[int, Field(ge=0)] | None = None


class EventFilter(Filter):
    """Which events; ``follow`` false: those that there are, and then the stream ends."""

    last_event_id: Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,15})$")] | None = None
    follow: bool = True


class ApprovalFilter(Filter):
    state: ApprovalState | None = None
    cursor: Cursor | None = None


class CareFilter(Filter):
    """``since``: left out: 24 hours ago."""

    since: Moment | None = None
    tenant: TenantName | None = None


class AuditFilter(Filter):
    run_id: Annotated[str, Field(pattern=r"^run_[0-9a-f]{1,36}$")] | None = None
    #: ``system`` is the chain of what belongs to no tenant.
    tenant: TenantName | None = None
    tool: ToolName | None = None
    since: Moment | None = None
    cursor: Cursor | None = None
