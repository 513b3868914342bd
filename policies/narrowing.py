"""What a route that narrows another would make wider: for each key, its own order of wide and narrow."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final

from policies.amounts import milliseconds
from policies.route import Approval, Breaker, Egress, Route
from policies.schema_parts import listed
from policies.source import Place

Wider = tuple[Place, str]
"""Where it stands, and what would get wider."""


def wider(base: Route, route: Route) -> Iterator[Wider]:
    """Every key in which a route is wider than its base.

    What is denied, asked, limited or masked in both, and both rules on arguments, ``inheritance`` sees to.
    The prompt, the description and the model's name permit nothing.
    """
    for check in _CHECKS:
        yield from check(base, route)


def _tools(base: Route, route: Route) -> Iterator[Wider]:
    for at, name in enumerate(route.allow_tools):
        if name not in base.allow_tools:
            yield ("allow_tools", at), f"`{name}` would be allowed, which `{base.name}` does not allow"
    for key, what in (("deny_tools", "denied"), ("require_approval", "asked for")):
        for name in getattr(base, key):
            if name not in getattr(route, key) and name in route.allow_tools:
                yield (key,), f"`{name}` would not be {what} any more"
    for tool, rule in base.when.items():
        if tool in route.allow_tools and not _holds(rule, route.when.get(tool)):
            yield ("when", tool), f"the rule of `{base.name}` on `{tool}` would not hold any more"
    for limit in base.limits:
        if limit not in route.limits and limit.tool in route.allow_tools:
            yield ("limits",), f"a limit of `{base.name}` on `{limit.tool}` would not hold any more"


def _holds(rule: object, narrowed: object) -> bool:
    if not isinstance(narrowed, dict):
        return False
    return rule == narrowed or any(_holds(rule, part) for part in listed(narrowed.get("allOf")))


def _outside(base: Route, route: Route) -> Iterator[Wider]:
    for at, rule in enumerate(route.egress):
        if not any(covers(wide, rule) for wide in base.egress):
            text = f"`{rule.host}` would be reached in ways that no one rule of `{base.name}` lets through"
            yield ("egress", at), text


def covers(wide: Egress, rule: Egress) -> bool:
    """Whether everything that a rule lets through is let through by the other."""
    return (
        _host_in(rule.host, wide.host)
        and set(rule.schemes) <= set(wide.schemes)
        and set(rule.methods) <= set(wide.methods)
        and set(rule.query) <= set(wide.query)
        and rule.max_bytes <= wide.max_bytes
        and all(any(_path_in(path, outer) for outer in wide.paths) for path in rule.paths)
    )


def _host_in(host: str, wide: str) -> bool:
    if host == wide:
        return True
    name, _, port = host.partition(":")
    outer, _, outer_port = wide.partition(":")
    return outer.startswith("*.") and port == outer_port and name.removeprefix("*.").endswith(outer[1:])


def _path_in(path: str, wide: str) -> bool:
    return path == wide or (wide.endswith("/") and path.startswith(wide))


def _ceilings(base: Route, route: Route) -> Iterator[Wider]:
    mine, theirs = route.budgets, base.budgets
    pairs = (
        (("budgets", "steps"), mine.steps, theirs.steps),
        (("budgets", "seconds"), mine.seconds, theirs.seconds),
        (("budgets", "usd"), Decimal(mine.usd), Decimal(theirs.usd)),
        (("budgets", "denials"), mine.denials, theirs.denials),
        (("loop",), route.loop, base.loop),
        (("stall",), route.stall, base.stall),
        (("model", "max_output_tokens"), route.model.max_output_tokens, base.model.max_output_tokens),
    )
    for place, now, before in pairs:
        if now > before:
            yield place, f"`{'.'.join(place)}` would rise from {before} to {now}"
    yield from _price(base, route)


def _price(base: Route, route: Route) -> Iterator[Wider]:
    """A lower price would let a budget of dollars buy more."""
    mine, theirs = route.model.price, base.model.price
    if mine is None or mine == theirs:
        return
    rates = ("input_usd_per_mtok", "output_usd_per_mtok")
    if theirs is None or any(Decimal(getattr(mine, rate)) < Decimal(getattr(theirs, rate)) for rate in rates):
        yield ("model", "price"), "a price of its own would let the budget of dollars buy more"


def _approval(base: Route, route: Route) -> Iterator[Wider]:
    mine, theirs = route.approval, base.approval
    if mine.group != theirs.group and theirs.group is not None:
        yield ("approval", "group"), f"`{mine.group}` would approve instead of `{theirs.group}`"
    if (mine.deadline_ms or _NEVER) > (theirs.deadline_ms or _NEVER):
        text = f"an approval would be waited for until {mine.deadline}, not {theirs.deadline}"
        yield ("approval", "deadline"), text
    if mine.min_review_seconds < theirs.min_review_seconds:
        text = f"people could decide after {mine.min_review_seconds} seconds, not {theirs.min_review_seconds}"
        yield ("approval", "min_review_seconds"), text
    if _asks_more(mine, theirs):
        yield ("approval", "escalate"), "people would decide whom the base does not ask, or does not yet ask"


def _asks_more(mine: Approval, theirs: Approval) -> bool:
    if mine.escalate is None:
        return False
    if theirs.escalate is None or mine.escalate.group != theirs.escalate.group:
        return True
    return milliseconds(mine.escalate.after) < milliseconds(theirs.escalate.after)


_NEVER: Final = 1 << 62
_STRICT: Final = {"on_denied": "stop", "on_expired": "stop", "on_exhausted": "stop"}


def _endings(base: Route, route: Route) -> Iterator[Wider]:
    for key, strict in _STRICT.items():
        if getattr(base, key) == strict != getattr(route, key):
            yield (key,), f"a run would go on where `{base.name}` stops it"


def _watch(base: Route, route: Route) -> Iterator[Wider]:
    if base.audit_enabled and not route.audit_enabled:
        yield ("audit",), "the route would not be audited"
    if base.input is not None and not _holds(base.input, route.input):
        yield ("input",), "the schema of a run's input would not hold any more"
    if base.breaker is not None:
        if route.breaker is None:
            yield ("breaker",), "there would be no breaker"
        else:
            yield from _looser(base.breaker, route.breaker)
    for mask in base.mask:
        if mask not in route.mask:
            yield ("mask",), f"the model would see `{mask}`"
    for at, exception in enumerate(route.exceptions):
        if exception not in base.exceptions:
            yield ("exceptions", at), f"`{exception.tool}` would have an exception that the base has not"


def _looser(base: Breaker, breaker: Breaker) -> Iterator[Wider]:
    if breaker.window != base.window:
        text = f"the breaker would count over {breaker.window}, which cannot be compared with {base.window}"
        yield ("breaker", "window"), text
    if milliseconds(breaker.open_for) < milliseconds(base.open_for):
        yield ("breaker", "open_for"), "the breaker would shut sooner"
    for key in ("min_runs", "failure_ratio", "denials", "unknowns", "usd"):
        if _height(breaker, key) > _height(base, key):
            yield ("breaker", key), f"the breaker would open later: its `{key}` would rise"


def _height(breaker: Breaker, key: str) -> Decimal:
    """What opens a breaker; where nothing is said, nothing does."""
    value: int | str | None = getattr(breaker, key)
    return Decimal("Infinity") if value is None else Decimal(value)


_CHECKS: Final[tuple[Callable[[Route, Route], Iterator[Wider]], ...]] = (
    _tools,
    _outside,
    _ceilings,
    _approval,
    _endings,
    _watch,
)
