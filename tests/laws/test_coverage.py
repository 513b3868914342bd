"""Laws of coverage: a rule counts when it determined a case that holds, and no rule is left out."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.decision import Decision, Reason, Ruling
from policies.cases import Case, CaseResult, Expected
from policies.coverage import Coverage, Gap, covered, total
from policies.route import Route

RULES: Final = (
    "allow_tools[0]",
    "allow_tools[1]",
    "deny_tools[0]",
    "require_approval[0]",
    "when.b",
    "limits[0]",
    "egress[0]",
    "exceptions[0]",
)
DENYING: Final = ("deny_tools[0]", "limits[0]")


def whole() -> Route:
    """A route with one rule of each kind; egress needs no version that enforces it here."""
    return Route.parse(
        {
            "name": "r",
            "model": {"name": "rules"},
            "allow_tools": ["a", "b"],
            "deny_tools": ["c"],
            "require_approval": ["a"],
            "when": {"b": {}},
            "limits": [{"tool": "a", "per": "run", "window": "1h", "calls": 1}],
            "egress": [{"host": "docs.example.com"}],
            "exceptions": [
                {
                    "tool": "b",
                    "waive": "approval",
                    "reason": "r",
                    "owner": "principal:ada",
                    "expires": "2026-12-31",
                }
            ],
            "budgets": {"steps": 1, "seconds": 1, "usd": "1", "denials": 1},
        }
    )


def result(ruling: Ruling, *rules: str, tool: str = "a", wrong: str | None = None) -> CaseResult:
    """A case that was decided so, as the engine of rules would answer it."""
    decision = Decision(ruling=ruling, reasons=tuple(Reason(rule=rule, text=".") for rule in rules))
    case = Case(file="cases/r.yaml", line=1, expected=Expected(tool=tool, expect=ruling.value))
    return CaseResult(case=case, decision=decision, wrong=wrong)


def showing(rule: str) -> list[CaseResult]:
    """The cases that show a rule at work."""
    if rule == "when.b":
        return [
            result(Ruling.DENY, rule, tool="b"),
            result(Ruling.NEEDS_APPROVAL, "catalogue.effect", tool="b"),
        ]
    return [result(Ruling.DENY if rule in DENYING else Ruling.ALLOW, rule)]


@given(shown=st.sets(st.sampled_from(RULES)))
def test_exactly_the_rules_that_determined_a_case_are_covered(shown: set[str]) -> None:
    """Whatever the cases show, all other rules are gaps, and the share is of all of them."""
    results = [each for rule in sorted(shown) for each in showing(rule)]
    found = covered(whole(), results)
    assert {gap.rule for gap in found.gaps} == set(RULES) - shown
    assert (found.covered, found.rules) == (len(shown), len(RULES))
    assert found.percent == 100 * len(shown) // len(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_that_determined_the_other_way_is_not_covered(rule: str) -> None:
    """A denied call shows no permission, and a call that goes through shows no denial."""
    other = Ruling.ALLOW if rule in DENYING else Ruling.DENY
    assert rule in [gap.rule for gap in covered(whole(), [result(other, rule, tool="z")]).gaps]


def test_a_rule_on_arguments_needs_a_case_of_each_kind() -> None:
    """One that it denies and one that passes it; with either alone the other is what is missing."""
    denied, passed = showing("when.b")
    gaps = [
        [gap for gap in covered(whole(), [each]).gaps if gap.rule == "when.b"] for each in (denied, passed)
    ]
    assert gaps == [
        [Gap(rule="when.b", text="no case is let through by it")],
        [Gap(rule="when.b", text="no case is denied by it")],
    ]


def test_a_case_that_fails_covers_nothing() -> None:
    """What a route does against its owner's expectation is not shown to be right."""
    failed = result(Ruling.ALLOW, "allow_tools[0]", wrong="it is allow, not deny")
    assert covered(whole(), [failed]).percent == 0


def test_a_route_without_cases_is_covered_nowhere() -> None:
    """It counts as 0 %, also where it has no rules that could be covered."""
    empty = whole().model_copy(update=dict.fromkeys(_KEYS, ()) | {"when": {}})
    assert covered(empty, []).percent == 0
    assert covered(empty, [result(Ruling.DENY, "default")]).percent == 100


def test_the_total_is_of_all_rules_of_all_routes() -> None:
    """A large route weighs more than a small one, and nothing is rounded up to enough."""

    def one(rules: int, gaps: int, cases: int = 1) -> Coverage:
        missing = tuple(Gap(rule=f"allow_tools[{at}]", text=".") for at in range(gaps))
        return Coverage(route="r", cases=cases, rules=rules, gaps=missing)

    assert total([one(10, 0), one(990, 1)]) == 99
    assert total([one(10, 0), one(10, 10, cases=0)]) == 50
    assert total([one(0, 0)]) == 100
    assert total([one(0, 0, cases=0)]) == total([]) == 0


_KEYS: Final = ("allow_tools", "deny_tools", "require_approval", "limits", "egress", "exceptions")
