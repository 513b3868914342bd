"""Laws of what the pages say of an approval, and of what they offer whom."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.approval import Answer, ApprovalKind, ApprovalRecord, ApprovalState, Person
from contracts.run import Outcome
from gateway.pages import standing
from gateway.pages.offers import may_judge, offers
from gateway.pages.shown import shown, soonest, written
from gateway.pages.visits import session_of
from policies.people import People
from policies.times import span
from tests.frozen import ASKED, approval_of, frozen


def person(name: str, **changes: Any) -> Person:
    known = Person(
        principal=f"principal:{name}",
        slack_team=None,
        slack_user=None,
        subjects=(f"user:{name}",),
        groups=("support-leads",),
        tenants=("acme",),
    )
    return replace(known, **changes)


ADA, UMA = person("ada"), person("uma", subjects=("user:u-1042",))
PEOPLE = People(people=(ADA, UMA))
WAITING = approval_of(frozen())


def offered(approval: ApprovalRecord, who: Person = ADA, now_ms: int = ASKED + 60_000) -> tuple[Answer, ...]:
    return offers(approval, who, PEOPLE, now_ms).answers


def test_a_second_group_is_named_from_the_escalation_on() -> None:
    """Not before: until then it may decide nothing."""
    record = replace(WAITING, escalate_ms=ASKED + 1_000, escalate_to="managers")
    assert "of support-leads approved" in standing.progress(record, ASKED + 999)
    assert "of support-leads or managers approved" in standing.progress(record, ASKED + 1_000)


def test_only_answers_that_would_count_are_offered() -> None:
    """By the rules of the desk: an action is approved or denied, a question answered, nothing twice."""
    assert offered(WAITING) == (Answer.APPROVE, Answer.DENY)
    question = replace(WAITING, kind=ApprovalKind.RECONCILE)
    assert offered(question) == (Answer.IT_DID, Answer.IT_DID_NOT, Answer.STOP)
    assert offered(replace(WAITING, state=ApprovalState.DENIED)) == ()
    assert offered(WAITING, now_ms=ASKED + 4 * 3_600_000 + 1) == ()


@pytest.mark.parametrize(
    "who",
    [
        UMA,
        person("ada", groups=("others",)),
        person("ada", tenants=("globex",)),
        person("ada", routes=("billing/refund",)),
    ],
)
def test_who_may_not_decide_is_offered_nothing_and_told_why(who: Person) -> None:
    """Whom the run acts for, another group's, tenant's or route's; it is not on their list either."""
    people = People(people=tuple({one.principal: one for one in (*PEOPLE.people, who)}.values()))
    found = offers(WAITING, who, people, ASKED)
    assert (found.answers, bool(found.why_not)) == ((), True)
    assert "nothing changed" not in found.why_not
    assert not may_judge(WAITING, who, people, ASKED)


def test_waiting_for_a_passkey_or_for_the_time_to_read_is_no_reason_to_hide_the_button() -> None:
    """The person can mend both before they press it."""
    destructive = approval_of(frozen(effect="destructive"), needed=1)
    assert Answer.APPROVE in offered(destructive)
    assert Answer.APPROVE in offered(replace(WAITING, min_review_ms=3_600_000))


@given(st.lists(st.none() | st.integers(min_value=0, max_value=9)))
def test_what_ends_first_is_first(deadlines: list[int | None]) -> None:
    """What never ends is last, and nothing is lost."""
    found = soonest(replace(WAITING, deadline_ms=deadline) for deadline in deadlines)
    ends = [one.deadline_ms if one.deadline_ms is not None else 10 for one in found]
    assert ends == sorted(10 if one is None else one for one in deadlines)


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_a_sentence(outcome: Outcome) -> None:
    """Of an approved action, whatever came of it."""
    approved = replace(WAITING, state=ApprovalState.APPROVED, outcome=outcome)
    assert standing.sentences(approved)[0].endswith(".")


@pytest.mark.parametrize("state", ApprovalState)
def test_every_state_has_a_heading(state: ApprovalState) -> None:
    """And one that nobody has closed yet has run out all the same."""
    assert standing.heading(replace(WAITING, state=state), ASKED)
    assert standing.heading(WAITING, ASKED + 4 * 3_600_000 + 1) == "Its time has run out"


def test_an_altered_record_is_not_genuine() -> None:
    """One letter in the store, and there is nothing to decide on; nor in what is no record."""
    assert shown(WAITING).genuine
    assert not shown(replace(WAITING, action={**WAITING.action, "tenant": "globex"})).genuine
    assert not shown(replace(WAITING, action={"taken": "back"})).genuine


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="ascii", categories=["L", "N"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3, alphabet="abc"), inner),
    max_leaves=8,
)


@given(JSON)
def test_arguments_are_written_whole(value: Any) -> None:
    """What people read is the JSON that is sent, but for the spaces at the start of lines."""
    assert json.loads(written(value)) == value


def test_hidden_characters_of_arguments_are_spelled_out() -> None:
    """And no space is hidden among ours."""
    text = written({"a": ["\u202e", " " * 9]})
    assert "⟨U+202E⟩" in text
    assert "⟨9 spaces⟩" in text


@pytest.mark.parametrize("env", ["prod", "PROD", "production", "prod-eu"])
def test_production_is_shown_rather_once_too_often(env: str) -> None:
    """Whatever it is called."""
    assert shown(replace(WAITING, env=env)).production
    assert not shown(replace(WAITING, env="dev")).production


@pytest.mark.parametrize(
    ("ms", "told"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (59_999, "59 s"),
        (3_600_000, "1 h"),
        (13_200_000, "3 h 40 min"),
        (86_460_000, "1 d"),
    ],
)
def test_spans_are_told_in_two_units_at_most(ms: int, told: str) -> None:
    """What is left beside days and hours decides nothing."""
    assert span(ms) == told


def test_a_session_of_one_environment_is_none_of_another_s() -> None:
    """Where two of them share a store."""
    assert session_of("a" * 43, "dev") != session_of("a" * 43, "prod")
