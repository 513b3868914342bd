"""The tools, as the activities use them: behind their sessions, with what a target answered."""

from dataclasses import dataclass, field
from typing import Protocol

from contracts.action import Frozen, Prepared
from contracts.digest import Json
from contracts.run import Outcome
from contracts.tool import ToolSpec


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whose credential a call uses and what it carries; from the verified capability alone."""

    tenant: str
    env: str
    request_id: str
    #: The capability, sent to the tool's service in ``Interlock-Capability``.
    token: str = field(repr=False)
    #: Egress rules as routes write them, of each policy that holds: every one of these has to permit an
    #: address that the call itself fetches. Empty: it fetches none.
    egress: tuple[Json, ...] = ()


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
