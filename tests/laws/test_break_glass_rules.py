"""Who may open break-glass and consent to it, for what, and who is told: pure rules."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from contracts.approval import Person
from contracts.break_glass import GROUP, LONGEST_MINUTES, Opening
from contracts.tool import Catalogue, Effect, ToolSpec
from policies.break_glass import (
    MOST_TOOLS,
    inconsent,
    lapses_ms,
    outside,
    skipped,
    subject_of_a_run,
    tenants_of,
    unfit,
    until_ms,
)
from policies.people import People
from policies.route import Route
from tests.laws.judging import person

CLOSE = ToolSpec(
    name="ticket.close",
    version="1",
    address="helpdesk",
    effect=Effect.WRITE,
    description="",
    schema={},
    credential="c",
    target="/ticket_id",
)
TOOLS = Catalogue(
    tools={
        "ticket.close": CLOSE,
        "ticket.purge": replace(CLOSE, name="ticket.purge", effect=Effect.DESTRUCTIVE),
        "tickets.get": replace(CLOSE, name="tickets.get", effect=Effect.READ),
    }
)
OPENING = Opening(
    session_id="bg_0123456789abcdef",
    tenant="acme",
    env="dev",
    tools=("ticket.close",),
    catalogue_digest=TOOLS.digest(),
    reason="The queue is stuck.",
    minutes=10,
    overrides=(),
    opener="principal:ada",
    asked_ms=1_000_000,
)
NAMES = ("ada", "grace", "linus", "hedy")
PERSONS = some.builds(
    person,
    some.sampled_from(NAMES),
    groups=some.lists(some.sampled_from([GROUP, "leads", "managers", "operators"])).map(tuple),
    tenants=some.lists(some.sampled_from(["acme", "globex", "*"])).map(tuple),
)
CROWDS = some.lists(PERSONS, unique_by=lambda one: one.principal).map(
    lambda found: People(people=tuple(found))
)
LEADS = People(people=(person("grace"),))


def route(name: str = "support/close", **rules: Any) -> Route:
    known = {
        "name": name,
        "model": {"name": "rules"},
        "allow_tools": ["ticket.close"],
        "budgets": {"steps": 1, "seconds": 1, "usd": "1.00", "denials": 0},
        "approval": {"group": "leads", "escalate": {"after": "1h", "group": "managers"}},
    }
    return Route.parse({**known, **rules})


@given(PERSONS, some.sampled_from(["acme", "globex", "*"]))
def test_a_word_on_it_takes_the_group_and_the_tenant_s_own_name(one: Person, tenant: str) -> None:
    """Who stands for every tenant stands for none here, and nobody for one called so."""
    may = outside(one, tenant) is None
    assert may == (GROUP in one.groups and tenant in one.tenants and tenant != "*")
    assert "*" not in tenants_of(one)


@given(PERSONS, some.frozensets(some.sampled_from([f"user:{name}" for name in NAMES] + ["svc:demo"])))
def test_whom_a_run_acts_for_is_told_by_any_identity(one: Person, acted_for: frozenset[str]) -> None:
    """A subject or the principal, and nothing that only looks like them."""
    known = {one.principal, *one.subjects}
    assert (subject_of_a_run(one, acted_for) is None) == (not known & acted_for)
    assert subject_of_a_run(one, {one.principal}) is not None
    assert subject_of_a_run(one, {one.principal + "x", "svc:demo"}) is None


@given(some.integers())
def test_minutes_are_few(minutes: int) -> None:
    """From 1 to 30, whatever is asked for."""
    asked = unfit(replace(OPENING, minutes=minutes), TOOLS, LEADS)
    assert (asked is None) == (1 <= minutes <= LONGEST_MINUTES)


@given(some.text())
def test_a_reason_is_a_line_that_says_something(reason: str) -> None:
    """Ten characters of text that can be read, and no more than people read."""
    fine = len(reason.strip()) >= 10 and len(reason) <= 500 and reason.isprintable()
    assert (unfit(replace(OPENING, reason=reason), TOOLS, LEADS) is None) == fine


@given(some.lists(some.sampled_from([*TOOLS.tools, "ticket.burn", ""]), max_size=30).map(tuple))
def test_only_writing_tools_of_the_catalogue_are_opened(tools: tuple[str, ...]) -> None:
    """Each by name; none, or more than anybody reads, is nothing to consent to."""
    fine = 1 <= len(tools) <= MOST_TOOLS and set(tools) <= {"ticket.close", "ticket.purge"}
    assert (unfit(replace(OPENING, tools=tools), TOOLS, LEADS) is None) == fine


def test_a_tenant_is_one_that_somebody_stands_for() -> None:
    """By name: that of every tenant is none."""
    everywhere = People(people=(person("ada", tenants=("*",)),))
    assert unfit(OPENING, TOOLS, LEADS) is None
    assert unfit(replace(OPENING, tenant="initech"), TOOLS, LEADS) is not None
    assert unfit(replace(OPENING, tenant="*"), TOOLS, everywhere) is not None


@given(some.integers(min_value=0, max_value=10_000_000), some.sampled_from(NAMES))
def test_consent_is_another_s_and_in_time(now_ms: int, name: str) -> None:
    """Never the opener's own, and none once it has lapsed."""
    fine = name != "ada" and now_ms < lapses_ms(OPENING)
    assert (inconsent(OPENING, person(name), now_ms) is None) == fine


@given(some.integers(min_value=1, max_value=LONGEST_MINUTES), some.integers(min_value=0, max_value=2**41))
def test_a_session_is_open_for_its_minutes_and_no_longer(minutes: int, opened_ms: int) -> None:
    """From the consent on, and not from the asking."""
    assert until_ms(replace(OPENING, minutes=minutes), opened_ms) - opened_ms == minutes * 60_000


@given(CROWDS)
def test_everybody_who_would_be_asked_is_told(people: People) -> None:
    """Of both groups of a route that allows a tool of the session, for that tenant; not who take part."""
    told = skipped(OPENING, "principal:grace", [route()], people)
    asked = {
        one.principal
        for one in people.people
        if {"leads", "managers"} & set(one.groups) and "acme" in one.tenants
    }
    assert set(told) == asked - {"principal:ada", "principal:grace"}
    assert list(told) == sorted(told)


@pytest.mark.parametrize(
    "rules",
    [
        {"allow_tools": ["tickets.get"]},
        {"deny_tools": ["ticket.close"]},
        {"approval": {"group": None}},
        {"approval": {"group": "others"}},
    ],
)
def test_who_would_not_be_asked_is_not_told(rules: dict[str, Any]) -> None:
    """On a route that does not allow the tool, or asks others, or nobody."""
    people = People(people=(person("hedy"),))
    assert skipped(OPENING, "principal:grace", [route()], people) == ("principal:hedy",)
    assert skipped(OPENING, "principal:grace", [route(**rules)], people) == ()


def test_who_approves_on_other_routes_alone_is_not_told() -> None:
    """As they would not be asked on this one."""
    elsewhere = replace(person("hedy"), routes=("support/refund",))
    people = People(people=(elsewhere,))
    assert skipped(OPENING, "principal:grace", [route()], people) == ()
    assert skipped(OPENING, "principal:grace", [route("support/refund")], people) == ("principal:hedy",)


def test_whom_slack_does_not_know_is_not_said_to_be_told() -> None:
    """They would not be asked there either."""
    people = People(people=(replace(person("hedy"), slack_user=None),))
    assert skipped(OPENING, "principal:grace", [route()], people) == ()
