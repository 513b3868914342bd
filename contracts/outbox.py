"""The outbox: what leaves Interlock for a reader elsewhere, and who brings it there."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol


class LetterKind(StrEnum):
    """What leaves, and for whom."""

    #: An approval's card in Slack, brought up to the approval's version.
    CARD = "card"
    #: A run, for Temporal.
    START = "start"
    #: A decision, for the run that waits for it.
    DECISION = "decision"
    #: A cancellation, for the run that is to end.
    CANCEL = "cancel"
    #: For a halted run: the switch that held it may be lifted.
    RESUME = "resume"
    #: Under a card: people are reminded that it waits.
    REMINDER = "reminder"
    #: Under a card: a second group may decide from now on.
    ESCALATION = "escalation"
    #: Under a card: what came of it, for who asked.
    NOTICE = "notice"
    #: In the alert channel: policy changed, or something was stopped. It belongs to no run.
    ALERT = "alert"


TO_RUNS: Final = frozenset({LetterKind.START, LetterKind.DECISION, LetterKind.CANCEL, LetterKind.RESUME})
"""What the gateway brings to Temporal; cards and notes are the broker's to bring."""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """Something that has not arrived yet, as operators see it."""

    #: ``KIND:ID``, such as ``card:apr_…``, ``decision:gr_…``, ``cancel:run_…``.
    outbox_id: str
    kind: LetterKind
    #: Empty of an alert, as its route is; its tenant is ``system``.
    run_id: str
    tenant: str
    route: str
    #: Of a card: the approval that it shows.
    approval_id: str | None
    #: Failures since it was ordered, brought up to date or retried last.
    attempts: int
    #: Given up; ``retry`` takes it up again.
    dead: bool
    #: The last failure, in one sentence.
    error: str
    #: Unix milliseconds before which nothing is tried.
    next_ms: int


@dataclass(frozen=True, kw_only=True)
class Held:
    """A letter under one drainer's lease, which ends at the moment that names it."""

    outbox_id: str
    kind: LetterKind
    #: Empty of an alert, which belongs to no run.
    run_id: str
    approval_id: str | None
    attempts: int
    #: Of a card or a note: a post left whose fate is not known.
    posting: bool
    lease_ms: int

    @property
    def subject(self) -> str:
        """Id of the thing that it is about."""
        return self.outbox_id.partition(":")[2]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Where a card stands, and the version of the approval that it shows there."""

    channel: str
    message_ts: str
    version: int


class Carrier(Protocol):
    """Brings letters of one kind to their reader."""

    async def carry(self, letter: Held) -> Shown | None:
        """Bring it, or find that it has arrived; None of what is over with that.

        A process may die before it is written down that a letter arrived, so each can come twice: the carrier
        sees to it that its reader takes it once. Errors mean what ``policies.retrying`` says.
        """
        ...
