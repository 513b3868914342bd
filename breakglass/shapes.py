"""Bodies and answers of the break-glass process, as they are frozen."""

from typing import Annotated, Any, Literal

from pydantic import Field

from contracts.passkey import Assertion
from contracts.run import Outcome
from gateway.session_shapes import SessionFields
from gateway.shapes import Answered, Asked, Digest, Sentence, TenantName, Time, ToolName
from policies.switches import SCOPE

_Text = Annotated[str, Field(max_length=2_000)]
_Scope = Annotated[str, Field(pattern=SCOPE)]
_Encoded = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,8192}$")]


class OpenBody(Asked):
    """A session to ask for. Who asks is the token's."""

    tenant: TenantName
    tools: Annotated[list[ToolName], Field(max_length=100)]
    #: From 1 to 30.
    minutes: int
    #: In 10 characters or more.
    reason: _Text
    #: Scopes of kill switches that hold now, and that the session goes past.
    overrides: Annotated[list[_Scope], Field(max_length=20)] = Field(default_factory=list)


class AssertionBody(Asked):
    """A passkey's answer; bytes are base64url without padding."""

    credential_id: _Encoded
    authenticator_data: _Encoded
    client_data: _Encoded
    signature: _Encoded

    def assertion(self) -> Assertion:
        return Assertion(**self.model_dump())


class ConsentBody(Asked):
    """The digest that was read, and a passkey's signature over it."""

    opening_digest: Digest
    assertion: AssertionBody


class CloseBody(Asked):
    reason: Sentence | None = None


class ActBody(Asked):
    """An act to propose."""

    tool: ToolName
    arguments: dict[str, Any]


class ConfirmBody(Asked):
    """The digest of what was shown."""

    action_digest: Digest


class OutcomeBody(Asked):
    """What an act did of which nobody knows."""

    outcome: Literal["it_did", "it_did_not"]
    reason: Sentence


class ChangeShape(Answered):
    field: str
    before: str
    after: str


class PreviewShape(Answered):
    #: As people name it.
    target: str
    changes: tuple[ChangeShape, ...]
    #: Who is affected if it is wrong.
    stakes: str
    #: How and until when it can be undone; empty: it cannot.
    undo: str
    #: Money and counts that nobody must miss.
    figures: tuple[str, ...]


class UndoCall(Answered):
    """The call that takes an act back."""

    tool: str
    arguments: dict[str, Any]


class ActShape(Answered):
    act_id: str
    #: From 1.
    ordinal: int
    tool: str
    effect: str
    #: Null: they are forgotten, with the rest of its content.
    arguments: dict[str, Any] | None
    target: str | None
    #: Null: there is nothing to confirm.
    preview: PreviewShape | None
    action_digest: str | None
    idempotency_key: str | None
    #: Null: nothing takes it back.
    undo: UndoCall | None
    #: Null: it has no end yet.
    outcome: Outcome | None
    text: str
    attempts: int
    duration_ms: int
    proposed_at: Time


class SessionShape(SessionFields):
    acts: tuple[ActShape, ...]


class SessionList(Answered):
    #: Newest first.
    sessions: tuple[SessionShape, ...]


class ReportUndo(Answered):
    #: How and until when, in words; empty: by the call alone.
    text: str
    tool: str | None
    arguments: dict[str, Any] | None


class ReportAct(Answered):
    ordinal: int
    tool: str
    target: str | None
    idempotency_key: str | None
    action_digest: str | None
    outcome: Outcome
    text: str
    changes: tuple[ChangeShape, ...]
    undo: ReportUndo | None
    proposed_at: Time
    #: When its end was written down, of an unknown one too; null: it was never let out.
    ended_at: Time | None


class ReportShape(Answered):
    """What is kept of a session that was open; its digest is in the audit record of the end."""

    session_id: str
    tenant: str
    env: str
    opener: str
    consenter: str | None
    reason: str
    tools: tuple[str, ...]
    overrides: tuple[str, ...]
    asked_at: Time
    opened_at: Time | None
    until: Time | None
    ended_at: Time
    ended_by: str
    ended_why: str
    told: tuple[str, ...]
    acts: tuple[ReportAct, ...]
    #: Calls on it that were not let through.
    refused: int


class HealthShape(Answered):
    status: Literal["ok"]
