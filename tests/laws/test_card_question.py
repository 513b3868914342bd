"""Laws of the card that asks what became of a write."""

from typing import Any

import pytest

from adapters.card_buttons import OPEN
from adapters.question_card import DID, DID_NOT, STOP
from contracts.approval import ApprovalKind, ApprovalRecord, ApprovalState
from tests.frozen import ASKED
from tests.laws.cards import PAGE, actions, approval, body, buttons, grant, large, shown


def _question(**keys: Any) -> ApprovalRecord:
    known = "Sent once, at 10:02:11 UTC on 25 Nov 2026; no answer that settles it came within 20 s."
    return approval(kind=ApprovalKind.RECONCILE, question=known, **keys)


def test_an_unknown_write_is_asked_about_with_what_is_known() -> None:
    """The card says when it was sent and what waits meanwhile, and takes three answers, confirmed."""
    card = shown(_question(), page_url=PAGE)
    text = body(card)
    order = [
        "Did this happen? · ⚠ PRODUCTION · acme",
        "• Sent once, at 10:02:11 UTC",
        "Nothing repeats it",
        "*What was sent*",
        "*How bad if it is wrong*",
        "*Can we undo it*",
        "*Who asks, and why*",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert actions(card) == [DID, DID_NOT, STOP, OPEN]
    assert all("acme" in button["confirm"]["text"]["text"] for button in buttons(card)[:2])


@pytest.mark.parametrize(
    ("answer", "words", "sentence"),
    [
        ("it_did", "It happened", "✓ It happened, says Ada Lovelace"),
        ("it_did_not", "Did not happen", "✗ It did not happen, says Ada Lovelace"),
    ],
)
def test_a_settled_question_says_who_said_what(answer: str, words: str, sentence: str) -> None:
    """Answered, the card names the person and the answer, and loses its buttons."""
    card = shown(_question(state=ApprovalState.SETTLED, decided_ms=ASKED, grants=(grant("ada", answer),)))
    assert large(card)[0].startswith(f"{words} · ")
    assert sentence in body(card)
    assert not buttons(card)


def test_a_stopped_runs_question_can_still_be_answered() -> None:
    """Stopping ends the run and not the question."""
    card = shown(_question(grants=(grant("ada", "stop"),)))
    assert actions(card) == [DID, DID_NOT]
    assert "■ The run was stopped by Ada Lovelace" in body(card)


def test_a_question_that_the_target_answered_says_so() -> None:
    """Where no person said anything, the card gives the target's own answer."""
    card = shown(_question(state=ApprovalState.SETTLED, decided_ms=ASKED, outcome_text="It is closed."))
    assert large(card)[0].startswith("Settled · ")
    assert "The target answered after all on 25 Nov 2026 at 09:46 UTC:\n• It is closed." in body(card)
