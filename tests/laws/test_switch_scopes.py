"""Who may stop and resume what, and how a slash command is read."""

import re
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.approval import Person
from gateway.problems import Problem
from gateway.spoken import read_command, read_wish
from policies.switches import OPERATORS, SCOPE, Reach, reach_of

NAMES = st.sampled_from(["acme", "globex", "support/close", "ticket.close"])
SCOPES = st.one_of(
    st.just("all"), st.builds("{}:{}".format, st.sampled_from(["tenant", "route", "tool"]), NAMES)
)
TENANTS = st.none() | st.lists(NAMES, unique=True).map(tuple)
REACHES = st.builds(Reach, tenants=TENANTS, routes=TENANTS)


@given(REACHES, SCOPES)
def test_a_narrower_reach_sets_no_more(reach: Reach, scope: str) -> None:
    """Whoever reaches everywhere may set whatever anybody may; whoever reaches nowhere, nothing."""
    everywhere, nowhere = Reach(tenants=None, routes=None), Reach(tenants=(), routes=())
    assert everywhere.may_set(scope)
    assert not nowhere.may_set(scope)
    if reach.may_set(scope):
        assert Reach(tenants=None, routes=reach.routes).may_set(scope)
        assert Reach(tenants=reach.tenants, routes=None).may_set(scope)
        assert reach.may_see(scope)


@given(st.lists(NAMES, min_size=1, unique=True).map(tuple), SCOPES)
def test_who_reaches_some_tenants_stops_nothing_that_tenants_share(
    tenants: tuple[str, ...], scope: str
) -> None:
    """Neither all, nor a tool, nor a route: another tenant's runs would stand still."""
    kind, _, name = scope.partition(":")
    may = Reach(tenants=tenants, routes=None).may_set(scope)
    assert may == (kind == "tenant" and name in tenants)


def _person(*, groups: tuple[str, ...], tenants: tuple[str, ...]) -> Person:
    return Person(
        principal="principal:k",
        slack_team="T",
        slack_user="U",
        subjects=(),
        groups=groups,
        tenants=tenants,
    )


@given(st.lists(st.sampled_from(["support-leads", "billing", "operator", "Operators"])).map(tuple))
def test_only_the_group_of_operators_stops(groups: tuple[str, ...]) -> None:
    """Whatever else somebody may decide, and however their group is called."""
    assert reach_of(_person(groups=groups, tenants=("*",))) is None


def test_a_star_among_an_operators_tenants_is_every_tenant() -> None:
    """Without it an operator reaches the tenants that are named, and no others."""
    assert reach_of(_person(groups=(OPERATORS,), tenants=("*",))) == Reach(tenants=None, routes=None)
    named = reach_of(_person(groups=(OPERATORS,), tenants=("acme",)))
    assert named == Reach(tenants=("acme",), routes=None)
    assert reach_of(_person(groups=(OPERATORS,), tenants=())) == Reach(tenants=(), routes=None)


@pytest.mark.parametrize(
    ("text", "scope", "reason", "lasts_ms"),
    [
        ("stop all On fire.", "all", "On fire.", None),
        (
            "STOP tool:ticket.close It closes  the wrong ones for 30m",
            "tool:ticket.close",
            "It closes the wrong ones",
            1_800_000,
        ),
        ("stop route:support/close waiting for Ada", "route:support/close", "waiting for Ada", None),
        ("stop tenant:acme asked for 2 weeks", "tenant:acme", "asked for 2 weeks", None),
        ("resume tenant:acme all is well for 30m", "tenant:acme", "all is well for 30m", None),
    ],
)
def test_a_command_says_scope_reason_and_time(
    text: str, scope: str, reason: str, lasts_ms: int | None
) -> None:
    """A duration at the very end of a stop is how long it holds; any other word belongs to the reason."""
    wish = read_wish(text)
    assert (wish.scope, wish.reason, wish.lasts_ms, wish.complaint) == (scope, reason, lasts_ms, "")


@pytest.mark.parametrize(
    "text",
    [
        "stop",
        "stop all",
        "stop all   ",
        "stop all for 30m",
        "stop everything now",
        "stop tool: now",
        "halt all x",
    ],
)
def test_what_cannot_be_told_stops_nothing_and_says_so(text: str) -> None:
    """No scope, none that is one, or no reason: a complaint, never a guess."""
    assert read_wish(text).complaint


@given(st.text(max_size=200))
def test_no_text_is_a_wish_without_a_scope_and_a_reason(text: str) -> None:
    """Whatever is typed: what stops or resumes has both, on one printable line."""
    wish = read_wish(text)
    if wish.verb in ("stop", "resume") and not wish.complaint:
        assert re.fullmatch(SCOPE, wish.scope)
        assert wish.reason
        assert wish.reason.isprintable()


FIELDS = {"api_app_id": "A1", "team_id": "T1", "channel_id": "C1", "user_id": "U1", "text": "help"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload=%7B%7D",
        b"\xff",
        urlencode({**FIELDS, "user_id": "ada"}).encode(),
        urlencode({name: value for name, value in FIELDS.items() if name != "team_id"}).encode(),
        urlencode([*FIELDS.items(), ("user_id", "U2")]).encode(),
        urlencode({**FIELDS, "text": "x" * 4_001}).encode(),
    ],
)
def test_what_is_no_command_is_refused(body: bytes) -> None:
    """A field that is missing, twice, or of another shape: which person typed it is never a guess."""
    with pytest.raises(Problem):
        read_command(body)
    assert read_command(urlencode(FIELDS).encode()).user_id == "U1"
