"""Laws of what the command line takes and says."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import build
from cli.output import clean
from cli.playing import FIRST, candidates
from cli.switches import _end, _now

RUNNER = CliRunner()


def _explain(*arguments: str) -> dict[str, object]:
    outcome = RUNNER.invoke(build(), ["policy", "explain", *arguments, "--json"])
    assert outcome.exit_code == 0, outcome.output
    found: dict[str, object] = json.loads(outcome.stdout)
    return found


def test_explain_of_an_unknown_route_or_tool_is_a_deny() -> None:
    """What nobody wrote a rule for is denied with its reason, and is no error."""
    for arguments in (("support/clos", "ticket.close"), ("support/close", "email.send")):
        found = _explain(*arguments)
        assert found["decision"] == "deny"
        assert found["approvals"] == 0
        assert found["reasons"]


def test_explain_names_rule_file_and_line() -> None:
    """Each reason names its rule, and the line in which it stands."""
    call = json.dumps({"ticket_id": "T-18421", "reason": "Solved.", "resolution_article": "KB-2041"})
    found = _explain("support/close", "ticket.close", "--args", call)
    assert (found["decision"], found["approvals"]) == ("needs_approval", 1)
    reasons = found["reasons"]
    assert isinstance(reasons, list)
    assert [reason["rule"] for reason in reasons] == ["allow_tools[2]", "catalogue.effect"]
    route = Path(__file__).parents[2] / "policies" / "shipped" / reasons[0]["file"]
    assert "ticket.close" in route.read_text().splitlines()[reasons[0]["line"] - 1]


@pytest.mark.parametrize("given", ["{bad", "[]", "@/nowhere/input.json", ""])
def test_bad_input_is_wrong_use(given: str) -> None:
    """Input that is no JSON object is refused with a sentence and status 2."""
    outcome = RUNNER.invoke(build(), ["run", "start", "--route", "support/close", "--input", given])
    assert outcome.exit_code == 2
    assert "--input" in outcome.stderr
    assert "Traceback" not in outcome.output


def test_decide_takes_one_answer() -> None:
    """None and two answers are wrong use: nobody decides by accident."""
    for answers in ([], ["--approve", "--deny"]):
        outcome = RUNNER.invoke(build(), ["approvals", "decide", "apr_1", "--as", "ada", *answers])
        assert outcome.exit_code == 2


@pytest.mark.parametrize(
    "ends",
    [
        ("--for", "soon"),
        ("--for", "0m"),
        ("--for", "1h", "--until", "2099-01-01T00:00:00Z"),
    ],
)
def test_a_stop_ends_at_one_time_that_can_be_told(ends: tuple[str, ...]) -> None:
    """No duration, or two ends: wrong use, and nothing is sent."""
    outcome = RUNNER.invoke(build(), ["switch", "stop", "all", "--reason", "x", *ends])
    assert outcome.exit_code == 2
    assert "--for" in outcome.stderr


def test_a_duration_is_a_time_from_now_on() -> None:
    """``--for 30m``: half an hour from now, in UTC, as the gateway takes it."""
    before = datetime.now(UTC)
    end = datetime.fromisoformat(_end("30m", None))
    assert timedelta(minutes=29) < end - before < timedelta(minutes=31)


def test_the_list_tells_what_holds_from_what_ended() -> None:
    """Stopped, ended by itself, or resumed by somebody."""
    switch = {"stopped": False, "ended": False}
    told = [_now(switch | changed) for changed in ({"stopped": True}, {"ended": True}, {})]
    assert told == ["stopped", "ended by itself", "resumed"]


def _verbs() -> list[list[str]]:
    named = [[command.callback.__name__] for command in build().registered_commands if command.callback]
    groups = [
        [str(group.name), command.name or str(getattr(command.callback, "__name__", ""))]
        for group in build().registered_groups
        if group.typer_instance
        for command in group.typer_instance.registered_commands
    ]
    return named + groups


@pytest.mark.parametrize("verb", _verbs(), ids=" ".join)
def test_every_verb_helps_with_an_example(verb: list[str]) -> None:
    """``--help`` of every verb says what it does and shows a call."""
    outcome = RUNNER.invoke(build(), [*verb, "--help"])
    assert outcome.exit_code == 0
    assert f"interlock {' '.join(verb)}" in " ".join(outcome.stdout.split())


def test_output_drives_no_terminal() -> None:
    """Control characters of a ticket's text do not reach the terminal."""
    assert "\x1b" not in clean("\x1b[2Jowned\x07")
    assert clean("two\nlines") == "two\nlines"


def test_demo_begins_with_its_ticket_and_never_repeats_one() -> None:
    """The demo takes the ticket of the walkthrough first, and one that was written to never again."""
    assert next(candidates(frozenset())) == FIRST
    rest = list(candidates(frozenset({FIRST})))
    assert FIRST not in rest
    assert len(rest) >= 5
