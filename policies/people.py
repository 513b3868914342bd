"""The people who may approve: who they are in Slack, for whom they stand, and what they may judge."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Final, Self, TypeVar

from contracts.approval import Hours, Person
from contracts.digest import Json, digest
from contracts.errors import Malformed
from contracts.passkey import Passkey

EVERY_TENANT: Final = "*"
"""Among the tenants of an operator: all of them, and what they share. An approver approves for none by it."""

_PREFIX: Final = "principal:"

Key = TypeVar("Key")


def full_principal(name: str) -> str:
    """``principal:ada`` of ``ada`` and of ``principal:ada``."""
    return name if name.startswith(_PREFIX) else _PREFIX + name


def short_name(principal: str) -> str:
    """``Ada`` of ``principal:ada``: what a sentence calls a person."""
    name = principal.removeprefix(_PREFIX)
    return name[:1].upper() + name[1:]


@dataclass(frozen=True, kw_only=True)
class People:
    """Everyone of the people file. Identities that two people share resolve to nobody."""

    people: tuple[Person, ...]

    def by_principal(self, principal: str) -> Person | None:
        return self._principals.get(principal)

    def by_slack(self, team: str, user: str) -> Person | None:
        """The person of a Slack workspace and user id; names in Slack are mutable and prove nothing."""
        return self._slack.get((team, user))

    def by_subject(self, subject: str) -> Person | None:
        """The one person behind a subject such as ``user:u-1042``; a principal is a subject too."""
        return self._subjects.get(subject)

    def tenants(self) -> frozenset[str]:
        """Whom somebody stands for by name."""
        return frozenset(tenant for person in self.people for tenant in person.tenants) - {EVERY_TENANT}

    def in_group(self, group: str) -> tuple[Person, ...]:
        return tuple(person for person in self.people if group in person.groups)

    def document(self) -> Json:
        ordered = sorted(self.people, key=lambda person: person.principal)
        return {"people": [_listed(asdict(person)) for person in ordered]}

    def digest(self) -> str:
        return digest(self.document())

    @classmethod
    def read(cls, document: Json) -> Self:
        """People from their pinned document.

        Raises:
            Malformed: it is none, or two people share an identity.
        """
        try:
            people = cls(people=tuple(_person(entry) for entry in document["people"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise Malformed(f"this is no people document: {error}") from error
        for identity in people.shared():
            raise Malformed(f"`{identity}` belongs to two people; one identity names one person")
        return people

    def shared(self) -> tuple[str, ...]:
        """Identities that more than one entry claims."""
        lost = [subject for subject, person in self._subjects.items() if person is None]
        lost += [f"{team}/{user}" for (team, user), person in self._slack.items() if person is None]
        keys = _unique((key.credential_id, person) for person in self.people for key in person.passkeys)
        return (*lost, *(f"passkey {key}" for key, person in keys.items() if person is None))

    @cached_property
    def _principals(self) -> dict[str, Person | None]:
        return _unique((person.principal, person) for person in self.people)

    @cached_property
    def _slack(self) -> dict[tuple[str, str], Person | None]:
        known = ((person.slack_team, person.slack_user, person) for person in self.people)
        return _unique(((team, user), person) for team, user, person in known if team and user)

    @cached_property
    def _subjects(self) -> dict[str, Person | None]:
        return _unique(
            (subject, person) for person in self.people for subject in {*person.subjects, person.principal}
        )


def _unique(pairs: Iterable[tuple[Key, Person]]) -> dict[Key, Person | None]:
    found: dict[Key, Person | None] = {}
    for key, person in pairs:
        found[key] = None if key in found else person
    return found


_OPTIONAL: Final = ("routes", "hours", "passkeys")


def _listed(entry: Json) -> Json:
    """As JSON, less what a person does not have."""
    kept = {name: value for name, value in entry.items() if name not in _OPTIONAL or value not in (None, ())}
    listed: Json = json.loads(json.dumps(kept))
    return listed


def _person(entry: Json) -> Person:
    texts = {name: _texts(entry[name]) for name in ("subjects", "groups", "tenants")}
    hours, routes = entry.get("hours"), entry.get("routes")
    return Person(
        **{
            **entry,
            **texts,
            "routes": None if routes is None else _texts(routes),
            "hours": None if hours is None else Hours(**{**hours, "days": tuple(hours["days"])}),
            "passkeys": tuple(Passkey(**passkey) for passkey in entry.get("passkeys", ())),
        }
    )


def _texts(values: Json) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError("subjects, groups, tenants and routes are lists of text")
    return tuple(values)
