"""Cases say what a route's owner expects, and fail where the rules say otherwise."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from contracts.tool import Catalogue, Effect, ToolSpec
from policies.case_file import read_cases
from policies.cases import Expected, run_cases
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
        "limits": [
            {"tool": "ticket.close", "per": "run", "window": "1h", "calls": 2},
            {"tool": "ticket.close", "per": "tenant", "window": "1h", "calls": 4},
        ],
        "exceptions": [
            {
                "tool": "ticket.close",
                "waive": "approval",
                "reason": "r",
                "owner": "principal:ada",
                "expires": "2026-03-01",
            }
        ],
        "budgets": {"steps": 1, "seconds": 1, "usd": "1", "denials": 1},
    }
)
NOW: Final = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * 1_000


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
        ("{tool: email.send, expect: deny}", None),
        ("{tool: ticket.clos, expect: deny, rule: catalogue}", None),
        ("{tool: ticket.clos, expect: deny}", "no tool `ticket.clos`; did you mean `ticket.close`?"),
        (
            "{tool: ticket.clos, expect: allow}",
            "is deny, not allow: there is no tool `ticket.clos`; did you mean",
        ),
        ("{tool: ticket.close, args: {id: T-1}, used: {calls: 1}, expect: needs_approval}", None),
        ("{tool: ticket.close, args: {id: T-1}, used: {calls: 2}, expect: deny, rule: 'limits[0]'}", None),
        (
            "{tool: ticket.close, args: {id: T-1}, used: {calls: 3}, expect: deny, rule: 'limits[1]'}",
            "was decided by limits[0], not by limits[1]",
        ),
        ("{tool: ticket.close, args: {id: T-1}, used: {calls: 4}, expect: deny, rule: 'limits[1]'}", None),
        (
            "{tool: ticket.close, args: {ip: T-1}, used: {calls: 4}, expect: deny, rule: catalogue.schema}",
            None,
        ),
        ("{tool: ticket.close, args: {id: T-1}, at: 2026-03-01, expect: allow, rule: 'exceptions[0]'}", None),
        ("{tool: ticket.close, args: {id: T-1}, at: 2026-03-02, expect: needs_approval}", None),
        ("{tool: ticket.close, args: {id: T-1}, expect: needs_approval, why: It ended in March.}", None),
    ],
)
def test_a_case_passes_where_the_rules_agree(tmp_path: Path, case: str, wrong: str | None) -> None:
    """A case compares ruling, approvals and rule, and says what differs."""
    cases, problems = read_cases(source(tmp_path, f"# A comment.\n- {case}\n"))
    (result,) = run_cases(ROUTE, CATALOGUE, cases, now_ms=NOW)
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


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("- tool: a\n  expect: deny\n  useed: {}\n", 3, "`useed` is no key of a case; did you mean `used`?"),
        ("- {tool: a, expect: deny, x: 1}\n", 1, "`x` is no key of a case; known are tool, args, expect"),
        (
            "- tool: a\n  expect: deny\n  used: {sums: 1}\n",
            3,
            "`used.sums` is no key of a case; did you mean `sum`?",
        ),
        (
            "- tool: a\n  expect: denny\n",
            2,
            "`expect` takes 'allow', 'needs_approval' or 'deny'; did you mean `deny`?",
        ),
        ("- {tool: a, expect: true}\n", 1, "`expect` takes 'allow', 'needs_approval' or 'deny'"),
        ("-\n  args: {}\n  expect: deny\n", 2, "`tool` is missing"),
        ("- allow\n", 1, "a case is a mapping of keys"),
        ("- {tool: a, args: [], expect: deny}\n", 1, "`args` is a mapping of keys"),
        ("- {tool: a, expect: deny, approvals: -1}\n", 1, "`approvals` should be greater than or equal to 0"),
        ("- {tool: a, expect: deny, approvals: true}\n", 1, "`approvals` should be a valid integer"),
        ("- {tool: a, expect: deny, used: 20}\n", 1, "`used` is a mapping of keys"),
        (
            "- {tool: a, expect: deny, used: {calls: -1}}\n",
            1,
            "`used.calls` should be greater than or equal to 0",
        ),
        (
            "- {tool: a, expect: deny, used: {sum: 12.5}}\n",
            1,
            "`used.sum`: this is no amount; write a whole number",
        ),
        ("- {tool: a, expect: deny, used: {sum: '-1'}}\n", 1, "`used.sum`: this is no amount"),
        ("- {tool: a, expect: deny, used: {sum: '1e3'}}\n", 1, "`used.sum`: this is no amount"),
        ("- {tool: a, expect: deny, used: {sum: '\u0661'}}\n", 1, "`used.sum`: this is no amount"),
        ("- {tool: a, expect: deny, used: {sum: true}}\n", 1, "`used.sum`: this is no amount"),
        ("- {tool: a, expect: deny, at: 2027}\n", 1, "`at`: this is no day; write one like 2027-01-31"),
        ("- {tool: a, expect: deny, at: '20270131'}\n", 1, "`at`: this is no day"),
        ("- {tool: a, expect: deny, at: '2027-02-30'}\n", 1, "`at`: this is no day"),
        ("- {tool: a, expect: deny, why: 1}\n", 1, "`why` should be a valid string"),
    ],
)
def test_a_mistake_has_its_line_and_a_suggestion(tmp_path: Path, text: str, line: int, sentence: str) -> None:
    """Each mistake in the shape of a case is one sentence, and a mistyped key or word gets the right one."""
    cases, problems = read_cases(source(tmp_path, text))
    assert [problem.line for problem in problems] == [line]
    assert sentence in str(problems[0])
    assert cases == ()


def test_the_documented_cases_are_cases(tmp_path: Path) -> None:
    """What docs/policy-tests.md shows is read as it stands, and its table names every key."""
    doc = (Path(__file__).parents[2] / "docs" / "policy-tests.md").read_text(encoding="utf-8")
    shown = re.search(r"```yaml\n(.*?)```", doc, re.DOTALL)
    assert shown
    cases, problems = read_cases(source(tmp_path, shown[1]))
    assert (len(cases), problems) == (5, [])
    assert set(Expected.model_fields) <= set(re.findall(r"`(\w+)`", doc))


def test_a_case_reads_its_arguments_as_they_are(tmp_path: Path) -> None:
    """Arguments of a case reach the rules unchanged."""
    cases, _ = read_cases(
        source(tmp_path, "- {tool: a, args: {n: 1, t: '1', l: [true, null]}, expect: deny}\n")
    )
    expected: dict[str, Any] = {"n": 1, "t": "1", "l": [True, None]}
    assert cases[0].expected.args == expected
