"""Laws of what is said in a thread: it mentions people of the people file alone."""

import re
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from adapters.blocks import Card
from adapters.notes import MENTIONED, escalation, notice, reminder
from contracts.approval import ApprovalRecord, ApprovalState, Person
from contracts.run import Outcome
from embedded.slack import blocks as kit
from policies.deciders import Called
from tests.frozen import ASKED, approval_of, frozen
from tests.laws.judging import grant, person
from tests.laws.test_card_outside_words import HOSTILE

ADA = replace(person("ada"), slack_user="U0ADA")
MANY = tuple(
    replace(ADA, principal=f"principal:p{number}", slack_user=f"U0P{number}") for number in range(50)
)
_OURS = re.compile(r"(Still to decide:|Please decide:|For)( <@[UW][A-Z0-9]+>)+( and \d+ more)?")


def lawful(note: Card, people: tuple[Person, ...]) -> None:
    """Slack's models and the stand-in take it; markup stands in a line of ours, and names these people."""
    assert kit.complaints(kit.MESSAGE, "/blocks", note.blocks) == []
    assert kit.text_length(note.blocks) <= kit.BLOCKS_TEXT
    for block in note.blocks:
        parsed = Block.parse(block)
        assert parsed is not None
        parsed.validate_json()
        if block["text"]["type"] == "mrkdwn":
            assert _OURS.fullmatch(block["text"]["text"])
            ids = re.findall(r"<@([^>]+)>", block["text"]["text"])
            assert set(ids) <= {one.slack_user for one in people}
            assert len(ids) <= MENTIONED
        else:
            assert block["text"]["type"] == "plain_text"
    assert 0 < len(note.text) <= 1_000
    assert not set("<>") & set(note.text)


def words(note: Card) -> str:
    return "\n".join(block["text"]["text"] for block in note.blocks)


def ended(outcome: Outcome, **more: Any) -> ApprovalRecord:
    return approval_of(frozen(), outcome=outcome, **more)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_its_word(outcome: Outcome) -> None:
    """However an action ends, the note says it in one line, and what it was about."""
    note = notice(ended(outcome, outcome_text="because"), ADA)
    lawful(note, (ADA,))
    assert "ticket.close for acme (prod), T-18421" in words(note)
    assert words(note).endswith("because")


def test_at_most_twenty_are_called() -> None:
    """A longer list calls nobody: the rest is a number."""
    note = reminder(approval_of(frozen()), MANY)
    lawful(note, MANY)
    assert words(note).count("<@") == MENTIONED
    assert "and 30 more" in words(note)


def test_who_is_not_in_slack_is_named() -> None:
    """Nobody is left out for want of a Slack id; with nobody left, that is said."""
    nameless = replace(ADA, slack_user=None, principal="principal:grace")
    assert "Not in Slack: Grace" in words(reminder(approval_of(frozen()), [ADA, nameless]))
    assert "Nobody is left who may decide." in words(reminder(approval_of(frozen()), []))


@pytest.mark.parametrize("user", ["!channel", "U0ADA> <!channel", "u0ada", "S0GROUP", "U0ADA\n", ""])
def test_an_id_that_is_none_is_no_mention(user: str) -> None:
    """A people document that was not read from a people file cannot put markup into a thread."""
    forged = replace(ADA, slack_user=user)
    for note in (
        reminder(approval_of(frozen()), [forged]),
        escalation(approval_of(frozen(), escalate_to="managers"), Called(people=(forged,), at_work=True)),
        notice(ended(Outcome.FAILED), forged),
    ):
        lawful(note, ())
        assert "<" not in words(note)


def test_a_denial_s_reason_is_quoted_once() -> None:
    """Behind a bar, by whom, and not again as the outcome's text."""
    record = ended(
        Outcome.REJECTED,
        state=ApprovalState.DENIED,
        denial="Not yet.\nApproved by Grace",
        outcome_text="principal:ada denied it: Not yet.",
        grants=(grant("ada", "deny"),),
    )
    text = words(notice(record, None))
    assert "Denied by Ada, nothing was written:" in text
    assert text.count("Not yet.") == 1
    assert "│ Approved by Grace" in text


def test_never_is_no_time() -> None:
    """What has no deadline waits without one."""
    assert "waits without a deadline" in words(reminder(approval_of(frozen(), deadline_ms=None), [ADA]))


@st.composite
def hostile(draw: st.DrawFn) -> ApprovalRecord:
    text = HOSTILE
    named: dict[str, Any] = {name: draw(text) for name in ("tenant", "env", "tool")}
    action = replace(frozen(**named), preview=replace(frozen().preview, target=draw(text)))
    return replace(
        approval_of(frozen()),
        action=asdict(action),
        state=draw(st.sampled_from(ApprovalState)),
        outcome=draw(st.sampled_from(list(Outcome))),
        outcome_text=draw(text),
        denial=draw(text),
        escalate_to=draw(text),
        caller=draw(text),
        on_behalf_of=draw(st.none() | text),
        deadline_ms=draw(st.none() | st.just(ASKED)),
        grants=(replace(grant("ada", "deny"), approver=draw(text)),),
    )


@settings(max_examples=60)
@given(record=hostile(), name=HOSTILE, user=st.sampled_from([None, "U0ADA"]) | HOSTILE, at_work=st.booleans())
def test_no_outside_text_breaks_a_note(
    record: ApprovalRecord, name: str, user: str | None, at_work: bool
) -> None:
    """Whatever every field holds, a note mentions our people alone and stays within Slack's limits."""
    odd = replace(ADA, principal=name, slack_user=user)
    lawful(reminder(record, [*MANY, odd]), (*MANY, odd))
    lawful(escalation(record, Called(people=(odd,), at_work=at_work)), (odd,))
    lawful(notice(record, odd), (odd,))
