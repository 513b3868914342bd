"""Laws of the card: it says all that a decision needs, and what came of it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from adapters.card import APPROVE, DENY
from adapters.cards import render
from adapters.question_card import DID, DID_NOT, STOP
from contracts.action import Change, Original, Preview
from contracts.approval import ApprovalKind, ApprovalRecord, ApprovalState
from contracts.errors import Malformed
from contracts.run import Outcome
from tests.frozen import ASKED
from tests.laws.cards import FROZEN, PREVIEW, approval, body, buttons, grant, shown


def test_a_card_answers_in_the_order_of_a_decision() -> None:
    """What changes comes first, then where, how bad, whether it can be undone, who asks, why, until when."""
    text = body(shown(approval()))
    answers = [
        "What will change: T-18421 “Password reset loops”",
        "status: open → closed",
        "prod",
        "acme",
        "If it is wrong: 1 customer",
        "Can it be undone? Reopen T-18421.",
        "Asked by backend:crm for Uma",
        "in the agent's own words",
        "│ The article fits.",
        "It expires on",
    ]
    places = [text.index(answer) for answer in answers]
    assert places == sorted(places)


def test_buttons_carry_the_approval_and_the_digest() -> None:
    """Each click names the approval and the bytes it is about; approving asks once more."""
    card = shown(approval())
    approve, deny = buttons(card)
    assert [approve["action_id"], deny["action_id"]] == [APPROVE, DENY]
    assert approve["value"] == deny["value"] == f"apr_1|{FROZEN.digest()}"
    assert (approve["style"], deny["style"]) == ("primary", "danger")
    assert "acme (prod)" in approve["confirm"]["text"]["text"]
    assert card.blocks[-1]["block_id"] == "apr_1"


def test_every_argument_is_on_the_card() -> None:
    """What a preview leaves out is shown all the same: nobody approves an argument unseen."""
    frozen = replace(FROZEN, arguments={"ticket_id": "T-18421", "notify": "everyone@example.com"})
    assert '"notify": "everyone@example.com"' in body(shown(approval(frozen)))


@pytest.mark.parametrize(
    "preview",
    [
        replace(PREVIEW, changes=(Change(field="body", before="", after="x" * 3_001),)),
        replace(
            PREVIEW, changes=tuple(Change(field=f"f{n}", before="", after="y" * 2_900) for n in range(45))
        ),
        replace(
            PREVIEW, changes=tuple(Change(field=f"f{n}", before="", after="y" * 2_000) for n in range(5))
        ),
        replace(PREVIEW, target="t" * 3_001),
        replace(PREVIEW, stakes="s" * 3_001),
        replace(PREVIEW, undo="u" * 3_001),
        replace(PREVIEW, changes=(Change(field="body", before="", after="\u200b" * 400),)),
    ],
)
def test_no_buttons_unless_the_whole_action_fits(preview: Preview) -> None:
    """A part that was cut may be the part that matters: the card says where to read all of it."""
    card = shown(
        approval(replace(FROZEN, preview=preview)), page_url="https://interlock.example/approvals/apr_1"
    )
    assert buttons(card) == []
    assert "interlock approvals show apr_1" in body(card)
    assert "https://interlock.example/approvals/apr_1" in body(card)


def test_long_arguments_take_the_buttons_away() -> None:
    """The frozen bytes count too, not only what the preview tells of them."""
    assert buttons(shown(approval(replace(FROZEN, arguments={"body": "x" * 3_000})))) == []


def test_the_agents_words_may_be_cut_but_visibly() -> None:
    """The agent's reasons are no part of the action: cut, marked, and the buttons stay."""
    card = shown(approval(replace(FROZEN, words="because " * 5_000)))
    assert len(buttons(card)) == 2
    assert "[cut: 40002 characters in all]" in body(card)


def test_a_record_that_is_not_the_frozen_one_has_no_buttons() -> None:
    """A harmless text over another action's digest is not offered for approval."""
    card = shown(approval(action_digest="sha256:" + "0" * 64))
    assert buttons(card) == []
    assert "Decide nothing" in body(card)


def test_after_the_deadline_there_are_no_buttons() -> None:
    """Past its time a card offers nothing that could still count."""
    assert buttons(shown(approval(), now_ms=ASKED + 5 * 3_600_000)) == []
    assert len(buttons(shown(approval(deadline_ms=None), now_ms=ASKED + 5 * 3_600_000))) == 2


def test_a_row_without_a_frozen_record_has_no_card() -> None:
    """Nothing is rendered from half a record."""
    with pytest.raises(Malformed):
        render(approval(action={"tool": "ticket.close"}), people={}, now_ms=ASKED, page_url=None)


def test_progress_names_who_approved() -> None:
    """While a second person is awaited the card says who was the first."""
    card = shown(approval(needed=2, grants=(grant("ada"),)))
    assert "1 of 2 people of support-leads approved: Ada Lovelace." in body(card)
    assert len(buttons(card)) == 2


def test_a_withdrawn_approval_is_told_and_not_counted() -> None:
    """Who withdrew is not among those who approved."""
    grants = (grant("ada"), grant("ada", "withdraw", ASKED + 90_000), grant("grace"))
    text = body(shown(approval(needed=2, grants=grants)))
    assert "Ada Lovelace withdrew the approval." in text
    assert "1 of 2 people of support-leads approved: Grace Hopper." in text


def test_a_grant_for_another_action_is_not_shown() -> None:
    """Names on a card are those of decisions on these bytes."""
    other = replace(grant("ada"), action_digest="sha256:" + "0" * 64)
    assert "Ada" not in body(shown(approval(needed=2, grants=(other,))))


def test_a_decision_names_people_time_and_delay() -> None:
    """Once decided the card has no buttons and says who, when and after how long."""
    record = approval(
        state=ApprovalState.APPROVED,
        needed=2,
        grants=(grant("ada"), grant("grace", at_ms=ASKED + 125_000)),
        decided_ms=ASKED + 125_000,
    )
    card = shown(record)
    assert buttons(card) == []
    assert "Approved by Ada Lovelace and Grace Hopper on 25 Nov 2026 at" in body(card)
    assert "2 min 5 s after it was asked" in body(card)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({}, "about to be carried out"),
        ({"claimed": True}, "being carried out"),
        ({"outcome": "succeeded", "outcome_text": "T-18421 is closed."}, "Done. T-18421 is closed."),
        ({"outcome": "refused"}, "The target refused it"),
        ({"outcome": "failed"}, "It failed"),
        ({"outcome": "unknown"}, "Nobody knows whether it happened"),
    ],
)
def test_the_outcome_is_on_the_card(more: dict[str, Any], sentence: str) -> None:
    """After an approval the card says what came of it, unknown included."""
    record = approval(state=ApprovalState.APPROVED, decided_ms=ASKED, grants=(grant("ada"),), **more)
    assert sentence in body(shown(record))


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_its_sentence(outcome: Outcome) -> None:
    """No outcome leaves a card without words."""
    shown(approval(state=ApprovalState.APPROVED, decided_ms=ASKED, outcome=outcome))


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (ApprovalState.DENIED, "Denied by Ada Lovelace"),
        (ApprovalState.EXPIRED, "not approved in time"),
        (ApprovalState.CANCELLED, "The run ended before"),
    ],
)
def test_every_end_without_a_write_says_so(state: ApprovalState, sentence: str) -> None:
    """Denied, expired and cancelled cards say that nothing is written, a denial with its reason."""
    record = approval(
        state=state,
        decided_ms=ASKED + 60_000,
        grants=(grant("ada", "deny"),),
        denial="wrong\nticket" if state is ApprovalState.DENIED else "",
    )
    text = body(shown(record))
    assert sentence in text
    assert "nothing is written" in text
    assert ("│ wrong\n│ ticket" in text) == (state is ApprovalState.DENIED)


def test_a_card_that_the_target_overtook_says_so() -> None:
    """An approval that was taken back because the target changed names that, and has no button."""
    card = shown(approval(state=ApprovalState.CANCELLED, denial="T-18421 changed after it was shown"))
    assert "T-18421 changed after it was shown; nothing is written on this card." in body(card)
    assert not buttons(card)


def _question(**keys: Any) -> ApprovalRecord:
    known = "Sent once, at 10:02:11 UTC on 25 Nov 2026; no answer that settles it came within 20 s."
    return approval(kind=ApprovalKind.RECONCILE, question=known, **keys)


def test_an_unknown_write_is_asked_about_with_what_is_known() -> None:
    """The card says when it was sent and what waits meanwhile, and takes three answers, confirmed."""
    card = shown(_question())
    assert "Sent once, at 10:02:11 UTC" in body(card)
    assert "Nothing repeats it" in body(card)
    assert [button["action_id"] for button in buttons(card)] == [DID, DID_NOT, STOP]
    assert all("confirm" in button for button in buttons(card)[:2])


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [("it_did", "says that it happened"), ("it_did_not", "says that it did not happen")],
)
def test_a_settled_question_says_who_said_what(answer: str, sentence: str) -> None:
    """Answered, the card names the person and the answer, and loses its buttons."""
    card = shown(_question(state=ApprovalState.SETTLED, decided_ms=ASKED, grants=(grant("ada", answer),)))
    assert f"Ada Lovelace looked and {sentence}" in body(card)
    assert not buttons(card)


def test_a_stopped_runs_question_can_still_be_answered() -> None:
    """Stopping ends the run and not the question."""
    card = shown(_question(grants=(grant("ada", "stop"),)))
    assert [button["action_id"] for button in buttons(card)] == [DID, DID_NOT]


def test_a_card_says_whose_undo_it_is() -> None:
    """Tool, target and run of what it undoes, out of the sealed record; its words are of who asked for it."""
    original = Original(run_id="run_0", action_id="run_0.1.0", tool="ticket.close", target="T-1 *now*")
    card = json.dumps(shown(approval(replace(FROZEN, undoes=original))).blocks)
    assert "This undoes ticket.close T-1 *now*, which run run_0 did." in card
    assert "in the words of who asked for the undo" in card
    assert "This undoes" not in json.dumps(shown(approval()).blocks)


@pytest.mark.parametrize(("times", "said"), [(1, "once before"), (2, "2 times before")])
def test_a_card_says_that_it_repeats(times: int, said: str) -> None:
    """Whoever approves the third of three equal payments is told that there were two."""
    assert f"This repeats: the run did exactly this {said}." in body(
        shown(approval(replace(FROZEN, repeats=times)))
    )
    assert "This repeats" not in body(shown(approval()))


@pytest.mark.parametrize("length", [200, 5_000])
def test_a_card_of_an_undo_is_lawful_whatever_it_undoes(length: int) -> None:
    """Names of any length leave it within Slack's limits."""
    long = "&" * length
    shown(approval(replace(FROZEN, undoes=Original(run_id=long, action_id="a", tool=long, target=long))))
