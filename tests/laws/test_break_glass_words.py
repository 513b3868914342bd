"""What everybody is told of break-glass: who, on whom, what, until when, and how it is undone."""

import json
from dataclasses import replace
from typing import Final

import pytest

from adapters.alert_card import alert_card
from contracts.action import Change, Undo
from contracts.alert import Alert, Severity
from contracts.break_glass import Opening, Overridden, Session
from contracts.passkey import Assertion
from contracts.run import ActionRecord, Outcome
from policies.break_glass_words import Words, acted, asked, ended, opened, skipped, undoing
from tests.frozen import frozen
from tests.laws.cards import FROZEN
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
    assert words.lines[2] == "For 1 minute: ticket.close, ticket.update."
    assert "01 Jan 1970 at 00:15 UTC" in words.lines[3]


def test_no_tool_and_no_stop_hides_behind_others() -> None:
    """However many and long they are, the alerts of the asking and of the opening show every one."""
    tools = tuple(f"tool.{place:02}-{'x' * 40}" for place in range(20))
    stops = tuple(Overridden(scope=f"tool:{name}", stopped_ms=1) for name in tools)
    opening = replace(OPENING, tools=tools, overrides=stops)
    for words in (asked(opening, 900_000), opened(replace(SESSION, opening=opening), ())):
        shown = json.dumps(alert_card(_alert(words)).blocks)
        for name in tools:
            assert shown.count(name) >= 2, name


def test_no_answer_of_a_target_crowds_out_what_we_say() -> None:
    """Behind endless words of its own its act has its outcome, number, key and undo all the same."""
    endless = "x" * 5_000
    changes = tuple(Change(field=f"{place}", before=endless, after=endless) for place in range(30))
    frozen = replace(
        FROZEN,
        preview=replace(FROZEN.preview, changes=changes, undo=""),
        target=endless[:400],
        undo=Undo(tool="ticket.reopen", arguments={}),
    )
    words = acted("principal:ada", "acme", replace(_action(), frozen=frozen.document(), outcome_text=endless))
    shown = json.dumps(alert_card(_alert(words)).blocks)
    for ours in (
        "succeeded",
        "act 1 of bg_",
        f"Idempotency key: {frozen.idempotency_key[:20]}",
        "ticket.reopen",
    ):
        assert ours in shown
    assert "Undo" not in str(acted("principal:ada", "acme", _action(outcome=Outcome.FAILED)).lines)


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
        "Calls refused meanwhile: 3.",
        "The whole report: interlock break-glass report bg_0123456789abcdef",
    )
    assert words.lines[6:9] == (
        "1. ticket.close T-1: succeeded",
        'Undo: Reopen it. ticket.reopen {"ticket_id":"T-1"}',
        "ticket.close was done · Changed status: (empty) → closed",
    )
    assert words.lines[-2:] == ("3. ticket.close: failed", "It was to change status: (empty) → closed")


def test_who_reads_of_an_unknown_act_knows_what_to_do() -> None:
    """It may have changed something, its undo is for the case that it did, and somebody else settles it."""
    unknown = ended(OPENING, "closed", "break-glass", "its minute came", REPORT).lines[9:13]
    assert unknown[:2] == (
        "2. ticket.close T-1: unknown",
        'If it happened: undo: Reopen it. ticket.reopen {"ticket_id":"T-1"}',
    )
    assert "other than Ada" in unknown[2]
    assert "interlock break-glass settle bg_0123456789abcdef bg_0123456789abcdef.2.0" in unknown[2]
    assert unknown[3] == "Nobody knows · It may have changed status: (empty) → closed"


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_what_was_done_is_told_as_done(outcome: Outcome) -> None:
    """An act that did not succeed changed nothing, so there is nothing of it to undo."""
    close = replace(_action(outcome), frozen=frozen().document(), outcome_text="it came so")
    lines = acted("principal:ada", "acme", close).lines
    told = {
        Outcome.SUCCEEDED: ("Undo: Reopen T-18421.", "Changed status: open → closed"),
        Outcome.UNKNOWN: (
            "If it happened: undo: Reopen T-18421.",
            "It may have changed status: open → closed",
        ),
    }.get(outcome, ("It was to change status: open → closed",))
    assert "It came so" in lines
    assert tuple(line for line in lines if "status" in line or "undo" in line.lower()) == told
    assert any("settle" in line for line in lines) == (outcome is Outcome.UNKNOWN)
    assert lines[0] == "It is act 1 of bg_0123456789abcdef."


def test_what_was_never_open_has_no_report() -> None:
    """A question that nobody answered says why it is over, and counts no acts."""
    words = ended(replace(OPENING, minutes=2), "lapsed", "break-glass", "nobody consented in time", None)
    assert words.title == "Break-glass on acme is over (lapsed): bg_0123456789abcdef"
    assert len(words.lines) == 2


def _action(outcome: Outcome = Outcome.SUCCEEDED) -> ActionRecord:
    return replace(action(0, outcome), run_id=OPENING.session_id, frozen=FROZEN.document())


def _alert(words: Words) -> Alert:
    return Alert(
        alert_id="alt_1",
        env="dev",
        severity=Severity.LOUD,
        title=words.title,
        lines=words.lines,
        actor="principal:ada",
        at_ms=0,
    )
