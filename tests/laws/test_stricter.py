"""Laws of the stricter decision: a run is held to the rules that it began with, and to those of today."""

from typing import Final

from hypothesis import example, given
from hypothesis import strategies as st

from contracts.decision import Decision, Reason, Ruling
from policies.route import Route
from policies.stricter import stricter
from tests.laws.test_decide_laws import judge, names, routes

STRICTNESS: Final = (Ruling.ALLOW, Ruling.NEEDS_APPROVAL, Ruling.DENY)


def decision(ruling: Ruling, people: int, rule: str) -> Decision:
    approvals = people if ruling is Ruling.NEEDS_APPROVAL else 0
    return Decision(ruling=ruling, reasons=(Reason(rule=rule, text="."),), approvals=approvals)


decisions = st.builds(
    decision, st.sampled_from(STRICTNESS), st.integers(1, 3), st.sampled_from(["a", "b", "c"])
)


def as_strict(one: Decision, other: Decision) -> bool:
    """Whether one permits no more than the other."""
    return (STRICTNESS.index(one.ruling), one.approvals) >= (STRICTNESS.index(other.ruling), other.approvals)


@given(rules=routes, today=routes, name=names)
def test_a_pinned_run_never_widens(rules: Route, today: Route, name: str) -> None:
    """Whatever is in force today, a run may no more than by the rules that it began with, or by today's."""
    pinned, current = judge(rules, name), judge(today, name)
    both = stricter(pinned, current)
    assert as_strict(both, pinned)
    assert as_strict(both, current)


@given(rules=routes, name=names)
def test_a_withdrawn_tool_is_lost_at_the_next_call(rules: Route, name: str) -> None:
    """A run keeps its rules, and what today's no longer allow is denied all the same."""
    today = rules.model_copy(update={"allow_tools": tuple(one for one in rules.allow_tools if one != name)})
    assert stricter(judge(rules, name), judge(today, name)).ruling is Ruling.DENY


@example(several=[decision(Ruling.NEEDS_APPROVAL, 1, "a"), decision(Ruling.NEEDS_APPROVAL, 2, "b")])
@given(several=st.lists(decisions, min_size=1, max_size=4))
def test_the_stricter_is_one_of_them_and_none_is_stricter(several: list[Decision]) -> None:
    """It is a decision that was made, with its own reasons, and of equals the first."""
    found = stricter(*several)
    assert all(as_strict(found, each) for each in several)
    assert found == next(each for each in several if as_strict(each, found))
    assert as_strict(found, stricter(*reversed(several)))
