"""Laws of the decision, over any route and any call."""

import statistics
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.decision import Call, Decision, Ruling
from contracts.tool import Catalogue, Effect, ToolSpec
from policies.decide import decide, decide_tool
from policies.route import Route
from tests.laws.test_attempts import BREAK_GLASS

NOW = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * 1_000
EFFECTS = {
    "kb.search": Effect.READ,
    "tickets.get": Effect.READ,
    "ticket.update": Effect.WRITE,
    "ticket.close": Effect.WRITE,
    "ticket.erase": Effect.DESTRUCTIVE,
}
STRICTNESS = {Ruling.ALLOW: 0, Ruling.NEEDS_APPROVAL: 1, Ruling.DENY: 2}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["ticket_id"],
    "properties": {"ticket_id": {"type": "string", "maxLength": 20}, "reason": {}},
}


def tool(name: str, effect: Effect, schema: Any = None) -> ToolSpec:
    return ToolSpec(
        name=name,
        version="1",
        address="helpdesk",
        effect=effect,
        description="",
        schema=SCHEMA if schema is None else schema,
        credential="ticketing",
        target="/ticket_id" if effect.writes else None,
    )


CATALOGUE = Catalogue(tools={name: tool(name, effect) for name, effect in EFFECTS.items()})


def route(**keys: Any) -> Route:
    return Route.read(
        {
            "name": "support/close",
            "model": {"name": "rules"},
            "allow_tools": [],
            "budgets": {"steps": 25, "seconds": 60, "usd": "1.00", "denials": 3},
            **keys,
        }
    )


def waiver(name: str, expires: str = "2026-12-31") -> dict[str, str]:
    return {"tool": name, "waive": "approval", "reason": "r", "owner": "principal:ada", "expires": expires}


def judge(rules: Route, name: str, arguments: Any = None, now_ms: int = NOW) -> Decision:
    call = Call(tool=name, arguments={"ticket_id": "T-1"} if arguments is None else arguments)
    return decide(rules, CATALOGUE, call, now_ms=now_ms)


names = st.sampled_from(sorted(EFFECTS))
tools = st.lists(names, unique=True)
exceptions = st.lists(st.builds(waiver, names, st.sampled_from(["2020-01-01", "2026-12-31"])), max_size=3)
calls = st.fixed_dictionaries(
    {"ticket_id": st.sampled_from(["T-1", "T-22", ""])},
    optional={"reason": st.text(max_size=3) | st.integers(0, 9)},
)
argument_rules = st.sampled_from(
    [
        {},
        False,
        {"required": ["reason"]},
        {"properties": {"reason": {"type": "string", "maxLength": 1}}},
        {"properties": {"reason": {"maximum": 4}}},
        {"properties": {"ticket_id": {"const": "T-1"}}},
        {"maxProperties": 1},
    ]
)
routes = st.builds(
    lambda allow, deny, ask, waived: route(
        allow_tools=allow, deny_tools=deny, require_approval=ask, exceptions=waived
    ),
    tools,
    tools,
    tools,
    exceptions,
)


@given(rules=routes, name=names)
def test_deny_trumps_allow(rules: Route, name: str) -> None:
    """A tool in deny_tools is denied whatever else the route says."""
    denied = rules.model_copy(update={"deny_tools": (*rules.deny_tools, name)})
    decision = judge(denied, name)
    assert decision.ruling is Ruling.DENY
    assert decision.reasons[0].rule == f"deny_tools[{denied.deny_tools.index(name)}]"


@given(rules=routes, name=names)
def test_default_is_deny(rules: Route, name: str) -> None:
    """A tool that no rule allows is denied, with the rule `default`."""
    silent = rules.model_copy(update={"allow_tools": (), "deny_tools": ()})
    decision = judge(silent, name)
    assert (decision.ruling, decision.reasons[0].rule) == (Ruling.DENY, "default")


@given(rules=routes, name=st.text())
def test_an_unknown_tool_is_denied(rules: Route, name: str) -> None:
    """A tool that the catalogue does not hold is denied, even where the route names it."""
    wide = rules.model_copy(update={"allow_tools": (name,), "deny_tools": ()})
    if name not in EFFECTS:
        assert judge(wide, name).reasons[0].rule == "catalogue"


@given(rules=routes, name=names, key=st.sampled_from(["deny_tools", "require_approval"]), added=names)
def test_adding_a_deny_or_an_approval_never_allows_more(
    rules: Route, name: str, key: str, added: str
) -> None:
    """More in deny_tools or require_approval never makes a decision milder."""
    stricter = rules.model_copy(update={key: (*getattr(rules, key), added)})
    before, after = judge(rules, name), judge(stricter, name)
    assert STRICTNESS[after.ruling] >= STRICTNESS[before.ruling]
    assert after.ruling is Ruling.DENY or after.approvals >= before.approvals


@given(rules=routes, name=names)
def test_require_approval_never_permits(rules: Route, name: str) -> None:
    """A tool that only require_approval names stays denied."""
    asked = rules.model_copy(update={"allow_tools": (), "require_approval": (name,)})
    assert judge(asked, name).ruling is Ruling.DENY


@given(rules=routes, name=names)
def test_an_expired_exception_equals_no_exception(rules: Route, name: str) -> None:
    """Exceptions stop by themselves: past their day, the decision is as if they were not there."""
    late = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()) * 1_000
    without = rules.model_copy(update={"exceptions": ()})
    assert judge(rules, name, now_ms=late) == judge(without, name, now_ms=late)


@given(rules=routes, name=names)
def test_a_destructive_call_never_goes_without_a_person(rules: Route, name: str) -> None:
    """No route makes a destructive call free, and no write is free without an exception that holds."""
    decision = judge(rules, name)
    if decision.ruling is not Ruling.ALLOW:
        return
    assert EFFECTS[name] is not Effect.DESTRUCTIVE
    waived = any(reason.rule.startswith("exceptions[") for reason in decision.reasons)
    assert waived or EFFECTS[name] is Effect.READ


@given(rules=routes, name=names, waived=names)
def test_an_exception_never_waives_a_destructive_calls_last_person(
    rules: Route, name: str, waived: str
) -> None:
    """However many exceptions there are, a destructive call keeps one person, and a denial stays one."""
    before = judge(rules, name)
    freer = rules.model_copy(update={"exceptions": route(exceptions=[waiver(waived)] * 3).exceptions})
    after = judge(freer, name)
    assert (after.ruling is Ruling.DENY) is (before.ruling is Ruling.DENY)
    assert after.ruling is Ruling.DENY or after.approvals >= (EFFECTS[name] is Effect.DESTRUCTIVE)


@given(rules=routes, name=names, rule=argument_rules, added=argument_rules, arguments=calls)
def test_extra_argument_rules_never_allow_more(
    rules: Route, name: str, rule: Any, added: Any, arguments: Any
) -> None:
    """A rule on arguments that joins none, or another, makes no decision milder."""
    ruled = rules.model_copy(update={"when": {name: rule}})
    more = rules.model_copy(update={"when": {name: {"allOf": [rule, added]}}})
    milder, before, after = (judge(each, name, arguments) for each in (rules, ruled, more))
    assert STRICTNESS[milder.ruling] <= STRICTNESS[before.ruling] <= STRICTNESS[after.ruling]


@given(rules=routes, name=names, arguments=calls, data=st.data())
def test_the_order_of_lists_does_not_matter(
    rules: Route, name: str, arguments: Any, data: st.DataObject
) -> None:
    """Ruling and people are the same in whatever order the rules stand; only their names tell the places."""
    keys = ("allow_tools", "deny_tools", "require_approval", "exceptions")
    mixed = {key: tuple(data.draw(st.permutations(getattr(rules, key)))) for key in keys}
    before, after = judge(rules, name, arguments), judge(rules.model_copy(update=mixed), name, arguments)
    assert (before.ruling, before.approvals) == (after.ruling, after.approvals)


@given(rules=routes, name=names, broken=st.sampled_from([{"type": "nonsense"}, {"pattern": "(?=a)"}, 7]))
def test_a_rule_that_cannot_be_evaluated_never_allows(rules: Route, name: str, broken: Any) -> None:
    """Whatever else the route says, a broken rule on the arguments of a tool denies the tool."""
    assert judge(rules.model_copy(update={"when": {name: broken}}), name).ruling is Ruling.DENY


@given(rules=routes, name=names, arguments=calls)
def test_a_call_is_judged_no_milder_than_its_tool(rules: Route, name: str, arguments: Any) -> None:
    """A denied tool is denied in every call; where a call passes, it passes as its tool does."""
    tool_wide = decide_tool(rules, CATALOGUE, name, now_ms=NOW)
    call = judge(rules, name, arguments)
    assert call.ruling is Ruling.DENY or (call.ruling, call.approvals) == (
        tool_wide.ruling,
        tool_wide.approvals,
    )
    if tool_wide.ruling is Ruling.DENY:
        assert call == tool_wide


def test_a_tool_that_cannot_be_judged_is_denied() -> None:
    """Without arguments to look at, an error denies as well."""
    broken: Any = None
    assert decide_tool(broken, CATALOGUE, "kb.search", now_ms=NOW).reasons[0].rule == "error"


@given(rules=routes, name=names, arguments=st.recursive(st.none() | st.text() | st.floats(), st.lists))
def test_every_decision_names_its_rules(rules: Route, name: str, arguments: Any) -> None:
    """There is no decision without a reason, whatever the arguments are."""
    decision = judge(rules, name, arguments)
    assert decision.reasons
    assert all(reason.rule and reason.text for reason in decision.reasons)
    assert decision.approvals == 0 or decision.ruling is Ruling.NEEDS_APPROVAL


@pytest.mark.parametrize(
    ("name", "ruling", "approvals"),
    [
        ("kb.search", Ruling.ALLOW, 0),
        ("ticket.close", Ruling.NEEDS_APPROVAL, 1),
        ("ticket.erase", Ruling.NEEDS_APPROVAL, 2),
    ],
)
def test_an_effect_asks_its_people(name: str, ruling: Ruling, approvals: int) -> None:
    """A read asks nobody, a write one person, a destructive call two."""
    decision = judge(route(allow_tools=[name]), name)
    assert (decision.ruling, decision.approvals) == (ruling, approvals)
    assert decision.reasons[0].rule == "allow_tools[0]"


def test_require_approval_adds_a_person_to_a_read() -> None:
    """A read in require_approval asks one person, and says which rule asked."""
    decision = judge(route(allow_tools=["kb.search"], require_approval=["kb.search"]), "kb.search")
    assert decision.approvals == 1
    assert decision.reasons[-1].rule == "require_approval[0]"


@pytest.mark.parametrize(("name", "approvals"), [("ticket.close", 0), ("ticket.erase", 1)])
def test_an_exception_waives_one_person(name: str, approvals: int) -> None:
    """An exception frees a write, and leaves a destructive call with one person."""
    rules = route(allow_tools=[name], exceptions=[waiver("kb.search"), waiver(name)])
    decision = judge(rules, name)
    assert decision.approvals == approvals
    assert decision.reasons[-1].rule == "exceptions[1]"


@pytest.mark.parametrize(
    ("moment", "holds"), [("2026-12-31T23:59:59.999", True), ("2027-01-01T00:00", False)]
)
def test_an_exception_holds_through_its_last_day(moment: str, holds: bool) -> None:
    """`expires` is the last day that counts, in UTC."""
    rules = route(allow_tools=["ticket.close"], exceptions=[waiver("ticket.close")])
    now_ms = int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp() * 1_000)
    assert (judge(rules, "ticket.close", now_ms=now_ms).ruling is Ruling.ALLOW) is holds
    assert rules.exceptions[0].expires == date(2026, 12, 31)


def test_the_last_day_of_the_calendar_is_a_day() -> None:
    """An exception may name any day that there is."""
    rules = route(allow_tools=["ticket.close"], exceptions=[waiver("ticket.close", "9999-12-31")])
    assert judge(rules, "ticket.close").ruling is Ruling.ALLOW


def test_an_error_denies() -> None:
    """A rule that cannot be evaluated denies, and says that it could not."""
    broken = route(allow_tools=["kb.search"]).model_copy(update={"when": {"kb.search": {"type": "nonsense"}}})
    decision = judge(broken, "kb.search")
    assert (decision.ruling, decision.reasons[0].rule) == (Ruling.DENY, "error")


def test_a_tool_whose_schema_cannot_be_held_to_is_denied() -> None:
    """A catalogue with a schema that reaches outside denies instead of fetching it."""
    reaching = Catalogue(tools={"web": tool("web", Effect.READ, {"$ref": "http://127.0.0.1:9/schema"})})
    decision = decide(route(allow_tools=["web"]), reaching, Call(tool="web", arguments={}), now_ms=NOW)
    assert (decision.ruling, decision.reasons[0].rule) == (Ruling.DENY, "error")


@pytest.mark.parametrize("arguments", [None, 7, [], {1: 2}, {"ticket_id": "\ud800"}, {"ticket_id": object()}])
def test_arguments_that_are_no_json_object_are_denied(arguments: Any) -> None:
    """What is no JSON object is denied; nothing raises."""
    call = Call(tool="ticket.close", arguments=arguments)
    assert decide(route(allow_tools=["ticket.close"]), CATALOGUE, call, now_ms=NOW).ruling is Ruling.DENY


@pytest.mark.parametrize("inexact", [1.5, 2**53, {"deep": [0.1]}])
def test_a_write_with_inexact_numbers_is_denied(inexact: Any) -> None:
    """Floats and unsafe integers in a write's arguments are denied: two parsers may read them differently."""
    decision = judge(
        route(allow_tools=["ticket.close"]), "ticket.close", {"ticket_id": "T-1", "reason": inexact}
    )
    assert (decision.ruling, decision.reasons[0].rule) == (Ruling.DENY, "catalogue.exact")


def test_a_write_that_names_no_target_is_denied() -> None:
    """A write whose target is empty could be judged by nobody."""
    decision = judge(route(allow_tools=["ticket.close"]), "ticket.close", {"ticket_id": ""})
    assert (decision.ruling, decision.reasons[0].rule) == (Ruling.DENY, "catalogue.target")


def test_when_denies_with_its_own_rule() -> None:
    """A rule on arguments denies what does not fit it, under its own name and with the place."""
    rules = route(
        allow_tools=["ticket.close"], when={"ticket.close": {"properties": {"reason": {"maxLength": 3}}}}
    )
    decision = judge(rules, "ticket.close", {"ticket_id": "T-1", "reason": "too long"})
    assert decision.reasons[0].rule == "when.ticket.close"
    assert "/reason" in decision.reasons[0].text


def test_a_decision_over_100_rules_is_quick() -> None:
    """A decision over a hundred rules stays far under a millisecond, its argument rules apart."""
    many = Catalogue(tools={f"t.{at}": tool(f"t.{at}", Effect.READ, {}) for at in range(100)})
    rules = route(
        allow_tools=[f"t.{at}" for at in range(50)], deny_tools=[f"t.{at}" for at in range(50, 100)]
    )
    call = Call(tool="t.49", arguments={})
    times = []
    for _ in range(2_000):
        begun = time.perf_counter()
        decide(rules, many, call, now_ms=NOW)
        times.append(time.perf_counter() - begun)
    assert statistics.median(times) < 200e-6


@pytest.mark.parametrize("effect", list(Effect))
@pytest.mark.parametrize(
    "spoken", ["break-glass:acme", '{"break_glass": 1}', "see bg_0123456789abcdef", BREAK_GLASS]
)
def test_no_call_speaks_of_break_glass(effect: Effect, spoken: str) -> None:
    """In an argument or as its tool, whatever the route allows: denied by a rule of its own, not shown."""
    free = Catalogue(tools={"t": replace(tool("t", effect, {}), target=None)})
    for call in (Call(tool="t", arguments={"x": [spoken]}), Call(tool=spoken, arguments={})):
        found = decide(route(allow_tools=["t"]), free, call, now_ms=NOW)
        ((reason,), ruling) = (found.reasons, found.ruling)
        assert (ruling, reason.rule) == (Ruling.DENY, "break-glass")
        assert spoken not in reason.text


def test_prose_about_breaking_glass_is_judged_as_any_other() -> None:
    """People write of it in tickets, and an agent answers them."""
    call = Call(tool="ticket.close", arguments={"ticket_id": "T-1", "reason": "They had to break glass."})
    found = decide(route(allow_tools=["ticket.close"]), CATALOGUE, call, now_ms=NOW)
    assert found.ruling is Ruling.NEEDS_APPROVAL
