"""Circuit breakers as operators see and reset them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.breaker_counts import counts
from adapters.breaker_rows import change, read_breaker, read_breakers
from adapters.documents import StoreDocuments
from adapters.store import Store
from contracts.breaker import BreakerRecord
from contracts.errors import Refused, Unknown
from contracts.ports import Clock
from policies.breaker import Counts, closed, fresh, holds, since
from policies.route import Breaker, Route

LOG: Final = structlog.get_logger("adapters.breakers")


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A breaker as it stands, and what it counts now."""

    record: BreakerRecord
    counts: Counts


class StoreBreakers:
    """The breakers of one environment."""

    def __init__(self, store: Store, documents: StoreDocuments, clock: Clock, env: str) -> None:
        self._store = store
        self._documents = documents
        self._clock = clock
        self._env = env

    async def list(self) -> tuple[Standing, ...]:
        """One for each route in force that has a breaker."""
        now, ruled = self._clock.now_ms(), await breakers_in_force(self._documents, self._env)
        async with self._store.read() as connection:
            found = await read_breakers(connection, self._env)
            standing = []
            for route, breaker in sorted(ruled.items()):
                record = found.get(route, fresh(self._env, route))
                if breaker is not None:
                    start = since(breaker, record, now)
                    counted = await counts(connection, breaker, self._env, route, start)
                    standing.append(Standing(record=record, counts=counted))
        return tuple(standing)

    async def holding(self) -> frozenset[str]:
        """Routes whose breakers let nobody new through now."""
        now = self._clock.now_ms()
        async with self._store.read() as connection:
            found = await read_breakers(connection, self._env)
        return frozenset(route for route, record in found.items() if holds(record, now))

    async def reset(self, route: str, *, actor: str, reason: str) -> None:
        """Close it, and count from now on. Raises Unknown where the route in force has none."""
        if (await breakers_in_force(self._documents, self._env)).get(route) is None:
            raise Unknown(f"no route {route} with a breaker is published in {self._env}")

        async def work(connection: AsyncConnection) -> None:
            before = await read_breaker(connection, self._env, route)
            after = closed(before, actor, self._clock.now_ms())
            await change(connection, before, after, "reset", f"{actor} says: {reason}")

        await self._store.write(work)


async def breakers_in_force(documents: StoreDocuments, env: str) -> Mapping[str, Breaker | None]:
    """Every readable route in force, with its breaker."""
    found: dict[str, Breaker | None] = {}
    for name, identity in (await documents.routes(env)).items():
        try:
            found[name] = Route.read(await documents.document(identity)).breaker
        except Refused as error:
            # Nothing starts or writes on it either.
            LOG.warning("breaker_unread", route=name, reason=error.sentence)
    return found
