"""What is published: routes, the catalogue and the people, as they stand right now."""

from collections.abc import Collection

from contracts.errors import Malformed, Refused, Unavailable, Unknown
from contracts.ports import Documents
from contracts.tool import Catalogue
from policies.people import People
from policies.route import Route


class InForce:
    """The documents in force in one environment."""

    def __init__(self, documents: Documents, env: str) -> None:
        self._documents = documents
        self._env = env

    async def route(self, name: str) -> tuple[str, Route]:
        """The published route and its digest.

        Raises:
            Unknown: none of that name is published.
            Refused: what is published is none; nobody who asks can mend it.
        """
        digest = await self._documents.published(self._env, "route", name)
        if digest is None:
            raise Unknown(f"no route {name} is published in {self._env}")
        try:
            return digest, Route.read(await self._documents.document(digest))
        except Malformed as error:
            raise Refused(f"the published route {name} cannot be used: publish it again") from error

    async def routes(self) -> Collection[str]:
        """Names of the published routes."""
        return await self._documents.routes(self._env)

    async def catalogue_digest(self) -> str:
        """Raises Unavailable where none is published yet."""
        digest = await self._documents.published(self._env, "catalogue", "catalogue")
        if digest is None:
            raise Unavailable("no tool catalogue is published yet: run `interlock policy publish`")
        return digest

    async def catalogue(self) -> tuple[str, Catalogue]:
        """The published catalogue and its digest. Raises Unavailable, and Refused as ``route`` does."""
        digest = await self.catalogue_digest()
        try:
            return digest, Catalogue.read(await self._documents.document(digest))
        except Malformed as error:
            raise Refused("the published tool catalogue cannot be used: publish it again") from error

    async def people(self) -> People:
        """Everyone of the published people file; nobody where none is."""
        digest = await self._documents.published(self._env, "people", "people")
        if digest is None:
            return People(people=())
        try:
            return People.read(await self._documents.document(digest))
        except Malformed as error:
            raise Refused("the published people file cannot be used: publish it again") from error
