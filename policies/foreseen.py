"""What would come of a call: the decision, and then the limits that its execution would meet."""

import re
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from contracts.decision import Call, Decision, Reason, Ruling
from contracts.errors import Malformed
from contracts.tool import Catalogue, pointed
from policies.decide import decide
from policies.problem import did_you_mean
from policies.route import Limit, Route

_AMOUNT: Final = re.compile(r"(0|[1-9][0-9]{0,15})(\.[0-9]{1,9})?", re.ASCII)


def _amount(value: Any) -> Decimal:
    """Raises ValueError where it is no exact amount, 0 or more."""
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or _AMOUNT.fullmatch(text) is None:
        raise ValueError('this is no amount; write a whole number, or decimal text such as "12.50"')
    return Decimal(text)


class Used(BaseModel):
    """What the limits on a tool have counted before a call, each within its own window."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    calls: Annotated[int, Field(ge=0)] = 0
    #: Of the argument that they sum: a whole number, or decimal text.
    sum: Annotated[Decimal, BeforeValidator(_amount)] = Decimal(0)


NOTHING: Final = Used()


def foreseen(
    route: Route, catalogue: Catalogue, call: Call, *, now_ms: int, used: Used = NOTHING
) -> Decision:
    """The decision, or the denial by a limit that would refuse the call. ``now_ms``: Unix milliseconds."""
    decision = decide(route, catalogue, call, now_ms=now_ms)
    if decision.ruling is Ruling.DENY:
        return hinted(decision, call.tool, catalogue)
    exceeded = limits_reached(route, call, used)
    return Decision(ruling=Ruling.DENY, reasons=exceeded) if exceeded else decision


def limits_reached(route: Route, call: Call, used: Used) -> tuple[Reason, ...]:
    """Every limit of the route that this call would exceed."""
    sentences = [
        (f"limits[{place}]", _reached(limit, call, used))
        for place, limit in enumerate(route.limits)
        if limit.tool == call.tool
    ]
    return tuple(Reason(rule=rule, text=text) for rule, text in sentences if text is not None)


def _reached(limit: Limit, call: Call, used: Used) -> str | None:
    bounds = f"per {limit.per} in {limit.window}"
    if limit.calls is not None and used.calls + 1 > limit.calls:
        return f"`{limit.tool}` may be called {limit.calls} times {bounds}"
    if limit.sum is None:
        return None
    argument = limit.sum.argument
    try:
        total = used.sum + _amount(pointed(call.arguments, argument))
    except (Malformed, ValueError):
        return f"`{argument}` of `{limit.tool}` cannot be summed, so its limit is taken for reached"
    return f"`{argument}` may add up to {limit.sum.max} {bounds}" if total > Decimal(limit.sum.max) else None


def no_route(name: str, known: Iterable[str]) -> Decision:
    """What comes of any call on a route that is not there."""
    hint = did_you_mean(name, known)
    text = f"there is no route {name!r}" + (f"; {hint}" if hint else "")
    return Decision(ruling=Ruling.DENY, reasons=(Reason(rule="route", text=text),))


def hinted(decision: Decision, tool: str, catalogue: Catalogue) -> Decision:
    """A denial because there is no such tool, with the name that was perhaps meant."""
    hint = did_you_mean(tool, catalogue.tools) if decision.reasons[0].rule == "catalogue" else ""
    if not hint:
        return decision
    first, *others = decision.reasons
    return replace(decision, reasons=(replace(first, text=f"{first.text}; {hint}"), *others))
