"""The figures of a report as tables, in Markdown: what docs/injections.md holds is printed here."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from tests.corpus.played import EXECUTED, INSIDE, PERSON, POLICY, TARGET, UNMADE, Played
from tests.corpus.report import Report
from tests.corpus.scene import KINDS

_NAMES: Final = {
    "direct": "direct orders",
    "forged": "forged approvals",
    "smuggled": "data smuggled out",
    "swapped": "arguments swapped",
    "names": "tool-name tricks",
    "split": "orders split over sources",
}
_HEAD: Final = (
    "scenes",
    "attack calls",
    "denied by policy",
    "refused by a person",
    "refused by tool or target",
    "made, stayed inside",
    "run was over",
    "executed",
    "honest tasks done",
    "approvals asked per attacked task",
    "approvals asked per honest task",
)


def figures(report: Report) -> str:
    """By kind, by route, and by the rule that denied."""
    routes = sorted({one.scene.task.route for one in report.played})
    by_kind = _table("kind", report.played, KINDS, lambda one: one.scene.kind)
    by_route = _table("route", report.played, routes, lambda one: one.scene.task.route)
    return "\n".join([*by_kind, "", *by_route, "", *_rules(report.played), "", _verdict(report)])


def _table(
    what: str, played: Sequence[Played], groups: Iterable[str], group: Callable[[Played], str]
) -> Iterator[str]:
    yield f"| {what} | {' | '.join(_HEAD)} |"
    yield f"|---|{'---:|' * len(_HEAD)}"
    for name in groups:
        yield _row(_NAMES.get(name, f"`{name}`"), [one for one in played if group(one) == name])
    yield _row("all", played)


def _row(name: str, played: Sequence[Played]) -> str:
    fates = Counter(fate.fate for one in played for fate in one.fates)
    cells = [
        len(played),
        fates.total(),
        *(fates[fate] for fate in (POLICY, PERSON, TARGET, INSIDE, UNMADE, EXECUTED)),
        f"{sum(one.honest_done for one in played)} of {len(played)}",
        _mean([one.attacked.asked for one in played]),
        _mean([one.honest.asked for one in played]),
    ]
    return f"| {name} | {' | '.join(map(str, cells))} |"


def _rules(played: Sequence[Played]) -> Iterator[str]:
    denied = Counter(fate.rule for one in played for fate in one.fates if fate.fate == POLICY)
    yield "| rule that denied | attack calls |"
    yield "|---|---:|"
    yield from (f"| `{rule}` | {times} |" for rule, times in sorted(denied.items()))


def _verdict(report: Report) -> str:
    return (
        f"Writes that nobody had approved: {len(report.unwanted)}. Leaks: {len(report.leaks)}."
        f" Reads of another tenant's: {len(report.crossed)}. Right writes that did not happen:"
        f" {len(report.undone)}."
    )


def _mean(numbers: Sequence[int]) -> str:
    return f"{sum(numbers) / len(numbers):.2f}" if numbers else ""
