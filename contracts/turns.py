"""The steps of a run, as the agent worker writes them down: reserved, decided, recorded."""

from dataclasses import dataclass
from typing import Protocol

from contracts.budget import Usage
from contracts.decision import Call, Decision, Reason
from contracts.run import StopReason, WarrantedRun
from contracts.tool import Catalogue
from contracts.transcript import Message, ModelTurn
from contracts.wire import Turn


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """The worst case of one model attempt, held until its usage is known."""

    attempt_id: str
    step: int
    usd: str
    #: Seconds that the attempt may take.
    seconds: float


@dataclass(frozen=True, kw_only=True)
class NewTurn:
    """A model's answer, decided, as it is written down in one transaction."""

    attempt_id: str
    step: int
    answer: ModelTurn
    calls: tuple[tuple[Call, Decision], ...]
    usd: str
    usage: Usage | None
    duration_ms: int
    stop: StopReason | None
    final: bool
    #: Of a stop that a rule asks for: the rule, and how it came to it.
    why: Reason | None = None


class Turns(Protocol):
    """Steps of a run: budget, transcript, decisions."""

    async def recorded(self, run: WarrantedRun, step: int) -> Turn | None:
        """The turn of this step, if it was recorded."""
        ...

    async def transcript(self, run: WarrantedRun) -> tuple[Message, ...]:
        """The whole transcript, in order."""
        ...

    async def reserve(self, run: WarrantedRun, reservation: Reservation) -> StopReason | None:
        """Reserve the worst case, or name the exhausted budget. Earlier open attempts are charged in full."""
        ...

    async def record(self, run: WarrantedRun, turn: NewTurn, catalogue: Catalogue) -> Turn:
        """Settle the attempt; write transcript, actions, denials, audit. A step's first record wins."""
        ...

    async def abandon(self, run: WarrantedRun, attempt_id: str, *, duration_ms: int, usd: str) -> None:
        """Settle an attempt that brought no turn, at what it is charged."""
        ...
