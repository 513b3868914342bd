"""Rules that have a say in a call beside those that decided: what it passed, and what is still to come."""

from collections.abc import Iterator

from contracts.decision import Decision, Reason, Ruling
from policies.people import People
from policies.route import Limit, Route


def beside(route: Route, people: People, tool: str, decision: Decision) -> Iterator[Reason]:
    """The rule on arguments that a call fits, and whom it asks; nothing of a denied call."""
    if decision.ruling is Ruling.DENY:
        return
    if tool in route.when:
        yield Reason(rule=f"when.{tool}", text="the arguments fit the route's rule on them")
    if decision.approvals:
        yield from _asked(route, people)


def limits_on(route: Route, tool: str) -> Iterator[Reason]:
    """The limits that are weighed when the call is carried out."""
    for at, limit in enumerate(route.limits):
        if limit.tool == tool:
            yield Reason(rule=f"limits[{at}]", text=_limit(limit))


def _limit(limit: Limit) -> str:
    within = f"per {limit.per} within {limit.window}, counted when it is carried out"
    if limit.sum is not None:
        return f"`{limit.sum.argument}` adds up to {limit.sum.max} at most {within}"
    return f"{limit.calls} {'call' if limit.calls == 1 else 'calls'} at most {within}"


def _asked(route: Route, people: People) -> Iterator[Reason]:
    approval = route.approval
    until = "for as long as it takes" if approval.deadline == "never" else f"for {approval.deadline}"
    text = f"`{approval.group}` is asked {until}: {_members(route, people, approval.group or '')}"
    yield Reason(rule="approval.group", text=text)
    if approval.escalate is not None:
        second = approval.escalate
        text = f"`{second.group}` is asked too after {second.after}: {_members(route, people, second.group)}"
        yield Reason(rule="approval.escalate", text=text)
    if approval.min_review_seconds:
        text = f"nobody decides before it has stood {approval.min_review_seconds} seconds"
        yield Reason(rule="approval.min_review_seconds", text=text)


def _members(route: Route, people: People, group: str) -> str:
    """How many may approve; for whom a run acts is known only of a run."""
    count = sum(person.routes is None or route.name in person.routes for person in people.in_group(group))
    return f"{count} {'person' if count == 1 else 'people'} may approve on this route"
