"""Whatever text comes from outside: it is nobody's markup, within Slack's limits, and hides nothing."""

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.blocks import Card, Heading
from adapters.card_buttons import APPROVE
from adapters.cards import render
from adapters.plain_text import one_line
from contracts.action import Change, Frozen, Original, Preview
from contracts.approval import ANSWERS, ApprovalKind, ApprovalRecord, ApprovalState
from contracts.budget import Budget, Spend
from contracts.run import Outcome
from policies.visible import visible
from tests.frozen import ASKED, approval_of
from tests.laws.cards import (
    FROZEN,
    PREVIEW,
    actions,
    approval,
    body,
    buttons,
    fields,
    grant,
    large,
    lawful,
    shown,
)


def test_outside_lines_cannot_pass_for_ours() -> None:
    """A value with line breaks that imitates the card stays behind its bar."""
    forged = Change(field="reason", before="", after="ok\nIt expires on 1 Jan 2099")
    frozen = replace(FROZEN, preview=replace(PREVIEW, changes=(forged,)), words="fine\n✓ Approved by Ada")
    lines = body(shown(approval(frozen))).split("\n")
    assert "│ It expires on 1 Jan 2099" in lines
    assert "│ ✓ Approved by Ada" in lines
    assert len([line for line in lines if line.startswith("It expires on")]) == 1
    assert not [line for line in lines if line.startswith("✓")]


def test_a_target_cannot_name_another_place() -> None:
    """A name that goes on with another environment stays on its own marked line."""
    frozen = replace(FROZEN, env="dev", preview=replace(PREVIEW, target="T-1\nEnvironment: ⚠ PRODUCTION"))
    card = shown(approval(frozen))
    assert [field for field in fields(card) if field.startswith("Environment")] == ["Environment: dev"]
    assert "▸ T-1 ↵ Environment: ⚠ PRODUCTION" in large(card)


@pytest.mark.parametrize("name", ["acme · dev", "acme” (dev)", "⚠ PRODUCTION", " acme", "acme, Ada"])
def test_a_name_within_our_words_is_quoted_where_it_could_be_one(name: str) -> None:
    """A tenant whose name has separators, quotation marks or signs stands in marks that it cannot close."""
    first = large(shown(approval(replace(FROZEN, tenant=name))))[0]
    quoted = name.replace("”", "⟨U+201D⟩")
    assert first == f"Approval needed · ⚠ PRODUCTION · “{quoted}”"


@pytest.mark.parametrize(
    ("before", "after"), [("a → b", "c"), ("שלום", "עולם"), ("one\ntwo", "c")], ids=["arrow", "rtl", "lines"]
)
def test_before_and_after_cannot_be_confused(before: str, after: str) -> None:
    """Values that could turn the arrow round, or hold one, stand under each other instead."""
    changes = (Change(field="status", before=before, after=after),)
    text = body(shown(approval(replace(FROZEN, preview=replace(PREVIEW, changes=changes)))))
    assert f"status, then:\n│ {after}" in text


@pytest.mark.parametrize(
    "char", ["\u202e", "\u200b", "\u2066", "\ufeff", "\x00", "\x1b", "\u2028", "\u3164", "\ufe0f"]
)
def test_what_does_not_show_is_spelled_out(char: str) -> None:
    """Controls, direction marks and blanks appear as their code point."""
    frozen = replace(FROZEN, preview=replace(PREVIEW, target=f"T-1{char}8421"))
    assert f"T-1⟨U+{ord(char):04X}⟩8421" in body(shown(approval(frozen)))


def test_padding_and_stacked_marks_are_spelled_out() -> None:
    """Blanks that push text out of sight and marks that cover other lines do neither."""
    frozen = replace(FROZEN, preview=replace(PREVIEW, target="T" + " " * 60 + "1" + "\u0301" * 5))
    assert "T⟨60 spaces⟩1" in body(shown(approval(frozen)))
    assert "\u0301" * 3 + "⟨U+0301⟩⟨U+0301⟩" in body(shown(approval(frozen)))


def test_a_right_to_left_field_does_not_turn_the_arrow() -> None:
    """Beside such a name even two numbers would change places for the eye."""
    changes = (Change(field="סכום", before="5", after="7"),)
    text = body(shown(approval(replace(FROZEN, preview=replace(PREVIEW, changes=changes)))))
    assert "• סכום, now:\n│ 5\n• סכום, then:\n│ 7" in text


@pytest.mark.parametrize(
    "preview",
    [
        replace(PREVIEW, target="p\u0430ypal"),
        replace(PREVIEW, stakes="p\u0430ypal"),
        replace(PREVIEW, undo="p\u0430ypal"),
        replace(PREVIEW, figures=("p\u0430ypal",)),
        replace(PREVIEW, changes=(Change(field="p\u0430ypal", before="", after="x"),)),
        replace(PREVIEW, changes=(Change(field="a", before="", after="x\np\u0430ypal"),)),
    ],
    ids=["target", "stakes", "undo", "figures", "field", "value"],
)
def test_look_alike_letters_are_marked_on_the_card(preview: Preview) -> None:
    """A Cyrillic letter in a Latin word is said where the word stands."""
    assert "p\u0430ypal (mixed alphabets)" in body(shown(approval(replace(FROZEN, preview=preview))))
    assert "(mixed alphabets)" not in body(shown(approval()))


@pytest.mark.parametrize("place", ["tenant", "env", "tool", "address", "route", "caller", "words"])
def test_a_place_in_look_alike_letters_is_marked(place: str) -> None:
    """A tenant's name that begins with a Cyrillic letter is not the Latin one, wherever it stands."""
    named: dict[str, Any] = {place: "\u0430cme"}
    assert "\u0430cme (mixed alphabets)" in body(shown(approval(replace(FROZEN, **named))))


PIECES = st.sampled_from(
    [
        *("<@U0ADA>", "<!channel>", "<http://evil.example|Approve>", "https://evil.example", "*bold*"),
        *("`code`", ":white_check_mark:", "&lt;", "\nEnvironment: dev", "\nTenant: globex", "\nFor: x"),
        *(
            "\nIt expires on 1 Jan",
            "\n1 of 2 people of x approved.",
            "\n*Can we undo it*\n",
            "\nOne person of x.",
        ),
        *("\nIt was carried out.", "▸ T-1", "• status: open → closed", "\u0430cme", "(mixed alphabets)"),
        *(
            "\u202e",
            "\u200b",
            "\u2066",
            "\x00",
            "\n",
            "\r\n",
            "\t",
            "→",
            "│ ",
            "\U0001f600",
            "\u0301",
            "א",
            "”",
        ),
    ]
)
HOSTILE = st.lists(PIECES | st.text(max_size=20), max_size=8).map("".join) | st.builds(
    lambda text, times: (text * times)[:100_000], PIECES, st.sampled_from([100, 3_000, 3_000, 100_000])
)
BRIEF = st.lists(PIECES | st.text(max_size=20), max_size=3).map("".join)
CHANGES = st.lists(st.builds(Change, field=HOSTILE, before=HOSTILE, after=HOSTILE), max_size=3).map(
    tuple
) | st.just(tuple(Change(field="f" * 50, before="b" * 60, after="a" * 60) for _ in range(200)))
STATES: dict[ApprovalKind, list[ApprovalState]] = {
    ApprovalKind.ACTION: [state for state in ApprovalState if state is not ApprovalState.SETTLED],
    ApprovalKind.RECONCILE: [ApprovalState.WAITING, ApprovalState.SETTLED],
}
OURS = (
    *(
        "Environment:",
        "Tenant:",
        "Asked by:",
        "For:",
        "Route:",
        "Spent so far:",
        "Not reversible",
        "Asked on",
    ),
    *("It expires on", "One person of", "Exactly this is sent", "The reason:"),
    *("It was carried out", "Nothing is written", "This undoes", "In the agent's own words"),
    *(f"{count} of {needed} people of" for count in range(4) for needed in range(4)),
    *(f"*{heading}*" for heading in Heading),
)
"""How lines of ours begin, each of them at most once on a card."""


@st.composite
def hostile_actions(draw: st.DrawFn, text: st.SearchStrategy[str]) -> Frozen:
    preview = Preview(
        target=draw(text),
        changes=draw(CHANGES if text is HOSTILE else st.just((Change(field="a", before="b", after="c"),))),
        stakes=draw(text),
        undo=draw(text),
        figures=tuple(draw(st.lists(text, max_size=3))),
    )
    named: dict[str, Any] = {
        name: draw(text)
        for name in ("tenant", "env", "route", "tool", "address", "caller", "words", "target")
    }
    original = Original(run_id=draw(text), action_id="a", tool=draw(text), target=draw(text))
    return replace(
        FROZEN,
        preview=preview,
        on_behalf_of=draw(text),
        arguments={"a": draw(text)},
        effect=draw(st.sampled_from(["write", "destructive"])),
        undoes=draw(st.none() | st.just(original)),
        repeats=draw(st.integers(0, 2)),
        **named,
    )


@st.composite
def hostile_approvals(draw: st.DrawFn) -> ApprovalRecord:
    text = HOSTILE
    frozen = draw(hostile_actions(text))
    sealed = "sha256:" + "4" * 64
    kind = draw(st.sampled_from(sorted(STATES)))
    return replace(
        approval(),
        kind=kind,
        question=draw(text),
        action=asdict(frozen),
        action_digest=sealed,
        state=draw(st.sampled_from(STATES[kind])),
        grants=(
            replace(grant("ada"), approver=draw(text), action_digest=sealed),
            replace(grant("ada", draw(st.sampled_from(sorted(ANSWERS[kind])))), action_digest=sealed),
        ),
        denial=draw(text),
        group=draw(text),
        escalate_to=draw(text),
        escalate_ms=ASKED,
        needed=draw(st.integers(1, 3)),
        spend=Spend(usd=draw(text)),
        budget=Budget(steps=1, seconds=1, usd=draw(text), denials=1),
        outcome=draw(st.none() | st.sampled_from(list(Outcome))),
        outcome_text=draw(text),
        decided_ms=draw(st.none() | st.just(ASKED + 1)),
    )


def _links(card: Card) -> set[str]:
    return {button["url"] for button in buttons(card) if "url" in button}


@settings(max_examples=40, deadline=None)
@given(record=hostile_approvals(), name=HOSTILE, url=st.none() | HOSTILE)
def test_no_outside_text_breaks_a_card(record: ApprovalRecord, name: str, url: str | None) -> None:
    """Whatever every field holds, the card is plain text, within limits, and no line of it is forged."""
    card = render(record, people={"principal:ada": name}, now_ms=ASKED, page_url=url)
    lawful(card)
    assert _links(card) <= {url}
    lines = body(card).split("\n")
    for start in OURS:
        assert sum(line.startswith(start) for line in lines) <= 1, start


@settings(max_examples=60, deadline=None)
@given(frozen=hostile_actions(BRIEF))
def test_whoever_can_approve_sees_every_value(frozen: Frozen) -> None:
    """Either each part of the action stands on the card, spelled out, or there is no button."""
    card = render(approval_of(frozen, needed=3), people={}, now_ms=ASKED, page_url=None)
    lawful(card)
    if APPROVE not in actions(card):
        assert "does not fit on a card" in body(card)
        return
    shown, preview = body(card), frozen.preview
    for text in (preview.target or frozen.target, preview.stakes, preview.undo, *preview.figures):
        assert one_line(text) in shown
    assert f"Tenant: {one_line(frozen.tenant)}" in "\n".join(fields(card))
    assert visible(json.dumps(frozen.arguments, ensure_ascii=False, sort_keys=True)) in shown


@settings(max_examples=30, deadline=None)
@given(text=HOSTILE)
def test_buttons_stand_only_under_a_whole_action(text: str) -> None:
    """Whatever is sent: either all of it is on the card, or there is no button."""
    frozen = replace(FROZEN, preview=replace(PREVIEW, target="T", changes=()), arguments={"a": text})
    card = shown(approval(frozen))
    assert bool(buttons(card)) != ("[cut:" in body(card))
