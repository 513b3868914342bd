"""What is published: routes, the catalogue and the people, as they stand right now."""

from collections.abc import Collection

from contracts.errors import InterlockError, Malformed, Refused, Unavailable, Unknown
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

    async def caution(self, scope: str) -> str:
        """Of a switch's scope that names no tool or route in force: it stops nothing. Else empty.

        Nobody should find out later that a name was misspelt.
        """
        kind, _, name = scope.partition(":")
        try:
            known = await self._names(kind)
        except InterlockError:
            # The switch is set: a word of caution is not worth a doubt about that.
            return ""
        if known is None or name in known:
            return ""
        return f"Careful: no {kind} of this name is in force. Is it spelt right?"

    async def _names(self, kind: str) -> Collection[str] | None:
        """Names of that kind; None: it is not known which there are."""
        match kind:
            case "tool":
                return (await self.catalogue())[1].tools
            case "route":
                return await self.routes()
            case _:
                return None
