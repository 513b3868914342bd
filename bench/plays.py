"""Plays for many runs and for long ones, on the stage that the tests of the workflow use."""

import secrets
import time
from dataclasses import dataclass, field, replace

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from temporalio import activity

from contracts import names
from contracts.tokens import Capability, Purpose
from contracts.wire import Lease, Proposal, RunStart, Step, Turn
from tests.workflows.fakes import LONG_AHEAD, Stage, read, write


def _digest() -> str:
    return f"sha256:{secrets.token_hex(32)}"


def capability() -> str:
    """As the broker signs it for the reads of a shipped route, with a key that nobody trusts."""
    claims = Capability(
        jti=secrets.token_hex(8),
        run_id=f"run_{secrets.token_hex(12)}",
        tenant="acme",
        env="dev",
        route="support/close",
        tools=("kb.search", "ticket.close", "tickets.get"),
        policy_digest=_digest(),
        warrant_digest=_digest(),
        exp=LONG_AHEAD,
    ).claims()
    registered = {"aud": Purpose.CAPABILITY.audience, "iat": int(time.time())}
    key = Ed25519PrivateKey.generate()
    headers = {"typ": Purpose.CAPABILITY.typ, "kid": secrets.token_hex(8)}
    return jwt.encode(claims | registered, key, algorithm="EdDSA", headers=headers)


@dataclass
class Crowd(Stage):
    """Every run proposes one write of its own, and waits for its own approval."""

    @activity.defn(name=names.THINK)
    async def think(self, step: Step) -> Turn:
        self.calls[names.THINK] += 1
        if step.step > 1:
            return Turn(step=step.step, final=True)
        action_id = action_of(activity.info().workflow_id or "")
        return Turn(step=1, calls=(replace(write(1), action_id=action_id),))


def action_of(run_id: str) -> str:
    """The one action of a run of the crowd."""
    return f"{run_id}.1.0"


@dataclass
class Marathon(Stage):
    """One read a step, and at one step a write that people decide on; records and tokens of real size."""

    steps: int = 0
    #: The step of the write.
    asks_at: int = 0
    _token: str = field(default_factory=capability)

    @activity.defn(name=names.OPEN)
    async def open_run(self, start: RunStart) -> Lease:  # noqa: ARG002 - the activity's own argument
        self.calls[names.OPEN] += 1
        return Lease(token=self._token, expires=LONG_AHEAD)

    @activity.defn(name=names.THINK)
    async def think(self, step: Step) -> Turn:
        self.calls[names.THINK] += 1
        if step.step > self.steps:
            return Turn(step=step.step, final=True)
        call = write(step.step) if step.step == self.asks_at else read(step.step)
        return Turn(step=step.step, calls=(_of_real_size(call),))


def _of_real_size(call: Proposal) -> Proposal:
    return replace(call, tool="tickets.get", rules=("allow_tools[1]",), arguments_digest=_digest())
