"""Who can still decide an approval, and whom an escalation calls."""

from dataclasses import dataclass

from contracts.approval import ApprovalRecord, Person
from policies.people import People
from policies.quorum import about, without_standing
from policies.working_hours import at_work


@dataclass(frozen=True, kw_only=True)
class Called:
    """Whom an escalation calls."""

    people: tuple[Person, ...]
    #: False: nobody of them is at work, so all are called.
    at_work: bool


def undecided(approval: ApprovalRecord, people: People, at_ms: int) -> tuple[Person, ...]:
    """Who may decide at that moment and has not said anything yet, in the order of the people file."""
    spoken = {grant.approver for grant in approval.grants if about(approval, grant)}
    return tuple(
        person
        for person in people.people
        if person.principal not in spoken and without_standing(approval, person, people, at_ms) is None
    )


def called(approval: ApprovalRecord, people: People, at_ms: int) -> Called:
    """Of the second group whoever is at work; where nobody is, everybody."""
    second = tuple(
        person for person in undecided(approval, people, at_ms) if approval.escalate_to in person.groups
    )
    present = tuple(person for person in second if at_work(person, at_ms))
    return Called(people=present or second, at_work=bool(present))
