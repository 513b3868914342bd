"""Laws of what is foreseen: limits only take away, exactly from where they would."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.decision import Call, Decision, Ruling
from policies.decide import decide
from policies.foreseen import Used, foreseen, limits_reached
from policies.route import Route
from tests.laws.test_decide_laws import CATALOGUE, NOW, STRICTNESS, route, routes

some_names = st.sampled_from(["kb.search", "ticket.close"])
some_routes = st.one_of(st.just(route(allow_tools=["kb.search", "ticket.close"])), routes)
limits = st.builds(
    lambda tool, per, bound: {"tool": tool, "per": per, "window": "1h", **bound},
    some_names,
    st.sampled_from(["run", "route", "tenant"]),
    st.one_of(
        st.builds(lambda calls: {"calls": calls}, st.integers(0, 5)),
        st.builds(lambda most: {"sum": {"argument": "reason", "max": most}}, st.integers(0, 50)),
        st.builds(lambda most: {"sum": {"argument": "/reason", "max": f"{most}.05"}}, st.integers(0, 50)),
    ),
)
amounts = st.integers(0, 60) | st.decimals(0, 60, places=2).map(str)
used = st.builds(
    lambda calls, total: Used.model_validate({"calls": calls, "sum": total}), st.integers(0, 6), amounts
)


def with_limits(rules: Route, some: list[Any]) -> Route:
    return rules.model_copy(update={"limits": route(limits=some).limits})


def seen(rules: Route, name: str, amount: Any, before: Used) -> Decision:
    call = Call(tool=name, arguments={"ticket_id": "T-1", "reason": amount})
    return foreseen(rules, CATALOGUE, call, now_ms=NOW, used=before)


@given(rules=some_routes, some=st.lists(limits, max_size=4), name=some_names, amount=amounts, before=used)
def test_limits_only_take_away(rules: Route, some: list[Any], name: str, amount: Any, before: Used) -> None:
    """What comes of a call is its decision, or a denial that names just the limits that it would exceed."""
    limited = with_limits(rules, some)
    call = Call(tool=name, arguments={"ticket_id": "T-1", "reason": amount})
    decision = decide(limited, CATALOGUE, call, now_ms=NOW)
    exceeded = [
        f"limits[{place}]"
        for place, limit in enumerate(some)
        if limit["tool"] == name
        and (
            before.calls >= limit["calls"]
            if "calls" in limit
            else before.sum + Decimal(str(amount)) > Decimal(str(limit["sum"]["max"]))
        )
    ]
    found = seen(limited, name, amount, before)
    if decision.ruling is Ruling.DENY or not exceeded:
        assert found == decision
    else:
        assert found.ruling is Ruling.DENY
        assert [reason.rule for reason in found.reasons] == exceeded


@given(
    rules=some_routes,
    some=st.lists(limits, max_size=4),
    name=some_names,
    amount=amounts,
    before=used,
    later=used,
)
def test_what_was_used_never_gives_room(
    rules: Route, some: list[Any], name: str, amount: Any, before: Used, later: Used
) -> None:
    """The more the limits have counted, the stricter the answer."""
    limited = with_limits(rules, some)
    more = Used.model_validate({"calls": before.calls + later.calls, "sum": str(before.sum + later.sum)})
    first, second = seen(limited, name, amount, before), seen(limited, name, amount, more)
    assert STRICTNESS[second.ruling] >= STRICTNESS[first.ruling]


@pytest.mark.parametrize(
    "amount", [None, True, -1, 1.5, "1e3", "-1", "+1", "01", "1.", " 1", "NaN", "\u0661", [1], 10**17]
)
def test_what_cannot_be_summed_is_denied(amount: Any) -> None:
    """Two readers might take it for different amounts: its limit is taken for reached."""
    limited = with_limits(
        route(),
        [{"tool": "kb.search", "per": "run", "window": "1h", "sum": {"argument": "reason", "max": 10**8}}],
    )
    call = Call(tool="kb.search", arguments={"ticket_id": "T-1", "reason": amount})
    assert [reason.rule for reason in limits_reached(limited, call, Used())] == ["limits[0]"]


def test_sums_are_exact() -> None:
    """A tenth and two tenths are three tenths, and one cent above the bound is too much."""
    bound = {"tool": "kb.search", "per": "run", "window": "1h", "sum": {"argument": "reason", "max": "0.3"}}
    limited = with_limits(route(allow_tools=["kb.search"]), [bound])
    before = Used.model_validate({"sum": "0.1"})
    assert seen(limited, "kb.search", "0.2", before).ruling is Ruling.ALLOW
    assert seen(limited, "kb.search", "0.200000001", before).ruling is Ruling.DENY


def test_a_mistyped_tool_gets_a_suggestion() -> None:
    """Of a tool that is not there the denial names the one that was perhaps meant, and stays a denial."""
    found = foreseen(route(), CATALOGUE, Call(tool="ticket.clos", arguments={}), now_ms=NOW)
    assert (found.ruling, found.reasons[0].rule) == (Ruling.DENY, "catalogue")
    assert found.reasons[0].text == "there is no tool `ticket.clos`; did you mean `ticket.close`?"
