"""Laws of whom a note calls: those who may decide at that moment, and nobody else."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from contracts.approval import Hours
from policies.deciders import called, undecided
from policies.people import People
from policies.quorum import without_standing
from tests.laws.judging import ASKED, MINUTE, PEOPLE, approval, grant, person

LATER = ASKED + 60 * MINUTE
NIGHT = Hours(days=(), start=0, until=1, zone="UTC")
STAFF = People(
    people=(*PEOPLE.people, person("joan", groups=("managers",)), person("kay", groups=("managers",)))
)


def test_a_reminder_calls_only_who_may_decide() -> None:
    """Not another tenant's, not who is in no group, not the requester, not who spoke."""
    asked = approval(grant("ada"), on_behalf_of=None)
    assert [one.principal for one in undecided(asked, STAFF, LATER)] == ["principal:grace"]
    own = approval(on_behalf_of="user:grace")
    assert [one.principal for one in undecided(own, STAFF, LATER)] == ["principal:ada"]
    elsewhere = People(people=(replace(person("ada"), routes=("billing/refund",)),))
    assert undecided(approval(on_behalf_of=None), elsewhere, LATER) == ()


def test_who_took_it_back_has_spoken() -> None:
    """They may only deny by now, and are not reminded to approve."""
    asked = approval(grant("ada"), grant("ada", "withdraw"), on_behalf_of=None)
    assert [one.principal for one in undecided(asked, STAFF, LATER)] == ["principal:grace"]


def test_a_second_group_is_called_from_its_moment_on() -> None:
    """Before it the people of the first group alone may decide."""
    asked = approval(on_behalf_of=None, escalate_ms=LATER, escalate_to="managers")
    assert "principal:joan" not in [one.principal for one in undecided(asked, STAFF, LATER - 1)]
    assert [one.principal for one in called(asked, STAFF, LATER).people] == [
        "principal:joan",
        "principal:kay",
    ]
    assert called(asked, STAFF, LATER - 1).people == ()


@given(
    away=st.sets(st.sampled_from(["principal:joan", "principal:kay"])), at_ms=st.integers(LATER, LATER * 2)
)
def test_an_escalation_calls_somebody_whenever_somebody_may_decide(away: set[str], at_ms: int) -> None:
    """Whoever is at work; where nobody is, all: hours never lead to nobody being called."""
    staff = People(
        people=tuple(replace(one, hours=NIGHT) if one.principal in away else one for one in STAFF.people)
    )
    asked = approval(on_behalf_of=None, escalate_ms=LATER, escalate_to="managers", deadline_ms=None)
    found = called(asked, staff, at_ms)
    names = {one.principal for one in found.people}
    assert names == ({"principal:joan", "principal:kay"} - away or away)
    assert found.at_work is (len(away) < 2)
    assert all(without_standing(asked, one, staff, at_ms) is None for one in found.people)
