"""An approval as its page shows it: drawn from the row and the frozen record alone, nothing left out."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from contracts.action import Change, Frozen
from contracts.approval import ApprovalKind, ApprovalRecord
from contracts.digest import Json
from contracts.errors import Malformed
from policies.alphabets import marked
from policies.diff_text import Piece, pieces
from policies.people import People, short_name
from policies.visible import visible

_BRIEF: Final = 80
"""Characters of a value that is read beside another at a glance."""


@dataclass(frozen=True, kw_only=True)
class Changed:
    """One field that changes, as it is compared."""

    field: str
    before: str
    after: str

    @property
    def brief(self) -> bool:
        return all(len(text) <= _BRIEF and "\n" not in text for text in (self.before, self.after))

    @property
    def pieces(self) -> tuple[Piece, ...]:
        return pieces(self.before, self.after)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the page says of the action; of a record that cannot be read, only that."""

    approval: ApprovalRecord
    #: None: what stands in the store is no frozen action.
    frozen: Frozen | None

    @property
    def genuine(self) -> bool:
        """Whether this is the record that was frozen, so that deciding on it means something."""
        return self.frozen is not None and self.frozen.digest() == self.approval.action_digest

    @property
    def title(self) -> str:
        if self.frozen is None:
            return self.approval.approval_id
        return self.frozen.preview.target or self.frozen.target

    @property
    def asks(self) -> str:
        """The question that people answer."""
        return _QUESTIONS[self.approval.kind]

    @property
    def production(self) -> bool:
        """Rather once too often than once too little."""
        return self.approval.env.casefold().startswith("prod")

    @property
    def changes(self) -> tuple[Changed, ...]:
        return compared(self.frozen) if self.frozen else ()

    @property
    def arguments(self) -> str:
        return written(self.frozen.arguments) if self.frozen else ""

    @property
    def record(self) -> str:
        """All that was frozen, or what stands in its place."""
        return written(self.approval.action)


_QUESTIONS: Final = {
    ApprovalKind.ACTION: "May this happen?",
    ApprovalKind.RECONCILE: "Did this happen?",
    ApprovalKind.BUDGET: "May this run spend more?",
}


def shown(approval: ApprovalRecord) -> Shown:
    try:
        frozen = Frozen.read(approval.action)
    except Malformed:
        frozen = None
    return Shown(approval=approval, frozen=frozen)


def compared(frozen: Frozen) -> tuple[Changed, ...]:
    """What it changes, compared as it is seen: what does not show is spelled out before."""
    return tuple(map(_changed, frozen.preview.changes))


def _changed(change: Change) -> Changed:
    before, after = (marked(text, visible(text)) for text in (change.before, change.after))
    return Changed(field=change.field, before=before, after=after)


def written(value: Json) -> str:
    """JSON as people read it; only the spaces at the start of a line are ours."""
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    return "\n".join(_line(line) for line in text.split("\n"))


def _line(line: str) -> str:
    rest = line.lstrip(" ")
    return " " * (len(line) - len(rest)) + visible(rest)


def named(subject: str, people: People) -> str:
    """A subject, with the person of the people file behind it where there is exactly one."""
    person = people.by_subject(subject)
    if person is None:
        return subject
    name = short_name(person.principal)
    return name if subject == person.principal else f"{subject} ({name})"


def soonest(approvals: Iterable[ApprovalRecord]) -> list[ApprovalRecord]:
    """What ends first comes first; what never ends comes last, the oldest first."""

    def order(approval: ApprovalRecord) -> tuple[bool, int, int]:
        deadline = approval.deadline_ms
        return deadline is None, deadline or 0, approval.requested_ms

    return sorted(approvals, key=order)
