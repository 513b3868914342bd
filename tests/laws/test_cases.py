"""Cases say what a route's owner expects, and fail where the rules say otherwise."""

from pathlib import Path
from typing import Any

import pytest

from contracts.tool import Catalogue, Effect, ToolSpec
from policies.case_file import read_cases
from policies.cases import run_cases
from policies.route import Route
from policies.source import Source, read_source

CATALOGUE = Catalogue(
    tools={
        name: ToolSpec(
            name=name,
            version="1",
            address="helpdesk",
            effect=effect,
            description="",
            schema={
                "type": "object",
                "additionalProperties": False,
                "properties": {"id": {"type": "string"}},
            },
            credential="ticketing",
            target="/id" if effect.writes else None,
        )
        for name, effect in {"tickets.get": Effect.READ, "ticket.close": Effect.WRITE}.items()
    }
)
ROUTE = Route.read(
    {
        "name": "support/close",
        "model": {"name": "rules"},
        "allow_tools": ["tickets.get", "ticket.close"],
        "budgets": {"steps": 1, "seconds": 1, "usd": "1", "denials": 1},
    }
)


def source(directory: Path, text: str) -> Source:
    path = directory / "close.yaml"
    path.write_text(text, encoding="utf-8")
    read, problems = read_source(path, "cases/support/close.yaml")
    assert not problems
    assert read is not None
    return read


@pytest.mark.parametrize(
    ("case", "wrong"),
    [
        ("{tool: tickets.get, args: {id: T-1}, expect: allow}", None),
        ("{tool: ticket.close, args: {id: T-1}, expect: needs_approval, approvals: 1}", None),
        ("{tool: email.send, expect: deny, rule: catalogue}", None),
        ("{tool: tickets.get, args: {id: T-1}, expect: deny}", "is allow, not deny"),
        (
            "{tool: ticket.close, args: {id: T-1}, expect: needs_approval, approvals: 2}",
            "needs 1 approvals, not 2",
        ),
        ("{tool: email.send, expect: deny, rule: default}", "was decided by catalogue, not by default"),
    ],
)
def test_a_case_passes_where_the_rules_agree(tmp_path: Path, case: str, wrong: str | None) -> None:
    """A case compares ruling, approvals and rule, and says what differs."""
    cases, problems = read_cases(source(tmp_path, f"# A comment.\n- {case}\n"))
    (result,) = run_cases(ROUTE, CATALOGUE, cases, now_ms=0)
    assert not problems
    assert result.passed is (wrong is None)
    assert wrong is None or wrong in str(result.wrong)
    assert (result.case.file, result.case.line) == ("cases/support/close.yaml", 2)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("- {tool: a, expect: allow}\n- {tool: a, expect: allows}\n", 2),
        ("- {tool: a, expect: allow}\n- {expect: allow}\n", 2),
        ("- tool: a\n  expect: allow\n  arg: {}\n", 3),
        ("- {tool: a, expect: allow, approvals: '1'}\n", 1),
        ("tool: a\n", 1),
    ],
)
def test_a_mistaken_case_has_its_line(tmp_path: Path, text: str, line: int) -> None:
    """A case that says nothing checkable is a mistake with its line, never skipped."""
    _, problems = read_cases(source(tmp_path, text))
    assert [problem.line for problem in problems] == [line]


def test_a_case_reads_its_arguments_as_they_are(tmp_path: Path) -> None:
    """Arguments of a case reach the rules unchanged."""
    cases, _ = read_cases(
        source(tmp_path, "- {tool: a, args: {n: 1, t: '1', l: [true, null]}, expect: deny}\n")
    )
    expected: dict[str, Any] = {"n": 1, "t": "1", "l": [True, None]}
    assert cases[0].expected.args == expected
