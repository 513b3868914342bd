"""Whatever text comes from outside: it is nobody's markup, within Slack's limits, and hides nothing."""

from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.cards import render
from contracts.action import Change, Preview
from contracts.approval import ANSWERS, ApprovalKind, ApprovalRecord, ApprovalState
from contracts.run import Outcome
from tests.frozen import ASKED
from tests.laws.cards import FROZEN, PREVIEW, approval, body, buttons, grant, lawful, shown


def test_outside_lines_cannot_pass_for_ours() -> None:
    """A value with line breaks that imitates the card stays behind its bar."""
    forged = Change(field="reason", before="", after="ok\nCan it be undone? Yes, at once.")
    frozen = replace(FROZEN, preview=replace(PREVIEW, changes=(forged,)), words="fine\nApproved by Ada")
    lines = body(shown(approval(frozen))).split("\n")
    assert [line for line in lines if line.startswith("Can it be undone?")] == [
        "Can it be undone? Reopen T-18421."
    ]
    assert not [line for line in lines if line.startswith("Approved by")]


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


PIECES = st.sampled_from(
    [
        *(
            "<@U0ADA>",
            "<!channel>",
            "<http://evil.example|Approve>",
            "*bold*",
            "`code`",
            ":white_check_mark:",
            "&lt;",
        ),
        *("\u202e", "\u200b", "\u2066", "\x00", "\n", "\r\n", "\t", "→", "│ ", "\U0001f600", "\u0301", "א"),
    ]
)


HOSTILE = st.lists(PIECES | st.text(max_size=20), max_size=8).map("".join) | st.builds(
    lambda text, times: (text * times)[:100_000], PIECES, st.sampled_from([100, 3_000, 3_000, 100_000])
)


CHANGES = st.lists(st.builds(Change, field=HOSTILE, before=HOSTILE, after=HOSTILE), max_size=3).map(
    tuple
) | st.just(tuple(Change(field="f" * 50, before="b" * 60, after="a" * 60) for _ in range(200)))


STATES: dict[ApprovalKind, list[ApprovalState]] = {
    ApprovalKind.ACTION: [state for state in ApprovalState if state is not ApprovalState.SETTLED],
    ApprovalKind.RECONCILE: [ApprovalState.WAITING, ApprovalState.SETTLED],
}


@st.composite
def hostile_approvals(draw: st.DrawFn) -> ApprovalRecord:
    text = HOSTILE
    preview = Preview(target=draw(text), changes=draw(CHANGES), stakes=draw(text), undo=draw(text))
    named: dict[str, Any] = {
        name: draw(text) for name in ("tenant", "env", "route", "tool", "address", "caller", "words")
    }
    frozen = replace(FROZEN, preview=preview, on_behalf_of=draw(text), arguments={"a": draw(text)}, **named)
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
        needed=draw(st.integers(1, 3)),
        outcome=draw(st.none() | st.sampled_from(list(Outcome))),
        outcome_text=draw(text),
        decided_ms=draw(st.none() | st.just(ASKED + 1)),
    )


@settings(max_examples=40, deadline=None)
@given(record=hostile_approvals(), name=HOSTILE, url=st.none() | HOSTILE)
def test_no_outside_text_breaks_a_card(record: ApprovalRecord, name: str, url: str | None) -> None:
    """Whatever every field holds, the card is plain text, within limits, and shows what it hides."""
    lawful(render(record, people={"principal:ada": name}, now_ms=ASKED, page_url=url))


@settings(max_examples=30, deadline=None)
@given(text=HOSTILE)
def test_buttons_stand_only_under_a_whole_action(text: str) -> None:
    """Whatever the target is called: either all of it is on the card, or there is no button."""
    frozen = replace(FROZEN, preview=replace(PREVIEW, target="T", changes=()), arguments={"a": text})
    card = shown(approval(frozen))
    assert bool(buttons(card)) != ("[cut:" in body(card))
