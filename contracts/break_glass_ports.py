"""Ports of the break-glass process: its sessions and acts, as its store keeps them.

Each raises ``Unavailable`` when the store cannot be reached, which means no.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from contracts.break_glass import Opening, Overridden, Session, SessionRecord, SessionState
from contracts.digest import Json
from contracts.run import ActionRecord, WarrantedRun
from contracts.tool import Effect


@dataclass(frozen=True, kw_only=True)
class NewAct:
    """An act as its person proposes it."""

    #: Unique in the session: the same key is the same act.
    key: str
    tool: str
    effect: Effect
    arguments: Json


@dataclass(frozen=True, kw_only=True)
class End:
    """How a session ends."""

    state: SessionState
    #: ``principal:…``, or ``break-glass``.
    actor: str
    #: One sentence.
    why: str


class Sessions(Protocol):
    """Sessions: asked for, opened, ended. Each change is audited and announced in its own transaction."""

    async def ask(self, opening: Opening) -> SessionRecord:
        """Write the opening down and alert everybody.

        Raises:
            PermissionRefused: the tenant was forgotten: nothing can be kept of what is done to it.
            Conflict: its opener has a session that has not ended.
        """
        ...

    async def get(self, session_id: str) -> SessionRecord:
        """Raises Unknown."""
        ...

    async def list(self, env: str, *, limit: int = 50) -> Sequence[SessionRecord]:
        """Newest first."""
        ...

    async def unended(self, env: str) -> Sequence[SessionRecord]:
        """Those that wait or are open."""
        ...

    async def open(self, session: Session, token: str, told: Sequence[str]) -> SessionRecord:
        """From waiting to open, once; ``told`` are the principals of the approvers who are skipped.

        An alert goes to the channel, and one to each of them by name.

        Raises:
            Conflict: it does not wait any more.
        """
        ...

    async def end(self, session_id: str, end: End) -> SessionRecord:
        """The first end stands; again is nothing. What was never sent is skipped.

        Raises:
            Unavailable: one of its acts was claimed and has no end; that is settled first.
            Conflict: one that waits is refused or lapses, and one that is open is closed.
        """
        ...

    async def break_off(self, session_id: str) -> None:
        """What was sent of an open session and nobody will settle is unknown."""
        ...

    async def stops(self, env: str, scopes: Sequence[str]) -> Sequence[Overridden]:
        """Those of these kill switches that hold right now."""
        ...

    async def acted_for(self, tenant: str, env: str) -> frozenset[str]:
        """Every subject and service whom an open run of this tenant acts for, its caller among them."""
        ...

    async def refuse(self, *, env: str, actor: str, session_id: str | None, what: str, reason: str) -> None:
        """Audit what was not let through: ``open``, ``consent``, ``act``, ``close`` or ``read``."""
        ...


class Acts(Protocol):
    """Acts of sessions, beside what ``contracts.ports.Actions`` does with them."""

    async def propose(self, run: WarrantedRun, act: NewAct) -> ActionRecord:
        """Write the act down; the same key again gives the same act.

        One that was proposed before and not confirmed is skipped.

        Raises:
            Conflict: the key was used for another act, or another act was confirmed and has not ended.
            PermissionRefused: the session is not open any more.
            Malformed: its arguments hold a number that two parsers may read differently.
        """
        ...

    async def of(self, session_id: str) -> Sequence[ActionRecord]:
        """All acts of a session, in their order."""
        ...

    async def confirmed(self, run: WarrantedRun, action_id: str, action_digest: str, seal: str) -> None:
        """Keep the seal and audit that its person confirmed this digest; again is nothing.

        Raises:
            Conflict: it was frozen with other bytes, or has ended.
        """
        ...

    async def settle(
        self, session_id: str, action_id: str, *, happened: bool, actor: str, reason: str
    ) -> ActionRecord:
        """Settle an act whose outcome nobody knows as a person says; its claim with it.

        Raises:
            Unknown: there is no such act, or its session was never open.
            Conflict: its outcome is known.
        """
        ...


class Holds(Protocol):
    """Which process acts in an open session, and how often it was asked for what it does not do."""

    async def begin(self, session_id: str, holder: str) -> None:
        """Of the process that opened it."""
        ...

    async def take(self, session_id: str, holder: str) -> bool:
        """Say that its holder lives, or take it over from one who was silent; False: another has it."""
        ...

    async def refused(self, session_id: str) -> None:
        """Count a call on it that was not let through."""
        ...
