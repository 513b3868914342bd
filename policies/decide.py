"""What policy says of a call: a pure function of the pinned rules, the call and the time.

Deny by default. What can't be evaluated denies: a rule that raises never permits.
"""

from collections.abc import Iterator
from typing import Final

from contracts.decision import Call, Decision, Reason, Ruling
from contracts.digest import exact
from contracts.errors import Malformed
from contracts.tool import Catalogue, Effect, ToolSpec, pointed
from policies import attempts
from policies.arguments import SHOWN, clean, fault
from policies.egress import Passage, reach
from policies.route import Route

_PEOPLE: Final = {Effect.READ: 0, Effect.WRITE: 1, Effect.DESTRUCTIVE: 2}
"""Distinct people whom an effect asks."""

_FLOOR: Final = {Effect.READ: 0, Effect.WRITE: 0, Effect.DESTRUCTIVE: 1}
"""People whom no exception can waive."""


def decide(route: Route, catalogue: Catalogue, call: Call, *, now_ms: int) -> Decision:
    """Allow, needs approval or deny, with the rules that determined it. ``now_ms``: Unix milliseconds."""
    try:
        return _decide(route, catalogue, call, now_ms)
    except Exception as error:  # whatever goes wrong in a rule, the answer is no
        return _unjudged(call, error)


def decide_tool(route: Route, catalogue: Catalogue, tool: str, *, now_ms: int) -> Decision:
    """What policy says of a tool before any argument; for its arguments ``decide`` may only be stricter."""
    call = Call(tool=tool, arguments={})
    try:
        found = _listed(route, catalogue, call)
        return found if isinstance(found, Decision) else _permitted(route, found, (), now_ms)
    except Exception as error:  # whatever goes wrong in a rule, the answer is no
        return _unjudged(call, error)


def _decide(route: Route, catalogue: Catalogue, call: Call, now_ms: int) -> Decision:
    if spoken := attempts.found([call.tool, call.arguments]):
        # Nothing that was proposed is shown: it may be a token.
        return _deny(attempts.RULE, f"the call holds {spoken.words}, which no agent has any use for")
    tool = _listed(route, catalogue, call)
    if isinstance(tool, Decision):
        return tool
    if refused := _refused(route, tool, call):
        return refused
    reached = () if tool.reaches is None else reach(route.egress, tool, call.arguments)
    if isinstance(reached, str):
        return _deny("egress", f"{_named(call)} may not reach out there: {reached}")
    return _permitted(route, tool, reached, now_ms)


def _listed(route: Route, catalogue: Catalogue, call: Call) -> ToolSpec | Decision:
    """The tool of a call, where the route's lists allow it; else the denial."""
    if call.tool in route.deny_tools:
        return _deny(f"deny_tools[{route.deny_tools.index(call.tool)}]", f"the route denies {_named(call)}")
    tool = catalogue.tools.get(call.tool)
    if tool is None:
        return _deny("catalogue", f"there is no tool {_named(call)}")
    if call.tool not in route.allow_tools:
        return _deny("default", f"no rule of the route allows {_named(call)}")
    return tool


def _refused(route: Route, tool: ToolSpec, call: Call) -> Decision | None:
    """A denial because of the arguments."""
    if wrong := fault(tool.schema, call.arguments):
        return _deny("catalogue.schema", f"the arguments of {_named(call)} do not fit the tool: {wrong}")
    if call.tool in route.when and (wrong := fault(route.when[call.tool], call.arguments)):
        return _deny(
            f"when.{call.tool}", f"the route does not allow {_named(call)} with these arguments: {wrong}"
        )
    return _inexact(tool, call) if tool.effect.writes else None


def _inexact(tool: ToolSpec, call: Call) -> Decision | None:
    """A write must mean one thing only, and name what it changes."""
    try:
        exact(call.arguments)
    except Malformed as error:
        return _deny(
            "catalogue.exact", f"the arguments of a write must be exact: {clean(error.sentence, SHOWN)}"
        )
    if tool.target is None:
        return _deny("catalogue.target", f"{_named(call)} names no target, so nobody could judge it")
    try:
        pointed(call.arguments, tool.target)
    except Malformed as error:
        return _deny("catalogue.target", error.sentence)
    return None


def _permitted(route: Route, tool: ToolSpec, reached: tuple[Passage, ...], now_ms: int) -> Decision:
    reasons = [
        Reason(
            rule=f"allow_tools[{route.allow_tools.index(tool.name)}]", text=f"the route allows `{tool.name}`"
        )
    ]
    reasons += _reaching(route, reached)
    needed = _PEOPLE[tool.effect]
    if needed:
        reasons.append(Reason(rule="catalogue.effect", text=f"`{tool.name}` is {_KINDS[tool.effect]}"))
    if tool.name in route.require_approval:
        rule = f"require_approval[{route.require_approval.index(tool.name)}]"
        reasons.append(Reason(rule=rule, text=f"the route asks a person before `{tool.name}`"))
        needed = max(needed, 1)
    waiver = _waiver(route, tool, now_ms) if needed else None
    if waiver is not None:
        reasons.append(waiver)
        needed = _FLOOR[tool.effect]
    ruling = Ruling.NEEDS_APPROVAL if needed else Ruling.ALLOW
    return Decision(ruling=ruling, reasons=tuple(reasons), approvals=needed)


def _reaching(route: Route, reached: tuple[Passage, ...]) -> Iterator[Reason]:
    """Each rule that lets it reach out, once."""
    for at in dict.fromkeys(found.at for found in reached):
        yield Reason(rule=f"egress[{at}]", text=f"the route lets it reach {route.egress[at].host}")


_KINDS: Final = {
    Effect.WRITE: "a write, which one person approves",
    Effect.DESTRUCTIVE: "destructive, which two different people approve",
}


def _waiver(route: Route, tool: ToolSpec, now_ms: int) -> Reason | None:
    for place, exception in enumerate(route.exceptions):
        if exception.tool == tool.name and exception.holds(now_ms):
            text = f"{exception.owner} waives an approval through {exception.expires}: {exception.reason}"
            return Reason(rule=f"exceptions[{place}]", text=text)
    return None


def _named(call: Call) -> str:
    return f"`{clean(call.tool, SHOWN)}`" if isinstance(call.tool, str) else "a call without a name"


def _unjudged(call: Call, error: Exception) -> Decision:
    return _deny("error", f"{_named(call)} could not be judged ({type(error).__name__}), so it is denied")


def _deny(rule: str, text: str) -> Decision:
    return Decision(ruling=Ruling.DENY, reasons=(Reason(rule=rule, text=text),))
