"""What the books of a round find wrong."""

from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.books import Books, Entry
from tests.chaos.table import table

GOOD = Entry(
    key="req_1:ticket.close:T-1",
    kind="native",
    run_id="run_1",
    executed=1,
    ledger="succeeded",
    audit="succeeded",
    attempted=True,
    run="succeeded",
    run_state="completed",
    why="ticket.close was done",
    questioned=False,
)
UNKNOWN = {"run": "unknown", "audit": "unknown", "ledger": "unknown"}
FAILED = {"run": "failed", "audit": "failed", "ledger": "failed"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        UNKNOWN | {"questioned": True},
        UNKNOWN | {"questioned": True, "executed": 0},
        FAILED | {"executed": 0},
        FAILED | {"executed": 0, "ledger": None, "attempted": False},
    ],
)
def test_what_agrees_is_no_fault(changes: dict[str, Any]) -> None:
    """Executed once and told so, without effect and told so, or unknown with its question."""
    assert replace(GOOD, **changes).faults() == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"executed": 2}, "doubled"),
        ({"executed": 0}, "lost"),
        ({"run": None}, "lost"),
        (UNKNOWN, "lost"),
        (FAILED, "misreported"),
        ({"audit": "failed"}, "misreported"),
        ({"audit": None}, "misreported"),
        ({"ledger": "claimed"}, "misreported"),
        ({"ledger": "unknown"}, "misreported"),
        ({"ledger": None}, "misreported"),
        ({"attempted": False}, "misreported"),
    ],
)
def test_each_disagreement_is_named(changes: dict[str, Any], word: str) -> None:
    """Twice, never, without an end, unasked, or another word in one of the books."""
    entry = replace(GOOD, **changes)
    assert any(fault.startswith(word) for fault in entry.faults())
    books = Books(entries=[GOOD, entry], unapproved=(), mails=(0, 0), hanging=())
    assert books.faults()
    assert "books in agreement 1 of 2" in table(books)


@pytest.mark.parametrize(
    "changes", [{"unapproved": ["req_2:email.send:T-2"]}, {"mails": (2, 1)}, {"hanging": ["run_3"]}]
)
def test_what_nobody_approved_or_ended_is_a_fault(changes: dict[str, Any]) -> None:
    """A write without a yes, a mail that the log does not have, a run that neither ends nor asks."""
    assert replace(Books(entries=[GOOD], unapproved=(), mails=(1, 1), hanging=()), **changes).faults()
