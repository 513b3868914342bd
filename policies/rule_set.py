"""All rules of an environment, as they are published: routes, tools and people."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

from contracts.digest import Json
from contracts.errors import InterlockError
from contracts.tool import Catalogue
from policies.people import People
from policies.route import Route

Key: TypeAlias = tuple[str, str]
"""Kind and name of a published document: ``("route", "support/close")``."""

PEOPLE: Final[Key] = ("people", "people")
CATALOGUE: Final[Key] = ("catalogue", "catalogue")


@dataclass(frozen=True, kw_only=True)
class RuleSet:
    """What is in force, or would be."""

    routes: Mapping[str, Route]
    catalogue: Catalogue
    people: People
    #: Documents that this version cannot read: what they say is not known.
    unread: frozenset[Key] = frozenset()

    @property
    def empty(self) -> bool:
        """Nothing was ever published."""
        return not (self.routes or self.catalogue.tools or self.people.people or self.unread)

    def documents(self) -> dict[Key, Json]:
        """By kind and name. Routes last: a run pins people and catalogue with its route."""
        routes = {("route", name): route.document() for name, route in sorted(self.routes.items())}
        return {PEOPLE: self.people.document(), CATALOGUE: self.catalogue.document(), **routes}

    @classmethod
    def read(cls, documents: Mapping[Key, Json]) -> Self:
        """The rules of documents; what cannot be read is named."""
        unread: set[Key] = set()
        routes = {}
        for key, document in documents.items():
            if key[0] == "route":
                try:
                    routes[key[1]] = Route.read(document)
                except InterlockError:
                    unread.add(key)
        return cls(
            routes=routes,
            catalogue=_catalogue(documents, unread),
            people=_people(documents, unread),
            unread=frozenset(unread),
        )


def _catalogue(documents: Mapping[Key, Json], unread: set[Key]) -> Catalogue:
    try:
        return Catalogue.read(documents.get(CATALOGUE, {"tools": {}}))
    except (InterlockError, AttributeError, KeyError, TypeError):
        unread.add(CATALOGUE)
        return Catalogue(tools={})


def _people(documents: Mapping[Key, Json], unread: set[Key]) -> People:
    try:
        return People.read(documents.get(PEOPLE, {"people": []}))
    except (InterlockError, TypeError, ValueError):
        unread.add(PEOPLE)
        return People(people=())


def approving(routes: Iterable[Route]) -> frozenset[str]:
    """Groups whose people may approve on one of these routes."""
    found: set[str] = set()
    for route in routes:
        second = route.approval.escalate
        found |= {route.approval.group or "", "" if second is None else second.group} - {""}
    return frozenset(found)
