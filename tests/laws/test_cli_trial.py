"""Laws of ``policy test``: status 1 for a case that fails or a rule that no case shows, with the place."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from cli.main import status

ROUTE: Final = """\
model: {name: rules}
allow_tools:
  - kb.search
  - ticket.close
limits:
  - {tool: ticket.close, per: run, window: 1h, calls: 1}
budgets: {steps: 5, seconds: 60, usd: "1.00", denials: 3}
approval: {group: support-leads}
"""
PEOPLE: Final = "people: {ada: {slack: {team: T1, user: U1}, groups: [support-leads], tenants: [acme]}}\n"
CASES: Final = """\
- {tool: kb.search, args: {query: x}, expect: allow}
- tool: ticket.close
  args: {ticket_id: T-1, reason: Solved.}
  expect: needs_approval
"""
LAST: Final = """\
- tool: ticket.close
  args: {ticket_id: T-1, reason: Again.}
  used: {calls: 1}
  expect: deny
  rule: "limits[0]"
"""

Trial = Callable[..., tuple[int, str, str]]


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Trial:
    """Writes one route with these cases, and runs the verb."""
    (tmp_path / "routes").mkdir()
    (tmp_path / "cases").mkdir()
    (tmp_path / "routes" / "desk.yaml").write_text(ROUTE, encoding="utf-8")
    (tmp_path / "people.yaml").write_text(PEOPLE, encoding="utf-8")
    monkeypatch.setenv("COLUMNS", "200")

    def run(cases: str | None, *options: str) -> tuple[int, str, str]:
        if cases is not None:
            (tmp_path / "cases" / "desk.yaml").write_text(cases, encoding="utf-8")
        monkeypatch.setattr(
            sys, "argv", ["interlock", "policy", "test", "--policies", str(tmp_path), *options]
        )
        code = status()
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def document(said: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said)
    return found


def test_what_holds_and_is_covered_passes(trial: Trial) -> None:
    """Status 0 where every case holds and every rule is shown at work."""
    code, said, _ = trial(CASES + LAST, "--threshold", "100")
    assert code == 0
    assert "3 cases, 0 of them fail; 100% of all rules are covered." in said


def test_a_case_that_fails_fails_the_test(trial: Trial) -> None:
    """Whatever the threshold is; the table says where the case stands and what differs."""
    code, said, _ = trial(CASES + "- {tool: kb.search, args: {query: x}, expect: deny}\n", "--threshold", "0")
    assert code == 1
    assert "cases/desk.yaml:5 `kb.search` is allow, not deny: the route allows `kb.search`" in said


def test_a_rule_that_no_case_shows_is_named(trial: Trial) -> None:
    """Below the threshold the status is 1; the rule has its file and line either way."""
    code, said, _ = trial(CASES)
    assert code == 1
    assert "routes/desk.yaml:6 limits[0] no case is denied by it" in said
    assert "below 80%" in said
    assert trial(CASES, "--threshold", "66")[0] == 0
    assert trial(CASES, "--threshold", "67")[0] == 1


def test_a_route_without_cases_covers_nothing(trial: Trial) -> None:
    """It counts as 0 %, and is not passed over."""
    code, said, _ = trial(None, "--threshold", "1", "--json")
    assert code == 1
    assert [(one["route"], one["coverage"], one["cases"]) for one in document(said)["routes"]] == [
        ("desk", 0, 0)
    ]


def test_json_is_one_document_with_the_same(trial: Trial) -> None:
    """Failures with what was decided, and gaps, each with its file and line."""
    code, said, _ = trial(CASES + "- {tool: ticket.clos, expect: deny}\n", "--json", "--route", "desk")
    found = document(said)
    assert (code, found["passed"], found["threshold"], found["coverage"]) == (1, False, 80, 66)
    (route,) = found["routes"]
    assert route["uncovered"] == [
        {"rule": "limits[0]", "file": "routes/desk.yaml", "line": 6, "text": "no case is denied by it"}
    ]
    assert route["failed"] == [
        {
            "file": "cases/desk.yaml",
            "line": 5,
            "tool": "ticket.clos",
            "expect": "deny",
            "decision": "deny",
            "approvals": 0,
            "rules": ["catalogue"],
            "text": "there is no tool `ticket.clos`; did you mean `ticket.close`? "
            "If it is meant, say `rule: catalogue`",
        }
    ]


def test_the_document_is_as_it_is_documented(trial: Trial) -> None:
    """docs/policy-tests.md shows each of its keys, in each of its parts."""
    doc = (Path(__file__).parents[2] / "docs" / "policy-tests.md").read_text(encoding="utf-8")
    block = re.search(r"```json\n(.*?)```", doc, re.DOTALL)
    assert block
    shown = json.loads(block[1])
    found = document(trial(CASES + "- {tool: kb.search, expect: allow}\n", "--json")[1])
    inner, own = shown["routes"][0], found["routes"][0]
    assert shown.keys() == found.keys()
    assert inner.keys() == own.keys()
    assert inner["failed"][0].keys() == own["failed"][0].keys()
    assert inner["uncovered"][0].keys() == own["uncovered"][0].keys()


def test_an_unknown_route_gets_a_sentence(trial: Trial) -> None:
    """So does a mistake in a case file, with its line; nothing is passed over."""
    assert trial(CASES, "--route", "desc")[::2] == (
        1,
        "interlock: there is no route 'desc'; did you mean `desk`?\n",
    )
    code, _, said = trial("- {tool: kb.search, expects: allow}\n")
    assert code == 1
    assert "cases/desk.yaml:1: `expects` is no key of a case; did you mean `expect`?" in said
