"""What holds right now, as one transaction sees it: switches, the run, policy and people in force."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.documents import in_force, read_document
from adapters.run_rows import cancel_reason
from adapters.schema import published, runs
from adapters.switches import Switch, relevant
from contracts.decision import Call, Decision
from contracts.digest import Json
from contracts.errors import PermissionRefused
from contracts.tokens import Grant, Warrant
from contracts.tool import Catalogue
from policies.decide import decide
from policies.people import People
from policies.route import Route
from policies.stricter import stricter

CLOSED: Final = ("run.closed",)
"""The rule by which a run that has ended, or is to, acts no more."""


async def holding(connection: AsyncConnection, warrant: Warrant, tool: str, now_ms: int) -> Switch | None:
    """A kill switch that holds this call back."""
    found = await relevant(connection, env=warrant.env, tenant=warrant.tenant, route=warrant.route, tool=tool)
    return next((switch for switch in found if switch.holds(now_ms)), None)


async def voided(
    connection: AsyncConnection, warrant: Warrant, tool: str, grants: Sequence[Grant], now_ms: int
) -> str | None:
    """Why grants are void: a kill switch was set after them, and lifted since."""
    found = await relevant(connection, env=warrant.env, tenant=warrant.tenant, route=warrant.route, tool=tool)
    oldest = min((grant.at_ms for grant in grants), default=now_ms)
    for switch in found:
        if switch.stopped_ms is not None and oldest <= switch.stopped_ms:
            return f"{switch.scope} was stopped after it was approved, so it needs a new approval"
    return None


async def closed(connection: AsyncConnection, run_id: str) -> str | None:
    """Why the run may act no more."""
    row = (await connection.execute(select(runs).where(runs.c.run_id == run_id))).first()
    if row is None or row.ended_ms is not None:
        return "the run has ended"
    reason = cancel_reason(connection, row)
    return None if reason is None else f"the run is being cancelled: {reason}"


async def pinned_catalogue(connection: AsyncConnection, warrant: Warrant) -> Catalogue:
    """The catalogue that the warrant names."""
    return Catalogue.read(await read_document(connection, warrant.catalogue_digest))


async def current_route(connection: AsyncConnection, warrant: Warrant) -> Route:
    """The route in force. Raises PermissionRefused where it is published no more."""
    identity = await in_force(connection, warrant.env, "route", warrant.route)
    if identity is None:
        raise PermissionRefused(f"the route {warrant.route} is in force no more", ("route.withdrawn",))
    return Route.read(await read_document(connection, identity))


async def current_routes(connection: AsyncConnection, env: str) -> tuple[Route, ...]:
    """All routes in force."""
    digests = await connection.scalars(
        select(published.c.digest)
        .where(published.c.env == env, published.c.kind == "route")
        .order_by(published.c.name)
    )
    return tuple([Route.read(await read_document(connection, identity)) for identity in digests.all()])


async def both_routes(connection: AsyncConnection, warrant: Warrant) -> tuple[Route, ...]:
    """The route in force, and behind it the one that the warrant names, where that is another.

    Raises PermissionRefused where none is in force.
    """
    now = await current_route(connection, warrant)
    if now.digest() == warrant.policy_digest:
        return (now,)
    return now, Route.read(await read_document(connection, warrant.policy_digest))


async def current_people(connection: AsyncConnection, env: str) -> People:
    """The people file in force; nobody where none is."""
    identity = await in_force(connection, env, "people", "people")
    return People(people=()) if identity is None else People.read(await read_document(connection, identity))


async def current_ruling(
    connection: AsyncConnection, warrant: Warrant, catalogue: Catalogue, call: Call, now_ms: int
) -> Decision:
    """The stricter of what the pinned policy and the one in force say: permissions shrink, never grow."""
    routes = await both_routes(connection, warrant)
    return stricter(*(decide(route, catalogue, call, now_ms=now_ms) for route in reversed(routes)))


async def egress(connection: AsyncConnection, warrant: Warrant) -> tuple[Json, ...]:
    """The egress rules of the policy in force and of the pinned one: a call keeps to both."""
    return tuple(route.document()["egress"] for route in await both_routes(connection, warrant))
