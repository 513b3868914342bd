"""The tools, as the activities use them: behind their sessions, with what a target answered."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from contracts.action import Frozen, Prepared
from contracts.digest import Json
from contracts.run import Outcome
from contracts.tool import ToolSpec

Gate: TypeAlias = Callable[[], Awaitable[None]]
"""Asked when the connection stands and the first byte of a request is next. It raises what forbids that it
leaves: Halted or PermissionRefused, or Unavailable, since a store that cannot be reached means no."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whose credential a call uses and what it carries; from the verified capability alone."""

    tenant: str
    env: str
    request_id: str
    #: The capability, sent to the tool's service in ``Interlock-Capability``.
    token: str = field(repr=False)
    #: Of every request that only reads.
    gate: Gate = field(repr=False, compare=False)
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
    #: Of ``failed``: its gate held the request back, and no byte of it left.
    held: bool = False
    #: Of ``refused``: the target is at another version than the one that was shown.
    changed: bool = False
    #: Of a read that made an artifact of the run: ``{"kind", "content"}``, bounded and scrubbed.
    artifact: Json | None = None
    #: What the audit notes of it, such as ``break-glass.mentioned``.
    rules: tuple[str, ...] = ()


class Armed(Protocol):
    """A write with its credential in hand, ready to leave."""

    #: The target's version right now; empty where it has none.
    version: str

    async def send(self, gate: Gate) -> Answer:
        """Send the frozen bytes with the key, once the gate lets them."""
        ...

    async def find(self) -> Answer | None:
        """Look the key up at the target: what it did, or None where it did nothing."""
        ...


class Toolbox(Protocol):
    """The tools, behind their sessions: credential, time-out, bounds, scrubbing."""

    async def read(self, spec: ToolSpec, arguments: Json, scope: Scope) -> Answer:
        """Read; raises what the scope's gate raises, as the others do."""
        ...

    async def prepare(self, spec: ToolSpec, arguments: Json, scope: Scope) -> Prepared | Answer:
        """Read the target with the read credential; an Answer where there is nothing to propose."""
        ...

    async def arm(self, spec: ToolSpec, frozen: Frozen, scope: Scope) -> Armed: ...
