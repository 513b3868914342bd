"""Which rules of a route its cases show at work, and which nobody would miss.

A rule is covered when it determined a case that holds: a permission by a call that it lets through, a denial
by a call that it denies, a rule on arguments by one of each.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from contracts.decision import Ruling
from policies.cases import CaseResult
from policies.route import Route


class Shown(StrEnum):
    """What a case has to show of a rule."""

    PERMITS = "no case is let through by it"
    DENIES = "no case is denied by it"


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A rule that no case shows at work."""

    rule: str
    #: What is missing, in one sentence.
    text: str


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How much of a route its cases cover."""

    route: str
    #: How many of its cases hold; the others cover nothing.
    cases: int
    rules: int
    gaps: tuple[Gap, ...]

    @property
    def covered(self) -> int:
        return self.rules - len({gap.rule for gap in self.gaps})

    @property
    def percent(self) -> int:
        """Of its rules, rounded down; 0 without a case, so that a route without rules needs one too."""
        if not self.cases:
            return 0
        return 100 * self.covered // self.rules if self.rules else 100


def covered(route: Route, results: Iterable[CaseResult]) -> Coverage:
    """The coverage of a route by the results of its cases."""
    held = [result for result in results if result.passed]
    shown = {(reason, kind) for result in held for reason, kind in _determined(result)}
    required = list(_required(route))
    gaps = tuple(Gap(rule=rule, text=kind.value) for rule, kind in required if (rule, kind) not in shown)
    return Coverage(route=route.name, cases=len(held), rules=len({rule for rule, _ in required}), gaps=gaps)


def total(coverages: Sequence[Coverage]) -> int:
    """Percent of all rules of all routes, rounded down."""
    rules = sum(each.rules for each in coverages)
    found = sum(each.covered for each in coverages)
    return 100 * found // rules if rules else min((each.percent for each in coverages), default=0)


def _required(route: Route) -> Iterator[tuple[str, Shown]]:
    for place in range(len(route.allow_tools)):
        yield f"allow_tools[{place}]", Shown.PERMITS
    for place in range(len(route.deny_tools)):
        yield f"deny_tools[{place}]", Shown.DENIES
    for place in range(len(route.require_approval)):
        yield f"require_approval[{place}]", Shown.PERMITS
    for tool in route.when:
        yield f"when.{tool}", Shown.DENIES
        yield f"when.{tool}", Shown.PERMITS
    for place in range(len(route.limits)):
        yield f"limits[{place}]", Shown.DENIES
    for place in range(len(route.egress)):
        yield f"egress[{place}]", Shown.PERMITS
    for place in range(len(route.exceptions)):
        yield f"exceptions[{place}]", Shown.PERMITS


def _determined(result: CaseResult) -> Iterator[tuple[str, Shown]]:
    """The rules that determined a case; a call that goes through has passed the rule on its arguments too."""
    kind = Shown.DENIES if result.decision.ruling is Ruling.DENY else Shown.PERMITS
    for reason in result.decision.reasons:
        yield reason.rule, kind
    if kind is Shown.PERMITS:
        yield f"when.{result.case.expected.tool}", kind
