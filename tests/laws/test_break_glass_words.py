"""What everybody is told of break-glass: who, on whom, what, until when, and how it is undone."""

from dataclasses import replace
from typing import Final

import pytest

from contracts.action import Undo
from contracts.break_glass import Opening, Overridden, Session
from contracts.passkey import Assertion
from contracts.run import Outcome
from policies.break_glass_words import acted, asked, ended, opened, skipped, undoing
from tests.frozen import frozen
from tests.laws.test_undo import action

OPENING: Final = Opening(
    session_id="bg_0123456789abcdef",
    tenant="acme",
    env="dev",
    tools=("ticket.close", "ticket.update"),
    catalogue_digest="sha256:…",
    reason="The queue is stuck.",
    minutes=1,
    overrides=(Overridden(scope="tool:ticket.close", stopped_ms=1),),
    opener="principal:ada",
    asked_ms=0,
)
SESSION: Final = Session(
    opening=OPENING,
    consenter="principal:grace",
    assertion=Assertion(credential_id="", authenticator_data="", client_data="", signature=""),
    opened_ms=0,
    until_ms=60_000,
)


def test_whoever_reads_the_question_knows_what_is_asked_for() -> None:
    """Person, tenant, tools and minutes are in the title; reason, overridden stops and deadline below it."""
    words = asked(OPENING, 900_000)
    assert words.title == "Ada asks for break-glass on acme: ticket.close, ticket.update, 1 minute"
    assert words.lines[:2] == (
        "Because: The queue is stuck.",
        "It goes past what is stopped: tool:ticket.close.",
    )
    assert "01 Jan 1970 at 00:15 UTC" in words.lines[2]


def test_an_open_session_names_both_people_and_everybody_skipped() -> None:
    """The channel reads who acts, who consented, until when, and whose approval is not asked for."""
    words = opened(SESSION, ("principal:linus", "principal:barbara"))
    assert words.title.startswith("Break-glass is open on acme until 01 Jan 1970 at 00:01 UTC")
    assert words.lines[0] == "Ada acts, and Grace consented."
    assert "Skipped, and told so: Linus, Barbara." in words.lines
    assert "Nobody is skipped." in opened(SESSION, ()).lines


def test_who_is_skipped_reads_what_they_would_be_asked() -> None:
    """Whose approval is gone around learns of what, by whom and who stood in for them."""
    words = skipped(SESSION)
    assert "without your approval" in words.title
    assert "ticket.close" in words.lines[0]
    assert "Grace consented instead" in words.lines[0]


def test_an_undo_is_said_as_people_do_it_and_as_the_call() -> None:
    """What nothing undoes is said to be so."""
    call = Undo(tool="ticket.reopen", arguments={"ticket_id": "T-1"})
    assert undoing("Reopen it.", call) == 'Undo: Reopen it. ticket.reopen {"ticket_id":"T-1"}'
    assert undoing("", call) == 'Undo: ticket.reopen {"ticket_id":"T-1"}'
    assert undoing("Write to them again.", None) == "Undo: Write to them again."
    assert undoing("", None) == "Nothing undoes it."


ACT: Final = {
    "ordinal": 1,
    "tool": "ticket.close",
    "target": "T-1",
    "outcome": "succeeded",
    "text": "ticket.close was done",
    "changes": [{"field": "status", "before": "", "after": "closed"}],
    "undo": {"text": "Reopen it.", "tool": "ticket.reopen", "arguments": {"ticket_id": "T-1"}},
}
REPORT: Final = {
    "consenter": "principal:grace",
    "acts": [
        ACT,
        ACT | {"ordinal": 2, "outcome": "unknown", "text": "nobody knows"},
        ACT | {"ordinal": 3, "outcome": "failed", "text": "", "target": None},
    ],
    "refused": 3,
}


def test_a_report_is_read_act_by_act() -> None:
    """Each act with its outcome, what changed and its undo, after what is true of the whole of it."""
    words = ended(OPENING, "closed", "break-glass", "its minute came", REPORT)
    assert words.title == "Break-glass on acme is over (closed), 3 acts: bg_0123456789abcdef"
    assert words.lines[1:6] == (
        "break-glass ended it: its minute came",
        "Grace consented.",
        "It went past what was stopped: tool:ticket.close.",
        "Refused meanwhile: 3.",
        "The whole report: interlock break-glass report bg_0123456789abcdef",
    )
    assert words.lines[6:10] == (
        "1. ticket.close T-1: succeeded",
        "ticket.close was done",
        "Changed status: (empty) → closed",
        'Undo: Reopen it. ticket.reopen {"ticket_id":"T-1"}',
    )
    assert words.lines[-2:] == ("3. ticket.close: failed", "It was to change status: (empty) → closed")


def test_who_reads_of_an_unknown_act_knows_what_to_do() -> None:
    """It may have changed something, its undo is for the case that it did, and somebody else settles it."""
    unknown = ended(OPENING, "closed", "break-glass", "its minute came", REPORT).lines[10:15]
    assert unknown[:4] == (
        "2. ticket.close T-1: unknown",
        "Nobody knows",
        "It may have changed status: (empty) → closed",
        'If it happened: undo: Reopen it. ticket.reopen {"ticket_id":"T-1"}',
    )
    assert "other than Ada" in unknown[4]
    assert "interlock break-glass settle bg_0123456789abcdef bg_0123456789abcdef.2.0" in unknown[4]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_what_was_done_is_told_as_done(outcome: Outcome) -> None:
    """An act that did not succeed changed nothing, so there is nothing of it to undo."""
    close = replace(
        action(0, outcome), run_id=OPENING.session_id, frozen=frozen().document(), outcome_text="it came so"
    )
    lines = acted("principal:ada", "acme", close).lines
    told = {
        Outcome.SUCCEEDED: ("Changed status: open → closed", "Undo: Reopen T-18421."),
        Outcome.UNKNOWN: (
            "It may have changed status: open → closed",
            "If it happened: undo: Reopen T-18421.",
        ),
    }.get(outcome, ("It was to change status: open → closed",))
    assert lines[0] == "It came so"
    assert tuple(line for line in lines if "status" in line or "undo" in line.lower()) == told
    assert any("settle" in line for line in lines) == (outcome is Outcome.UNKNOWN)
    assert lines[-1] == "It is act 1 of bg_0123456789abcdef."


def test_what_was_never_open_has_no_report() -> None:
    """A question that nobody answered says why it is over, and counts no acts."""
    words = ended(replace(OPENING, minutes=2), "lapsed", "break-glass", "nobody consented in time", None)
    assert words.title == "Break-glass on acme is over (lapsed): bg_0123456789abcdef"
    assert len(words.lines) == 2
