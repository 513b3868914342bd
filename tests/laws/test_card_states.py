"""Laws of a card's states: each changes it in place, says who and when, and what came of it."""

from dataclasses import replace
from typing import Any

import pytest

from contracts.approval import ApprovalRecord, ApprovalState
from contracts.run import Outcome
from tests.frozen import ASKED
from tests.laws.cards import REFUND, SIGNED, approval, body, buttons, grant, large, shown

ENDS = [state for state in ApprovalState if state not in (ApprovalState.WAITING, ApprovalState.SETTLED)]


def _approved(**more: Any) -> ApprovalRecord:
    return approval(state=ApprovalState.APPROVED, decided_ms=ASKED, grants=(grant("ada"),), **more)


def test_progress_names_who_approved() -> None:
    """While a second person is awaited the card says who was the first, and by what."""
    nobody = shown(approval(REFUND, needed=2))
    assert large(nobody)[0].startswith("Approval needed (0 of 2)")
    assert "0 of 2 people of support-leads approved." in body(nobody)
    first = shown(approval(REFUND, needed=2, grants=(grant("ada", of=REFUND, assertion=SIGNED),)))
    assert large(first)[0].startswith("Approval needed (1 of 2)")
    assert "✓ Approved by Ada Lovelace, on 25 Nov 2026 at 09:47 UTC, with a passkey" in body(first)


def test_a_withdrawn_approval_is_told_and_not_counted() -> None:
    """Who withdrew is not among those who approved."""
    grants = (grant("ada"), grant("ada", "withdraw", ASKED + 90_000), grant("grace"))
    text = body(shown(approval(needed=2, grants=grants)))
    assert "1 of 2 people of support-leads approved." in text
    assert "✓ Approved by Grace Hopper" in text
    assert "↩ Taken back by Ada Lovelace" in text
    assert "Approved by Ada" not in text


def test_a_grant_for_another_action_is_not_shown() -> None:
    """Names on a card are those of decisions on these bytes."""
    other = replace(grant("ada"), action_digest="sha256:" + "0" * 64)
    assert "Ada" not in body(shown(approval(needed=2, grants=(other,))))


def test_an_escalated_card_names_both_groups() -> None:
    """From its time on the second group stands beside the first, and not before."""
    record = approval(escalate_ms=ASKED + 1_000, escalate_to="managers")
    assert "One person of support-leads.\n" in body(shown(record, now_ms=ASKED + 999))
    assert "One person of support-leads or, since it was escalated, of managers." in body(
        shown(record, now_ms=ASKED + 1_000)
    )


def test_a_decision_names_people_times_and_delay() -> None:
    """Once decided the card says who, when, and how long after they could see it."""
    record = approval(
        state=ApprovalState.APPROVED,
        needed=2,
        claimed=True,
        grants=(grant("ada"), grant("grace", at_ms=ASKED + 125_000)),
        decided_ms=ASKED + 125_000,
    )
    text = body(shown(record))
    assert "✓ Approved by Ada Lovelace, on 25 Nov 2026" in text
    assert "✓ Approved by Grace Hopper, on 25 Nov 2026" in text
    assert "Decided 2 min 5 s after it was asked." in text
    assert not buttons(shown(record))
    seen = replace(record, shown_ms=ASKED + 5_000)
    assert "Decided 2 min after it was shown." in body(shown(seen))


@pytest.mark.parametrize(
    ("more", "words", "sentence"),
    [
        ({}, "Approved, starting", "about to be carried out"),
        ({"claimed": True}, "Approved, running", "being carried out"),
        (
            {"outcome": "succeeded", "outcome_text": "T-18421 is closed."},
            "Done",
            "It was carried out.\n• T-18421 is closed.",
        ),
        ({"outcome": "refused"}, "Refused", "The target refused it"),
        ({"outcome": "failed"}, "Failed", "It failed"),
        ({"outcome": "unknown"}, "Outcome unknown", "Nobody knows whether it happened"),
    ],
)
def test_the_outcome_is_on_the_card(more: dict[str, Any], words: str, sentence: str) -> None:
    """After an approval the first words of the card say what came of it, unknown included."""
    card = shown(_approved(**more))
    assert large(card)[0] == f"{words} · ⚠ PRODUCTION · acme"
    assert sentence in body(card)


@pytest.mark.parametrize(
    ("outcome", "heading"),
    [
        (None, "will change"),
        ("succeeded", "changed"),
        ("unknown", "was sent"),
        ("failed", "would have changed"),
    ],
)
def test_the_changes_are_told_in_their_tense(outcome: str | None, heading: str) -> None:
    """A card never says that something will change which did, or did not."""
    assert f"*What {heading}*" in body(shown(_approved(outcome=outcome)))


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_its_sentence(outcome: Outcome) -> None:
    """No outcome leaves a card without words."""
    shown(_approved(outcome=outcome))


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (ApprovalState.DENIED, "✗ Denied by Ada Lovelace"),
        (ApprovalState.EXPIRED, "not approved in time; nothing is written. It expired on"),
        (ApprovalState.CANCELLED, "nothing is written on this card"),
    ],
)
def test_every_end_without_a_write_says_so(state: ApprovalState, sentence: str) -> None:
    """Denied, expired and cancelled cards say that nothing is written, a denial with its reason."""
    denied = state is ApprovalState.DENIED
    record = approval(
        state=state,
        decided_ms=ASKED + 60_000,
        grants=(grant("ada", "deny"),),
        denial="wrong\nticket" if denied else "",
    )
    text = body(shown(record))
    assert text.startswith(f"{state.capitalize()} · ")
    assert sentence.lower() in text.lower()
    assert "othing is written" in text
    assert "*What would have changed*" in text
    assert ("The reason:\n│ wrong\n│ ticket" in text) == denied


@pytest.mark.parametrize("state", ENDS)
def test_a_decided_card_waits_for_nobody(state: ApprovalState) -> None:
    """It has lost its expiry, its group and its ways to decide."""
    card = shown(approval(state=state, decided_ms=ASKED, claimed=True, grants=(grant("ada"),)))
    assert not buttons(card)
    for gone in ("It expires", "does not expire", "Who decides", "One person of"):
        assert gone not in body(card)


def test_a_card_that_the_target_overtook_says_so() -> None:
    """An approval that was taken back because the target changed names that, and has no button."""
    card = shown(approval(state=ApprovalState.CANCELLED, denial="T-18421 changed after it was shown"))
    assert "The reason:\n│ T-18421 changed after it was shown" in body(card)
    assert not buttons(card)


@pytest.mark.parametrize("count", [3, 40])
def test_many_words_of_people_leave_a_card_lawful(count: int) -> None:
    """However many came and went, the last ones are named."""
    grants = tuple(grant(f"p{n}", at_ms=ASKED + n) for n in range(count))
    text = body(shown(approval(needed=50, grants=grants)))
    assert f"Approved by P{count - 1}" in text
    assert text.count("Approved by") <= 8
