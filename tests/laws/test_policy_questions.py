"""Laws of the questions that a team's suite asks: one answer each, the engine's own, with its place."""

import warnings
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.decision import Ruling
from contracts.errors import InterlockError
from interlock.answer import Answer
from interlock.policy import NoSuchName, Policies, RoutePolicy
from tests.laws.shipped_tools import SPECS

EXCEPTED: Final = """\
model: {name: rules}
allow_tools: [ticket.close]
budgets: {steps: 5, seconds: 60, usd: "1.00", denials: 3}
approval: {group: support-leads}
exceptions:
  - {tool: ticket.close, waive: approval, reason: r, owner: "principal:ada", expires: 2026-03-01}
"""
PEOPLE: Final = "people: {ada: {slack: {team: T1, user: U1}, groups: [support-leads], tenants: [acme]}}\n"
REFUND: Final = {"order_id": "O-1", "amount_cents": 100, "currency": "EUR", "reason": "x"}


@cache
def shipped() -> Policies:
    return Policies.read()


def answers(policy: RoutePolicy, tool: str, args: Any) -> tuple[Answer, Answer, Answer]:
    return policy.allows(tool, args), policy.requires_approval(tool, args), policy.denies(tool, args)


@given(
    route=st.sampled_from(shipped().routes),
    tool=st.sampled_from(sorted(SPECS)),
    args=st.none()
    | st.just({})
    | st.just({"ticket_id": "T-1", "reason": "Solved."})
    | st.just({"query": "x"}),
)
def test_exactly_one_answer_holds(route: str, tool: str, args: Any) -> None:
    """A call is allowed, needs people or is denied: one of the three, and the decision says which."""
    given_answers = answers(shipped()(route), tool, args)
    holding = [answer for answer in given_answers if answer]
    assert len(holding) == 1
    assert tuple(Ruling).index(holding[0].decision.ruling) == given_answers.index(holding[0])


@given(route=st.sampled_from(shipped().routes), tool=st.sampled_from(sorted(SPECS)))
def test_an_answer_explains_itself_on_one_line(route: str, tool: str) -> None:
    """Yes or no, the decision and the place of its first rule come first: pytest cuts the middle out."""
    for answer in answers(shipped()(route), tool, None):
        (file, line), shown = answer.places[0], repr(answer)
        assert shown.startswith(("<yes, ", "<no, "))
        assert f"{answer.rules[0]} ({file}:{line})" in shown[:110]
        assert "\n" not in shown


def test_people_are_counted_exactly() -> None:
    """Where a number is given, more or fewer people are another answer."""
    policy = shipped()("billing/refund")
    assert policy.requires_approval("refund.create")
    held = [bool(policy.requires_approval("refund.create", people=people)) for people in (0, 1, 2, 3)]
    assert held == [False, False, True, False]


def test_without_arguments_the_tool_alone_is_judged() -> None:
    """A call with no arguments at all is another question than the tool whatever its arguments are."""
    policy = shipped()("support/close")
    assert policy.requires_approval("ticket.close", people=1)
    denied = policy.denies("ticket.close", {})
    assert (denied.rules, denied.places[0][0]) == (("catalogue.schema",), "helpdesk.yaml")


def test_what_limits_have_counted_counts() -> None:
    """A limit that would refuse the call denies it; what is no count is refused."""
    policies = shipped()
    assert policies("billing/refund", used={"calls": 20}).denies("refund.create", REFUND)
    assert policies("billing/refund", used={"sum": "199900"}).requires_approval("refund.create", REFUND)
    assert policies("billing/refund", used={"sum": "199901"}).denies("refund.create", REFUND).rules == (
        "limits[1]",
    )
    for wrong in ({"call": 1}, {"calls": -1}, {"sum": 1.5}, {"sum": "1e3"}):
        with pytest.raises(ValidationError):
            policies("billing/refund", used=wrong)


def test_limits_are_asked_about_with_a_call() -> None:
    """Without arguments no limit is looked at: what they have counted is refused there, not passed over."""
    with pytest.raises(InterlockError, match=r"give the arguments of `refund\.create` as well"):
        shipped()("billing/refund", used={"calls": 20}).requires_approval("refund.create")


def test_an_exception_is_asked_about_by_its_day(tmp_path: Path) -> None:
    """It holds through its last day, and from the next on people are asked."""
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes" / "close.yaml").write_text(EXCEPTED, encoding="utf-8")
    (tmp_path / "people.yaml").write_text(PEOPLE, encoding="utf-8")
    policies = Policies.read(tmp_path)
    assert policies("close", at=date(2026, 3, 1)).allows("ticket.close")
    assert policies("close", at=date(2026, 3, 2)).requires_approval("ticket.close")


@pytest.mark.parametrize(
    ("route", "tool", "sentence"),
    [
        ("support/drafts", "email.send", "there is no route 'support/drafts'; did you mean `support/draft`?"),
        ("support/draft", "email.sent", "there is no tool `email.sent`; did you mean `email.send`?"),
        ("support/draft", "qqq", "there is no tool `qqq`"),
    ],
)
@pytest.mark.parametrize("args", [None, {}])
def test_what_is_not_there_is_denied_and_warned_of(route: str, tool: str, sentence: str, args: Any) -> None:
    """A mistyped name makes every denial true: it is said, at the line that asks."""
    with pytest.warns(NoSuchName) as caught:
        assert shipped()(route).denies(tool, args)
    assert [str(warning.message) for warning in caught] == [sentence]
    assert caught[0].filename == __file__
    with warnings.catch_warnings(action="ignore", category=NoSuchName):
        assert not shipped()(route).allows(tool, args)


def test_a_directory_that_is_not_there_is_named() -> None:
    """Nothing falls back to the shipped rules where others were meant."""
    with pytest.raises(InterlockError, match="nowhere is no directory"):
        Policies.read(Path("nowhere"))
    with pytest.raises(InterlockError, match=r"nowhere\.yaml is no file"):
        Policies.read(None, Path("nowhere.yaml"))
