"""A session and its acts as their page shows them, from the rows and the frozen records alone."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from contracts.action import Frozen
from contracts.approval import Person
from contracts.break_glass import SessionRecord, SessionState
from contracts.run import ActionRecord, Outcome
from gateway.pages.shown import Changed, compared, written
from policies.break_glass import lapses_ms
from policies.people import short_name
from policies.times import moment, span

OUTCOMES: Final[Mapping[Outcome, str]] = {
    Outcome.SUCCEEDED: "Done.",
    Outcome.REFUSED: "The target refused it; nothing was changed.",
    Outcome.FAILED: "It failed; nothing was changed.",
    Outcome.DENIED: "It was not let through; nothing was sent.",
    Outcome.REJECTED: "It was not let through; nothing was sent.",
    Outcome.EXPIRED: "It came too late; nothing was sent.",
    Outcome.UNKNOWN: "Nobody knows whether it happened. Nothing repeats it or writes to its target.",
    Outcome.SKIPPED: "It was not confirmed; nothing was sent.",
}

_LABELS: Final[Mapping[Outcome | None, tuple[str, str]]] = {
    None: ("Now", "Then"),
    Outcome.SUCCEEDED: ("Before", "After"),
    Outcome.UNKNOWN: ("Before", "Perhaps now"),
}
"""Of a field's two values; any other act changed nothing."""

_STATES: Final[Mapping[SessionState, str]] = {
    SessionState.WAITING: "Waits for a second person",
    SessionState.OPEN: "Open",
    SessionState.CLOSED: "Closed",
    SessionState.REFUSED: "Refused",
    SessionState.LAPSED: "Nobody consented in time",
}


@dataclass(frozen=True, kw_only=True)
class ShownAct:
    """One act; ``frozen`` is None where there was nothing to confirm."""

    record: ActionRecord
    frozen: Frozen | None

    @property
    def changes(self) -> tuple[Changed, ...]:
        return () if self.frozen is None else compared(self.frozen)

    @property
    def labels(self) -> tuple[str, str]:
        """Of a field's value before it and after it."""
        return _LABELS.get(self.record.outcome, ("Before", "Was to be"))

    @property
    def matters(self) -> bool:
        """Whether it may yet do harm, or did: of what was not done there is nothing to undo."""
        return self.record.outcome in _LABELS

    @property
    def arguments(self) -> str:
        """As they are sent, where that is known."""
        return written(self.record.arguments if self.frozen is None else self.frozen.arguments)

    @property
    def waits(self) -> bool:
        """Whether it can be confirmed."""
        return self.record.outcome is None and self.frozen is not None and self.record.seal is None

    @property
    def unknown(self) -> bool:
        return self.record.outcome is Outcome.UNKNOWN

    @property
    def stands(self) -> str:
        """What came of it, in a sentence."""
        if self.record.outcome is not None:
            return OUTCOMES[self.record.outcome]
        return "Nothing is sent yet." if self.waits else "It is being carried out."

    @property
    def undo(self) -> str:
        """The call that takes it back, as an act is written here; empty: there is none."""
        call = None if self.frozen is None else self.frozen.undo
        return "" if call is None else f"{call.tool} {json.dumps(call.arguments, ensure_ascii=False)}"


@dataclass(frozen=True, kw_only=True)
class ShownSession:
    """A session before somebody of the group."""

    record: SessionRecord
    acts: tuple[ShownAct, ...]
    person: Person
    now_ms: int

    @property
    def session_id(self) -> str:
        return self.record.opening.session_id

    @property
    def mine(self) -> bool:
        return self.person.principal == self.record.opening.opener

    @property
    def waiting(self) -> bool:
        return self.record.state is SessionState.WAITING and self.left_ms > 0

    @property
    def open(self) -> bool:
        return self.record.state is SessionState.OPEN and self.left_ms > 0

    @property
    def heading(self) -> str:
        over = self.record.state is SessionState.OPEN and not self.open
        return "Its minutes are over" if over else _STATES[self.record.state]

    @property
    def production(self) -> bool:
        """Rather once too often than once too little."""
        return self.record.opening.env.casefold().startswith("prod")

    @property
    def until_ms(self) -> int:
        """When it stops waiting, or being open."""
        opened = self.record.until_ms
        return lapses_ms(self.record.opening) if opened is None else opened

    @property
    def left_ms(self) -> int:
        return self.until_ms - self.now_ms

    @property
    def left(self) -> str:
        return f"{span(self.left_ms)} left"

    @property
    def in_hand(self) -> ShownAct | None:
        """The act that is on its way, beside which nothing else begins."""
        return next((act for act in self.acts if act.record.outcome is None and not act.waits), None)

    @property
    def proposed(self) -> ShownAct | None:
        """The act that waits for its target to be typed; another proposal takes its place."""
        return next((act for act in self.acts if act.waits), None)

    @property
    def ended(self) -> str:
        """When, by whom and why; empty: it has not ended."""
        record = self.record
        if record.ended_ms is None:
            return ""
        by = "" if record.ended_by in (None, "break-glass") else f" by {short_name(record.ended_by or '')}"
        return f"{moment(record.ended_ms)}{by}: {record.ended_why}"

    @property
    def report(self) -> str:
        return "" if self.record.report is None else written(self.record.report)


def shown(record: SessionRecord, acts: Sequence[ActionRecord], person: Person, now_ms: int) -> ShownSession:
    return ShownSession(
        record=record,
        acts=tuple(
            ShownAct(record=act, frozen=None if act.frozen is None else Frozen.read(act.frozen))
            for act in acts
        ),
        person=person,
        now_ms=now_ms,
    )
