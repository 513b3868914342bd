"""Circuit breakers as operators see and reset them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.breaker_counts import Counting, counts
from adapters.breaker_rows import change, read_breaker, read_breakers
from adapters.documents import StoreDocuments
from adapters.store import Store
from contracts.breaker import BreakerRecord
from contracts.errors import Refused, Unknown
from contracts.ports import Clock
from policies.breaker import Counts, closed, fresh, holds
from policies.route import Breaker, Route

LOG: Final = structlog.get_logger("adapters.breakers")


class Ruled:
    """Which routes in force have a breaker. A document never changes, so each is read once."""

    def __init__(self, documents: StoreDocuments, env: str) -> None:
        self._documents = documents
        self._env = env
        self._read: dict[str, Breaker | None] = {}

    async def breakers(self) -> Mapping[str, Breaker | None]:
        """Every readable route in force, with its breaker; one query."""
        found: dict[str, Breaker | None] = {}
        for name, identity in (await self._documents.routes(self._env)).items():
            try:
                found[name] = await self._breaker(identity)
            except Refused as error:
                # Nothing starts or writes on it either.
                LOG.warning("breaker_unread", route=name, reason=error.sentence)
        return found

    async def _breaker(self, identity: str) -> Breaker | None:
        if identity not in self._read:
            self._read[identity] = Route.read(await self._documents.document(identity)).breaker
        return self._read[identity]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A breaker as it stands, and what it counts now."""

    record: BreakerRecord
    counts: Counts


class StoreBreakers:
    """The breakers of one environment."""

    def __init__(self, store: Store, documents: StoreDocuments, clock: Clock, env: str) -> None:
        self._store = store
        self._ruled = Ruled(documents, env)
        self._clock = clock
        self._env = env

    async def list(self) -> tuple[Standing, ...]:
        """One for each route in force that has a breaker."""
        now = self._clock.now_ms()
        ruled = {route: one for route, one in (await self._ruled.breakers()).items() if one is not None}
        async with self._store.read() as connection:
            found = await read_breakers(connection, self._env)
            records = {route: found.get(route, fresh(self._env, route)) for route in sorted(ruled)}
            wanted = [Counting.of(ruled[route], record, now) for route, record in records.items()]
            counted = await counts(connection, self._env, wanted)
        return tuple(Standing(record=record, counts=counted[route]) for route, record in records.items())

    async def holding(self) -> frozenset[str]:
        """Routes whose breakers let nobody new through now."""
        now = self._clock.now_ms()
        async with self._store.read() as connection:
            found = await read_breakers(connection, self._env)
        return frozenset(route for route, record in found.items() if holds(record, now))

    async def reset(self, route: str, *, actor: str, reason: str) -> None:
        """Close it, and count from now on. Raises Unknown where the route in force has none."""
        if (await self._ruled.breakers()).get(route) is None:
            raise Unknown(f"no route {route} with a breaker is published in {self._env}")

        async def work(connection: AsyncConnection) -> None:
            before = await read_breaker(connection, self._env, route)
            after = closed(before, actor, self._clock.now_ms())
            await change(connection, before, after, "reset", reason)

        await self._store.write(work)
