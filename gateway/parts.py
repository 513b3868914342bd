"""The gateway's parts, as its routes are given them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from contracts.approval import Refusal, Ruled
from contracts.attempts import Attempts
from contracts.ports import Clock, Desk, RunStarter
from contracts.tokens import Signer, Verifier
from gateway.in_force import InForce
from gateway.launcher import Launcher
from gateway.pages.glass import Broken, broken
from gateway.pages.look import APPROVALS, Look
from gateway.ports import (
    ActionRows,
    AnswerRows,
    ApprovalRows,
    AuditRows,
    BreakerRows,
    CareRows,
    DenialForms,
    Drain,
    Identity,
    OpeningRows,
    OutboxRows,
    PasskeyReader,
    PayloadCodec,
    PrivateWord,
    Probe,
    RunRows,
    SessionRows,
    SlackSignature,
    SourceRows,
    SwitchRows,
)
from gateway.resumer import Resumer
from gateway.watching import Watching
from policies.pages import Pages


@dataclass(frozen=True, kw_only=True)
class SlackApp:
    """The one app, workspace and channel whose clicks count, and how its people are answered."""

    team: str
    app: str
    channel: str
    #: Of the stand-in; empty: Slack's own.
    url: str
    signature: SlackSignature
    private: PrivateWord
    forms: DenialForms
    #: Base URL of the pages; empty: there are none.
    pages: str = ""


@dataclass(frozen=True, kw_only=True)
class PagesApp:
    """The pages on which people read and decide."""

    at: Pages
    identity: Identity
    sessions: SessionRows
    passkeys: PasskeyReader
    look: Look = APPROVALS


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything that a request can need."""

    env: str
    clock: Clock
    verifier: Verifier
    signer: Signer
    in_force: InForce
    runs: RunRows
    actions: ActionRows
    approvals: ApprovalRows
    desk: Desk
    switches: SwitchRows
    breakers: BreakerRows
    audit: AuditRows
    attempts: Attempts
    openings: OpeningRows
    care: CareRows
    answers: AnswerRows
    sources: SourceRows
    starter: RunStarter
    slack: SlackApp
    codec: PayloadCodec
    #: Public key of capabilities as a JWK: the only key that is served.
    capability_jwk: Mapping[str, str]
    outbox: OutboxRows
    drain: Drain
    launcher: Launcher
    resumer: Resumer
    watching: Watching
    #: By the neighbour's name.
    probes: Mapping[str, Probe] = field(default_factory=dict)
    #: None: there are none.
    pages: PagesApp | None = None
    #: Origin of Temporal's Web UI, which may call the codec from a browser; empty: none.
    temporal_ui: str = ""
    #: Called in this order when the gateway stops.
    closing: tuple[Callable[[], Awaitable[None]], ...] = ()

    async def broken(self) -> tuple[Broken, ...]:
        """The sessions of break-glass that are open now: every page tells of them."""
        return broken(await self.openings.unended(self.env), self.clock.now_ms())

    def told(self, ruled: Ruled) -> str:
        """What a person is told whose decision did not count, and where they have to go."""
        if ruled.refusal is not Refusal.NEEDS_PASSKEY or ruled.approval is None or self.pages is None:
            return ruled.sentence
        return f"{ruled.sentence} {self.pages.at.origin}/approvals/{ruled.approval.approval_id}"


def parts_of(request: Request) -> Parts:
    parts = request.app.state.parts
    assert isinstance(parts, Parts)  # noqa: S101 - gateway.app puts them there
    return parts


Given = Annotated[Parts, Depends(parts_of)]
