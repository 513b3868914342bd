"""Laws of identities: one identity names one person, or nobody."""

from typing import Any

import pytest

from contracts.approval import Person
from contracts.errors import Malformed
from policies.people import People, full_principal, short_name


def person(name: str, **keys: Any) -> Person:
    known: dict[str, Any] = {
        "slack_team": "T1",
        "slack_user": f"U{name.upper()}",
        "subjects": (f"user:{name}",),
        "groups": ("leads",),
        "tenants": ("acme",),
    }
    return Person(principal=f"principal:{name}", **{**known, **keys})


PEOPLE = People(people=(person("ada"), person("grace"), person("hedy", slack_team=None, slack_user=None)))


def test_people_survive_their_document() -> None:
    """Read of document gives the same people with the same digest, in any order of the file."""
    again = People.read(PEOPLE.document())
    assert set(again.people) == set(PEOPLE.people)
    assert again.digest() == PEOPLE.digest() == People(people=PEOPLE.people[::-1]).digest()


def test_a_person_is_found_by_each_identity() -> None:
    """Principal, Slack user and subject lead to the same person; a principal is a subject too."""
    ada = PEOPLE.people[0]
    assert PEOPLE.by_principal("principal:ada") == ada
    assert PEOPLE.by_slack("T1", "UADA") == ada
    assert PEOPLE.by_subject("user:ada") == PEOPLE.by_subject("principal:ada") == ada


@pytest.mark.parametrize("subject", ["", "ada", "user:ADA", "user:ada ", "U1", "user:nobody"])
def test_nothing_like_an_identity_is_one(subject: str) -> None:
    """Identities are compared exactly."""
    assert PEOPLE.by_subject(subject) is None
    assert PEOPLE.by_principal(subject) is None


def test_a_person_without_slack_is_nobody_in_slack() -> None:
    """An empty Slack identity matches no click."""
    assert PEOPLE.by_slack("", "") is None
    assert PEOPLE.by_slack("T2", "UADA") is None


@pytest.mark.parametrize(
    "double",
    [
        person("eve", subjects=("user:ada",)),
        person("eve", subjects=("principal:ada",)),
        person("eve", slack_user="UADA"),
        person("ada", subjects=(), slack_user="U9"),
    ],
)
def test_a_shared_identity_is_nobody(double: Person) -> None:
    """An identity that two people share resolves to nobody, and such a document is refused."""
    people = People(people=(*PEOPLE.people, double))
    assert people.shared()
    lost = [people.by_subject("user:ada"), people.by_subject("principal:ada"), people.by_slack("T1", "UADA")]
    assert None in lost
    with pytest.raises(Malformed, match="belongs to two people"):
        People.read(people.document())


@pytest.mark.parametrize(
    "document", [None, [], {}, {"people": [{}]}, {"people": [{"principal": "x"}]}, {"people": 3}]
)
def test_a_document_that_is_none_gets_a_sentence(document: Any) -> None:
    """Anything else raises Malformed and nothing else."""
    with pytest.raises(Malformed, match="no people document"):
        People.read(document)


def test_names() -> None:
    """A principal has one full name and a short one for sentences."""
    assert full_principal("ada") == full_principal("principal:ada") == "principal:ada"
    assert short_name("principal:ada") == "Ada"
