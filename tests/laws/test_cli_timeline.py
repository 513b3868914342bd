"""Laws of a run told in words: its timeline, its reasons, and the stream that they are read from."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from cli import showing, why, words
from cli.following import Event, Following, read
from cli.output import happened
from cli.timeline import Timeline, head
from contracts.approval import Refusal
from contracts.errors import TokenRefused, Unavailable
from contracts.run import Outcome, RunState, StopReason

AT = "2026-11-25T13:21:04.000Z"
RUN: dict[str, Any] = {
    "run_id": "run_1",
    "tenant": "acme",
    "env": "dev",
    "route": "support/close",
    "caller": "svc:demo",
    "on_behalf_of": "user:u-7",
    "state": "stopped",
    "stop_reason": "loop",
    "cancel_reason": None,
    "created_at": AT,
    "started_at": AT,
    "ended_at": "2026-11-25T13:23:08.000Z",
    "budget": {"steps": 25, "seconds": 60, "usd": "1.00", "denials": 3},
    "spend": {"steps": 4, "seconds": 2.1, "usd": "0.0123", "denials": 0},
}
OFFER: dict[str, Any] = {"tool": "ticket.reopen", "run_id": None, "done": False}
ACTION: dict[str, Any] = {"step": 3, "tool": "ticket.close", "duration_ms": 41}
APPROVAL: dict[str, Any] = {
    "approval_id": "apr_1",
    "requested_at": AT,
    "deadline": "2026-11-25T17:21:04.000Z",
    "group": "support-leads",
    "kind": "action",
    "needed": 2,
    "action": {"tool": "ticket.close", "target": "T-1"},
}


def lines(event: str, kind: str, outcome: str, **changed: Any) -> list[str]:
    """What a new timeline says of one event."""
    known = {
        "at": AT,
        "kind": kind,
        "outcome": outcome,
        "actor": "run",
        "reason": "",
        "credential_scope": None,
    }
    about = {"run": RUN, "action": ACTION, "approval": APPROVAL}
    return [line.text for line in Timeline().lines(event, {**known, **about, **changed})]


def test_a_timeline_says_who_asked_and_for_whom() -> None:
    """The first line names the caller and the one for whom it runs."""
    assert lines("run", "run", "accepted", actor="svc:demo") == ["svc:demo asked for it for user:u-7"]


def test_a_step_is_told_once_however_many_calls_it_proposes() -> None:
    """The model was asked once; each of its calls is decided on."""
    timeline = Timeline()
    data = {"at": AT, "kind": "decision", "outcome": "allow", "action": ACTION, "reason": ""}
    told = [line.text for _ in range(2) for line in timeline.lines("action", data)]
    assert told == ["step 3: asked the model", *["proposed ticket.close: allowed"] * 2]


def test_an_undo_run_says_what_it_undoes_and_asks_no_model() -> None:
    """In its first line, at its head, and where another run's step would say that a model was asked."""
    run, timeline = {**RUN, "undoes": "run_0"}, Timeline()
    data = {"at": AT, "kind": "run", "outcome": "accepted", "run": run, "actor": "svc:demo"}
    (accepted,) = timeline.lines("run", {**data, "reason": "to undo run run_0: Wrong."})
    assert accepted.text == "svc:demo asked for it for user:u-7, to undo run run_0: Wrong."
    decided = {"at": AT, "kind": "decision", "outcome": "needs_approval", "action": ACTION, "reason": ""}
    assert timeline.lines("action", decided)[0].text == "step 3: proposed the undo of run run_0"
    assert dict(head(run))["undoes"] == "run run_0"
    assert "undoes" not in dict(head(RUN))


def _written(outcome: str, undo: dict[str, Any] | None) -> dict[str, Any]:
    return {"action_digest": "sha256:…", "idempotency_key": "k-1", "outcome": outcome, "undo": undo}


@pytest.mark.parametrize(
    ("action", "state", "said", "offered"),
    [
        (_written("succeeded", OFFER), "cancelled", "ticket.reopen undoes it", True),
        (_written("succeeded", OFFER), "running", "once it has ended: interlock run undo run_1", True),
        (_written("succeeded", OFFER | {"run_id": "run_2"}), "completed", "being undone by run run_2", False),
        (
            _written("succeeded", OFFER | {"run_id": "run_2", "done": True}),
            "failed",
            "undone by run run_2",
            False,
        ),
        (_written("succeeded", None), "completed", "nothing undoes it", False),
        (_written("unknown", OFFER), "stopped", "nobody knows yet", False),
        (_written("rejected", OFFER), "completed", "", False),
    ],
)
def test_what_was_written_is_shown_with_its_undo(
    capsys: pytest.CaptureFixture[str], action: dict[str, Any], state: str, said: str, offered: bool
) -> None:
    """The command is offered where an undo of something is neither done nor under way."""
    showing.offer({**RUN, "state": state, "actions": [action]})
    out = capsys.readouterr().out
    assert said in out if said else out == ""
    assert ("interlock run undo run_1" in out) is offered


def test_a_run_starts_once_and_then_carries_on() -> None:
    """The same record is a start the first time, and the end of a wait after that."""
    timeline = Timeline()
    data = {"at": AT, "kind": "run", "outcome": "running", "run": RUN, "actor": "run", "reason": ""}
    told = [line.text for _ in range(2) for line in timeline.lines("run", data)]
    assert told == ["started", "carries on"]


def test_a_denial_says_which_rule() -> None:
    """The decision's own reason stands in the line."""
    because = "no rule of the route allows `email.send`"
    assert lines("action", "decision", "deny", reason=because)[-1].endswith(f"denied, {because}")


def test_an_attempt_says_under_which_credential() -> None:
    """The credential's scope, never more of it."""
    (line,) = lines("action", "attempt", "sent", credential_scope="dev/acme/ticketing-write")
    assert line == "sent ticket.close, under credential dev/acme/ticketing-write"


@pytest.mark.parametrize(
    ("outcome", "said"), [("reminded", "were reminded"), ("escalated", "a second group may decide")]
)
def test_time_s_own_acts_are_told(outcome: str, said: str) -> None:
    """A reminder and an escalation are nobody's click."""
    (line,) = lines("approval", "approval", outcome)
    assert said in line


def test_a_question_says_whom_what_and_until_when() -> None:
    """Who may answer, about what, the deadline, and the id that an answer takes."""
    (line,) = lines("approval", "approval", "asked")
    for part in ("2 people of support-leads", "ticket.close T-1", "2026-11-25 17:21:04 UTC", "apr_1"):
        assert part in line


def test_an_answer_says_who_how_and_after_how_long() -> None:
    """A person's answer, its way in, the time that it took, and what they said."""
    at = "2026-11-25T13:23:08.000Z"
    (line,) = lines("approval", "approval", "deny", actor="principal:ada", at=at, reason="http: still waits")
    assert line == "denied by ada after 2 min 4 s, over HTTP: still waits"


@pytest.mark.parametrize("refusal", Refusal)
def test_a_click_that_did_not_count_says_why(refusal: Refusal) -> None:
    """Every refusal has its words; none shows as a name."""
    (line,) = lines("approval", "approval", f"refused:{refusal}", actor="slack:T1/U1", reason="slack")
    assert words.REFUSALS[refusal] in line
    assert "_" not in line


@pytest.mark.parametrize("reason", StopReason)
def test_a_stop_says_why(reason: StopReason) -> None:
    """Every stop reason has its words, in the timeline and at the head."""
    assert lines("run", "run", "stopped", reason=reason) == [f"stopped: {words.STOPS[reason]}"]
    assert words.STOPS[reason] in dict(head({**RUN, "stop_reason": reason}))["state"]


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_and_every_end_has_a_line(outcome: Outcome) -> None:
    """Whatever came of it is told, with the sentence that says how."""
    (line,) = lines("action", "result", outcome, reason="The target said no.")
    assert line.endswith("The target said no.")
    for state in (state for state in RunState if state.ended):
        assert lines("run", "run", state)


def test_the_head_holds_spend_against_budget() -> None:
    """Each ceiling beside what was spent of it."""
    spent = dict(head(RUN))["spent"]
    for part in ("4 of 25 steps", "2.1 of 60 s", "$0.0123 of $1.00", "0 of 3 denials"):
        assert part in spent


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.041, "41 ms"),
        (2.14, "2.1 s"),
        (59.9, "1 min"),
        (124, "2 min 4 s"),
        (5_400, "1 h 30 min"),
        (86_401, "1 d"),
    ],
)
def test_durations_are_two_units_at_most(seconds: float, text: str) -> None:
    """As a person would say them."""
    assert words.duration(seconds) == text


def test_a_stream_is_read_event_by_event() -> None:
    """Comments are none, and what was cut before its blank line is left for the next connection."""
    text = ': ping\n\nevent: run\ndata: {"a": "b: c"}\nid: 7\n\nevent: run\ndata: {"a": 1}\nid: 8\n'
    assert list(read(text.split("\n")[:-1])) == [Event(id="7", name="run", data={"a": "b: c"})]


def event(number: int, *, last: bool = False) -> str:
    return f'event: run\ndata: {{"last": {str(last).lower()}}}\nid: {number}\n\n'


class Wire:
    """A gateway whose connections end as they are told to: after their text, cut, refused, or away."""

    def __init__(self, *connections: str | Exception) -> None:
        self._connections = iter(connections)
        self.asked: list[str | None] = []

    @contextmanager
    def events(
        self, run_id: str, *, last: str | None = None, follow: bool = True
    ) -> Iterator[httpx.Response]:
        assert (run_id, follow) == ("run_1", True)
        self.asked.append(last)
        found = next(self._connections)
        if isinstance(found, Exception):
            raise found
        yield httpx.Response(204 if found == "204" else 200, text="" if found == "204" else found)


def followed(wire: Wire, complain: Callable[[str], None] = lambda _: None) -> list[str]:
    following = Following(
        connect=lambda: wire,  # type: ignore[arg-type, return-value] # the one method that is called
        run_id="run_1",
        complain=complain,
        pause=lambda _: None,
    )
    return [one.id for one in following.events()]


def test_following_goes_on_after_the_last_event_it_has_seen() -> None:
    """Cut, away or refused for a moment: each event once, in order, and a sentence for each loss."""
    said: list[str] = []
    wire = Wire(
        event(1) + event(2) + "event: run\nda",
        httpx.ConnectError("away"),
        Unavailable("starting"),
        event(3),
        event(4, last=True),
    )
    assert followed(wire, said.append) == ["1", "2", "3", "4"]
    assert wire.asked == [None, "2", "2", "2", "3"]
    assert len(said) == 2
    assert all("lost" in one for one in said)


def test_following_ends_where_nothing_is_left() -> None:
    """A run that ended while the connection was away is answered with 204."""
    assert followed(Wire(event(1), "204")) == ["1"]


def test_following_gives_up_on_a_gateway_that_stays_away() -> None:
    """Not for ever, and not at the first failure; a refusal ends it at once."""
    with pytest.raises(Unavailable, match="run_1 goes on"):
        followed(Wire(event(1), *[httpx.ConnectError("away")] * 50))
    with pytest.raises(httpx.ConnectError):
        followed(Wire(httpx.ConnectError("away")))
    with pytest.raises(TokenRefused):
        followed(Wire(event(1), TokenRefused("the token has expired")))


def test_nobody_else_writes_a_line_of_a_timeline(capsys: pytest.CaptureFixture[str]) -> None:
    """A reason with line breaks and control characters stays one line, below its own time."""
    happened("13:21:04", "denied by ada: no\n13:21:05  approved by grace\x1b[2J")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("13:21:04  denied by ada: no ↵ 13:21:05  approved by grace")
    assert "\x1b" not in line


def test_why_says_what_did_not_happen_yet() -> None:
    """An action that waits has no answer, and is told without one."""
    waiting = {
        "number": 1,
        "action": {"tool": "ticket.close", "outcome": None},
        "words": "",
        "decision": None,
        "shown": None,
        "questions": [
            {
                "at": AT,
                "approval_id": "apr_1",
                "group": "support-leads",
                "kind": "action",
                "needed": 1,
                "deadline": None,
                "state": "waiting",
                "clicks": [],
                "proof": {"seq": 4, "hash": "sha256:" + "0" * 64},
            }
        ],
        "attempts": [],
        "answers": [],
    }
    assert why.title(waiting) == "Action 1: ticket.close, not ended yet"
    told = list(why.rows(waiting))
    assert ("who decided", "nobody") in told
    assert any("without a deadline" in text for _, text in told)
    assert told[-1] == ("audit", "asked 4 (sha256:000000000000…)")


def test_a_question_about_an_unknown_write_is_no_approval() -> None:
    """The timeline says that a person is asked what happened, and what that person said."""
    about = APPROVAL | {"kind": "reconcile", "needed": 1, "deadline": None}
    (asked,) = lines("approval", "approval", "asked", approval=about)
    assert "to say whether it happened" in asked
    (said,) = lines(
        "approval", "approval", "it_did_not", approval=about, actor="principal:grace", reason="http"
    )
    assert said.endswith("said that it did not happen, over HTTP")
