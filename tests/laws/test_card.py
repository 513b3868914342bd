"""Laws of the card: it says all that a decision needs, in the order of a decision."""

import json
from dataclasses import replace

import pytest

from adapters.cards import render
from contracts.action import Change, Original, Undo
from contracts.budget import Budget, Spend
from contracts.errors import Malformed
from tests.frozen import ASKED
from tests.laws.cards import FROZEN, PREVIEW, REFUND, approval, body, large, shown

BUDGET = Budget(steps=25, seconds=60, usd="1.00", denials=3)


def test_a_card_answers_in_the_order_of_a_decision() -> None:
    """What changes comes first, then how bad, whether it can be undone, who asks, why, who decides, when."""
    record = approval(spend=Spend(steps=4, usd="0.0123"), budget=BUDGET)
    text = body(shown(record))
    answers = [
        "Approval needed",
        "*What will change*",
        "▸ T-18421 “Password reset loops”",
        "• status: open → closed",
        "Exactly this is sent",
        "*How bad if it is wrong*",
        "• 1 customer",
        "Not automatically reversible",
        "Environment: ⚠ PRODUCTION",
        "Tenant: acme",
        "*Can we undo it*",
        "• Reopen T-18421.",
        "*Who asks, and why*",
        "Asked by: backend:crm",
        "For: Uma",
        "$0.0123 of $1.00, 4 of 25 steps",
        "In the agent's own words, which nobody has checked:\n│ The article fits.",
        "*Who decides*",
        "It expires on 25 Nov 2026",
        "Run run_1, approval apr_1",
    ]
    places = [text.index(answer) for answer in answers]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("env", "first"),
    [
        ("prod", "Approval needed · ⚠ PRODUCTION · acme"),
        ("prod-eu", "Approval needed · ⚠ PRODUCTION prod-eu · acme"),
        ("PROD", "Approval needed · ⚠ PRODUCTION PROD · acme"),
        ("dev", "Approval needed · dev · acme"),
    ],
)
def test_the_first_line_says_where_and_for_whom(env: str, first: str) -> None:
    """Tenant and environment stand in the largest letters, and nobody overlooks production."""
    assert large(shown(approval(replace(FROZEN, env=env))))[0] == first


def test_target_and_figures_are_large() -> None:
    """Money and counts stand under the target, in letters that are not skimmed."""
    assert large(shown(approval(REFUND, needed=2)))[1:] == [
        "▸ order O-10231 of Maria Silva",
        "▸ EUR 49.00 · 1 customer",
    ]


def test_a_target_too_long_for_large_letters_is_shown_whole_all_the_same() -> None:
    """A name is not cut for its size while it fits the card."""
    text = body(shown(approval(replace(FROZEN, preview=replace(PREVIEW, target="t" * 400)))))
    assert f"▸ {'t' * 400}\n• status" in text


@pytest.mark.parametrize(
    ("undo", "call", "effect", "words"),
    [
        ("Reopen it.", Undo(tool="ticket.reopen", arguments={}), "write", "Reversible"),
        ("Reopen it by hand.", None, "write", "Not automatically reversible"),
        ("", None, "write", "Not reversible"),
        ("", None, "destructive", "Not reversible (destructive)"),
    ],
)
def test_two_words_say_whether_it_is_reversible(
    undo: str, call: Undo | None, effect: str, words: str
) -> None:
    """Only a call that was prepared takes a write back by itself; a tool's words promise nothing."""
    action = replace(FROZEN, undo=call, effect=effect, preview=replace(PREVIEW, undo=undo))
    card = shown(approval(action))
    assert words in body(card).split("\n")
    assert ("No. It cannot be undone." in body(card)) == (not undo)


def test_every_argument_is_on_the_card() -> None:
    """What a preview leaves out is shown all the same: nobody approves an argument unseen."""
    frozen = replace(FROZEN, arguments={"ticket_id": "T-18421", "notify": "everyone@example.com"})
    assert '"notify": "everyone@example.com"' in body(shown(approval(frozen)))


def test_no_section_of_an_action_is_folded() -> None:
    """Slack hides the end of a long section behind "see more" unless it is told not to."""
    long = tuple(Change(field=f"f{n}", before="b", after="a" * 70) for n in range(20))
    card = shown(approval(replace(FROZEN, preview=replace(PREVIEW, changes=long))))
    said = [
        b for b in card.blocks if b["type"] == "section" and b.get("text", {}).get("type") == "plain_text"
    ]
    assert said
    assert all(block["expand"] for block in said)


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("", "closed", "• status: (empty) → closed"),
        ("open", "", "• status: open → (empty)"),
        ("", "one\ntwo", "• status, new:\n│ one\n│ two"),
        ("one\ntwo", "", "• status, taken away:\n│ one\n│ two"),
        ("one\ntwo", "three", "• status, now:\n│ one\n│ two\n• status, then:\n│ three"),
        ("(empty)", "x", "• status, now:\n│ (empty)\n• status, then:\n│ x"),
        ("x", "   ", "• status: x → ⟨3 spaces⟩"),
    ],
)
def test_a_change_is_before_and_after(before: str, after: str, text: str) -> None:
    """Beside an arrow where both are short, else under each other; an empty value is called empty."""
    changes = (Change(field="status", before=before, after=after),)
    assert text in body(shown(approval(replace(FROZEN, preview=replace(PREVIEW, changes=changes)))))


def test_the_agents_words_may_be_cut_but_visibly() -> None:
    """The agent's reasons are no part of the action: cut, and marked as cut."""
    assert "[cut: 40002 characters in all]" in body(
        shown(approval(replace(FROZEN, words="because " * 5_000)))
    )


def test_a_row_without_a_frozen_record_has_no_card() -> None:
    """Nothing is rendered from half a record."""
    with pytest.raises(Malformed):
        render(approval(action={"tool": "ticket.close"}), people={}, now_ms=ASKED, page_url=None)


def test_a_card_says_whose_undo_it_is() -> None:
    """Tool, target and run of what it undoes, out of the sealed record; its words are of who asked for it."""
    original = Original(run_id="run_0", action_id="run_0.1.0", tool="ticket.close", target="T-1 *now*")
    text = body(shown(approval(replace(FROZEN, undoes=original))))
    assert "This undoes ticket.close “T-1 *now*”, which run run_0 did." in text
    assert "In the words of who asked for the undo" in text
    assert "This undoes" not in body(shown(approval()))


@pytest.mark.parametrize(("times", "said"), [(1, "once before"), (2, "2 times before")])
def test_a_card_says_that_it_repeats(times: int, said: str) -> None:
    """Whoever approves the third of three equal payments is told above the buttons that there were two."""
    card = shown(approval(replace(FROZEN, repeats=times)))
    assert large(card)[-1] == f"⚠ This repeats: the run did exactly this {said}."
    assert [block["type"] for block in card.blocks[-3:]] == ["header", "actions", "context"]
    assert "This repeats" not in body(shown(approval()))


@pytest.mark.parametrize("length", [200, 5_000])
def test_a_card_of_an_undo_is_lawful_whatever_it_undoes(length: int) -> None:
    """Names of any length leave it within Slack's limits."""
    long = "&" * length
    shown(approval(replace(FROZEN, undoes=Original(run_id=long, action_id="a", tool=long, target=long))))


def test_a_run_without_a_known_spend_says_nothing_of_it() -> None:
    """A card of an older row leaves the field out, and that of a run for nobody names nobody."""
    text = json.dumps(shown(approval(replace(FROZEN, on_behalf_of=None))).blocks)
    assert "Spent so far" not in text
    assert "For: " not in text
