"""A route's document against what it was, key by key."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from contracts.digest import Json
from contracts.tool import Catalogue
from policies.amounts import milliseconds
from policies.change import Change, Spot
from policies.diffs.ceilings import limits
from policies.diffs.keys import Compare, by_key, ceiling, choice, listed, names, otherwise, reworded, said
from policies.diffs.reach import egress
from policies.diffs.schemas import argument_rule
from policies.diffs.waivers import exceptions
from policies.route import Route


def changed_route(old: Route, new: Route, tools: Catalogue) -> Iterator[Change]:
    """The changes of one route; ``tools``: those of the new rules."""
    known: dict[str, Compare] = {**_ROUTE, "allow_tools": partial(_allowed, tools)}
    yield from by_key(Spot(subject=new.name), old.document(), new.document(), known)


def new_route(route: Route) -> Iterator[Change]:
    """A route is wider by all that it permits; its exceptions and missing enforcement are loud."""
    spot, document = Spot(subject=route.name), route.document()
    allowed = listed(name for name in route.allow_tools if name not in route.deny_tools)
    yield spot.wider(f"the route is new and allows {allowed}")
    yield from exceptions(spot.below("exceptions"), [], document["exceptions"])
    if not route.audit_enabled:
        yield from _audit(spot.below("audit"), {"enabled": True}, document["audit"])


def gone_route(name: str) -> Change:
    return Spot(subject=name).narrower(
        "the route is gone: no run of it starts, and running ones may call nothing"
    )


def _allowed(tools: Catalogue, spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    for name in dict.fromkeys(new):
        if name not in old:
            tool = tools.tools.get(name)
            yield spot.wider(f"{said(name)}{f', a {tool.effect}' if tool else ''}, is allowed")
    for name in dict.fromkeys(old):
        if name not in new:
            yield spot.narrower(f"{said(name)} is allowed no more")


def _audit(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    """Whoever switches the audit off removes what shows everything else."""
    if old["enabled"] and not new["enabled"]:
        yield spot.wider("the audit is switched off", loud=True)
    elif new["enabled"] and not old["enabled"]:
        yield spot.narrower("the audit is switched on")
    else:
        yield from otherwise(spot, old, new)


def _breaker(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    if new is None:
        yield spot.wider("the circuit breaker is switched off", loud=True)
    elif old is None:
        yield spot.narrower("a circuit breaker stops the route when too much goes wrong")
    else:
        yield from by_key(spot, old, new, _BREAKER)


def _longer(what: str, *, permits: bool) -> Compare:
    """A duration; ``never`` and none are longer than any. ``permits``: longer is wider."""

    def compare(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
        text = f"{what} {said(new)}, before {said(old)}"
        if _ms(old) != _ms(new):
            yield spot.wider(text) if (_ms(new) > _ms(old)) is permits else spot.narrower(text)

    return compare


def _ms(duration: str | None) -> float:
    return float("inf") if duration in (None, "never") else milliseconds(duration or "")


def _escalation(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    if new is None:
        yield spot.narrower(f"{said(old['group'])} may no longer decide when nobody answers")
    elif old is None:
        yield spot.wider(f"{said(new['group'])} may decide too, {new['after']} after the request")
    else:
        yield from by_key(spot, old, new, _ESCALATION)


def _group(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    yield spot.sideways(f"{said(new)} approves, before {said(old)}")


def _review(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    text = f"an approval counts {new} s after it was shown, before {old} s"
    yield spot.narrower(text) if new > old else spot.wider(text)


def _approval(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    yield from by_key(spot, old, new, _APPROVAL)


def _budgets(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    yield from by_key(spot, old, new, _BUDGETS)


def _when(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    for tool in dict.fromkeys([*old, *new]):
        yield from argument_rule(spot.below(tool), old.get(tool), new.get(tool))


_ESCALATION: Final[dict[str, Compare]] = {
    "after": _longer("the second group may decide after", permits=False),
    "group": _group,
}
_APPROVAL: Final[dict[str, Compare]] = {
    "group": _group,
    "deadline": _longer("an approval is waited for", permits=True),
    "escalate": _escalation,
    "min_review_seconds": _review,
}
_BUDGETS: Final[dict[str, Compare]] = {
    "steps": ceiling("steps:"),
    "seconds": ceiling("active seconds:"),
    "usd": ceiling("dollars:"),
    "denials": ceiling("denials:"),
}
_BREAKER: Final[dict[str, Compare]] = {
    "min_runs": ceiling("runs before failures are weighed:"),
    "failure_ratio": ceiling("share of failed runs:"),
    "open_for": _longer("it stays open for", permits=False),
    "denials": ceiling("denied calls in its window:"),
    "unknowns": ceiling("writes of unknown outcome in its window:"),
    "usd": ceiling("dollars in its window:"),
}
_ROUTE: Final[dict[str, Compare]] = {
    "description": reworded("the description"),
    "prompt": reworded("the prompt"),
    "input": reworded("the schema of a run's input"),
    "deny_tools": names("{} is denied", "{} is denied no more", permits=False),
    "require_approval": names(
        "a person is asked before {}", "the route asks nobody before {} any more", permits=False
    ),
    "when": _when,
    "limits": limits,
    "egress": egress,
    "budgets": _budgets,
    "loop": ceiling("repeats of one call:"),
    "stall": ceiling("steps that bring nothing new:"),
    "approval": _approval,
    "on_denied": choice("stop", "after a denial: {}, before {}"),
    "on_expired": choice("stop", "after a deadline: {}, before {}"),
    "on_exhausted": choice("stop", "when the budget is used up: {}, before {}"),
    "breaker": _breaker,
    "mask": names("{} is masked for the model", "the model sees {} again", permits=False),
    "audit": _audit,
    "exceptions": exceptions,
}
"""A key that is not here is sideways when it changes."""
