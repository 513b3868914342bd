"""A round's figures as a table."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from tests.chaos.books import Books, Entry

_NAMES: Final = re.compile(r"T-\d+|req_[0-9a-f]+:\S+|\d+")
_HEAD: Final = (
    "kind",
    "approved",
    "executed once",
    "no effect",
    "unknown, asked",
    "doubled",
    "lost",
    "misreported",
)


def table(books: Books) -> str:
    """One line for each kind of retry, their sum, and what nobody approved."""
    kinds = ("native", "lookup", "none")
    rows = [_row(kind, [entry for entry in books.entries if entry.kind == kind]) for kind in kinds]
    rows.append(_row("all", books.entries))
    lines = ["  ".join(f"{cell:>14}" for cell in row) for row in (_HEAD, *rows)]
    total = len(books.entries)
    unapproved = len(books.unapproved)
    lines += [f"{times:>14}  {why}" for why, times in _without_effect(books).most_common()]
    return "\n".join([*lines, f"unapproved {unapproved}; books in agreement {books.agreeing} of {total}"])


def _without_effect(books: Books) -> Counter[str]:
    """How often approved writes ended without an effect, by why."""
    ends = (entry for entry in books.entries if entry.run not in ("succeeded", "unknown"))
    return Counter(f"{entry.run}: {_NAMES.sub('…', entry.why)}" for entry in ends)


def _row(name: str, entries: Sequence[Entry]) -> tuple[str, ...]:
    faults = [fault for entry in entries for fault in entry.faults()]
    counts = (
        len(entries),
        sum(entry.run == "succeeded" and entry.executed == 1 for entry in entries),
        sum(entry.run not in ("succeeded", "unknown", None) and entry.executed == 0 for entry in entries),
        sum(entry.run == "unknown" and entry.questioned for entry in entries),
        *(sum(fault.startswith(word) for fault in faults) for word in ("doubled", "lost", "misreported")),
    )
    return (name, *map(str, counts))
