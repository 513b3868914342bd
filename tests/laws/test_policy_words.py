"""Laws of what `policy check` and `policy explain` say of a directory."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from cli.main import build
from tests.laws.policy_desk import PEOPLE

RUNNER = CliRunner()

BASE = """\
model: {name: rules}
allow_tools: [kb.search, ticket.close]
budgets: {steps: 25, seconds: 60, usd: "1.00", denials: 3}
limits: [{tool: ticket.close, per: tenant, window: 1h, calls: 5}]
approval: {group: leads, min_review_seconds: 5, escalate: {after: 2h, group: others}}
"""
OWN = """\
narrows: base
when: {ticket.close: {properties: {reason: {maxLength: 40}}}}
limits: [{tool: ticket.close, per: run, window: 1h, calls: 1}]
"""


def _directory(tmp_path: Path, **routes: str) -> Path:
    (tmp_path / "routes").mkdir(exist_ok=True)
    (tmp_path / "people.yaml").write_text(PEOPLE)
    for name, text in routes.items():
        (tmp_path / "routes" / f"{name}.yaml").write_text(text)
    return tmp_path


def _said(code: int, *arguments: str) -> dict[str, Any]:
    outcome = RUNNER.invoke(build(), ["policy", *arguments, "--json"])
    assert outcome.exit_code == code, outcome.output
    found: dict[str, Any] = json.loads(outcome.stdout)
    return found


def test_a_refused_directory_is_one_document(tmp_path: Path) -> None:
    """With `--json` every mistake is an entry with file, line, text and hint, warnings beside; status 1."""
    wrong = BASE.replace("kb.search,", "kb.serch,") + "when: {tickets.get: {}}\nloop: x\n"
    found = _said(1, "check", "--policies", str(_directory(tmp_path, base=wrong)))
    hint = "did you mean `kb.search`?"
    assert found["problems"] == [
        {"file": "routes/base.yaml", "line": 2, "text": "unknown tool `kb.serch`", "hint": hint},
        {"file": "routes/base.yaml", "line": 7, "text": "`loop` should be a valid integer", "hint": ""},
    ]
    assert [(one["line"], "which is not allowed" in one["text"]) for one in found["warnings"]] == [(6, True)]


def test_refused_tools_are_one_document(tmp_path: Path) -> None:
    """A tool file that is refused is told in the same shape."""
    (tmp_path / "tools.yaml").write_text("sources: {}\ntools: {}\n")
    found = _said(1, "check", "--tools", str(tmp_path / "tools.yaml"))
    assert {one["file"] for one in found["problems"]} == {"tools.yaml"}
    assert found["warnings"] == []


def test_a_sound_directory_has_no_problems(tmp_path: Path) -> None:
    """A sound directory is told with what is in it, and an expired exception changes no status."""
    waiver = "tool: ticket.close, waive: approval, reason: r, owner: principal:ada, expires: 2020-01-31"
    text = f"{BASE}exceptions: [{{{waiver}}}]\n"
    found = _said(0, "check", "--policies", str(_directory(tmp_path, base=text, own=OWN)))
    assert (found["routes"], found["people"], found["problems"]) == (["base", "own"], 2, [])
    assert [("expired" in one["text"], one["line"]) for one in found["warnings"]] == [(True, 6)]


def test_explain_names_every_rule_that_has_a_say(tmp_path: Path) -> None:
    """Rules that decided, those that the call passed, whom it asks, and limits to come: each in its file."""
    directory = str(_directory(tmp_path, base=BASE, own=OWN))
    call = json.dumps({"ticket_id": "T-18421", "reason": "Solved."})
    found = _said(0, "explain", "own", "ticket.close", "--args", call, "--policies", directory)
    places = {
        one["rule"]: (one["file"], one["line"])
        for key in ("reasons", "beside", "limits")
        for one in found[key]
    }
    assert places == {
        "allow_tools[1]": ("routes/base.yaml", 2),
        "catalogue.effect": ("helpdesk.yaml", places["catalogue.effect"][1]),
        "when.ticket.close": ("routes/own.yaml", 2),
        "approval.group": ("routes/base.yaml", 5),
        "approval.escalate": ("routes/base.yaml", 5),
        "approval.min_review_seconds": ("routes/base.yaml", 5),
        "limits[0]": ("routes/base.yaml", 4),
        "limits[1]": ("routes/own.yaml", 3),
    }
    assert [one["rule"] for one in found["limits"]] == ["limits[0]", "limits[1]"]
    assert "`leads` is asked for 4h: 1 person may approve" in found["beside"][1]["text"]
    long = json.dumps({"ticket_id": "T-18421", "reason": "x" * 41})
    denied = _said(0, "explain", "own", "ticket.close", "--args", long, "--policies", directory)
    assert [(one["rule"], one["line"]) for one in denied["reasons"]] == [("when.ticket.close", 2)]
    assert denied["beside"] == []
