"""The shipped routes: each case holds, and each route can do what it is for and nothing else."""

import time
from collections import Counter
from functools import cache

import pytest

from contracts.decision import Call, Ruling
from contracts.tool import Catalogue, Effect
from embedded.stack import shipped_policies, shipped_tools
from policies.decide import decide
from policies.load import PolicySet, load
from policies.trial import tried
from tools.load import load_tools

READ_ONLY = ("support/draft", "ops/triage")
WRITES = {
    "support/close": "ticket.close",
    "support/update": "ticket.update",
    "support/send": "email.send",
    "billing/refund": "refund.create",
}


@cache
def _catalogue() -> Catalogue:
    return load_tools(shipped_tools()).catalogue


@cache
def _policies() -> PolicySet:
    return load(shipped_policies(), _catalogue(), env="prod")


def _ruling(route: str, tool: str, **arguments: object) -> Ruling:
    call = Call(tool=tool, arguments=arguments)
    return decide(_policies().routes[route], _catalogue(), call, now_ms=0).ruling


def test_every_case_holds() -> None:
    """What the routes' owners expect is what the rules decide; nothing that was written does nothing."""
    trials = tried(_policies(), _catalogue(), now_ms=int(time.time() * 1000))
    results = [one for trial in trials for one in trial.results]
    assert [f"{one.case.file}:{one.case.line}: {one.wrong}" for one in results if not one.passed] == []
    assert {one.case.expected.expect for one in results} == {"allow", "needs_approval", "deny"}
    # A passkey is a person's own device: no file that is shipped can name one.
    assert ["has a passkey" in warning.text for warning in _policies().warnings] == [True]


def test_every_rule_is_shown_by_a_case() -> None:
    """The cases of each shipped route cover all of its rules."""
    trials = tried(_policies(), _catalogue(), now_ms=int(time.time() * 1000))
    found = {trial.route: (trial.coverage.percent, trial.coverage.gaps) for trial in trials}
    assert found == dict.fromkeys(_policies().routes, (100, ()))


def test_who_runs_act_for_is_known_and_approves_nothing() -> None:
    """The support agent of the examples resolves to one person, who is in no group."""
    hedy = _policies().people.by_subject("user:u-1042")
    assert hedy is not None
    assert (hedy.principal, hedy.groups) == ("principal:hedy", ())


@pytest.mark.parametrize("route", [*READ_ONLY, *WRITES])
def test_a_route_has_cases_of_each_kind(route: str) -> None:
    """Allowed, denied by rule, denied by arguments; and asked, where the route writes."""
    cases = [case.expected for case in _policies().cases[route]]
    counted = Counter(case.expect for case in cases)
    assert min(counted["allow"], counted["deny"]) > 0
    assert {"default", "catalogue.schema"} <= {case.rule for case in cases}
    assert (counted["needs_approval"] > 0) is (route in WRITES)


def test_the_articles_examples_hold() -> None:
    """A draft does not send, and sending asks a person."""
    mail = {"ticket_id": "T-1", "subject": "Hello", "body": "Hello."}
    assert _ruling("support/draft", "email.send", **mail) is Ruling.DENY
    assert _ruling("support/draft", "email.draft", **mail) is Ruling.ALLOW
    assert _ruling("support/send", "email.send", **mail) is Ruling.NEEDS_APPROVAL


@pytest.mark.parametrize("route", READ_ONLY)
def test_a_read_only_route_allows_no_write(route: str) -> None:
    """Nothing that it allows needs a person, because nothing that it allows writes."""
    allowed = _policies().routes[route].allow_tools
    assert {_catalogue().tools[name].effect for name in allowed} == {Effect.READ}


@pytest.mark.parametrize(("route", "write"), WRITES.items())
def test_a_writing_route_has_one_write_and_a_limit_on_it(route: str, write: str) -> None:
    """One kind of write each and the tool that undoes it, if it has one, each bounded by the hour."""
    rules, undo = _policies().routes[route], _catalogue().tools[write].undo
    writes = [name for name in rules.allow_tools if _catalogue().tools[name].effect.writes]
    assert set(writes) == {write, undo or write}
    assert set(writes) <= {limit.tool for limit in rules.limits if limit.per == "tenant"}


def test_the_shipped_writes_show_all_three_ways_to_retry() -> None:
    """``native``, ``lookup`` and ``none``, each in the route that uses it."""
    retries = {write: _catalogue().tools[write].retry.kind for write in WRITES.values()}
    assert retries == {
        "ticket.close": "native",
        "ticket.update": "lookup",
        "email.send": "none",
        "refund.create": "native",
    }


def test_a_refund_is_bounded_by_count_by_sum_and_by_run() -> None:
    """A tenant's refunds of a day are few and add up to little, and one run pays once."""
    bounds = {
        (limit.per, limit.window, limit.sum.argument if limit.sum else "calls")
        for limit in _policies().routes["billing/refund"].limits
        if limit.tool == "refund.create"
    }
    assert bounds == {
        ("tenant", "24h", "calls"),
        ("tenant", "24h", "amount_cents"),
        ("run", "24h", "calls"),
    }


def test_a_refund_asks_two_people_and_each_tenant_has_a_third() -> None:
    """Destructive by the catalogue; one of the three may be away, or be whom the run acts for."""
    assert _catalogue().tools["refund.create"].effect is Effect.DESTRUCTIVE
    refund = {"order_id": "O-1", "amount_cents": 1, "currency": "EUR", "reason": "x"}
    call = Call(tool="refund.create", arguments=refund)
    decision = decide(_policies().routes["billing/refund"], _catalogue(), call, now_ms=0)
    assert (decision.ruling, decision.approvals) == (Ruling.NEEDS_APPROVAL, 2)
    group = _policies().routes["billing/refund"].approval.group
    for tenant in ("acme", "globex", "initech"):
        able = [one for one in _policies().people.people if group in one.groups and tenant in one.tenants]
        assert len(able) >= 3


@pytest.mark.parametrize("route", [*READ_ONLY, *WRITES])
def test_no_other_route_pays(route: str) -> None:
    """Only billing/refund allows the refund."""
    assert ("refund.create" in _policies().routes[route].allow_tools) is (route == "billing/refund")
