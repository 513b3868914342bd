"""Opens and closes circuit breakers, round by round: the broker's, and of several brokers one does it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.breaker_counts import Counting, counts
from adapters.breaker_rows import change, read_breakers
from adapters.breakers import Ruled
from adapters.documents import StoreDocuments
from adapters.schema import runs
from adapters.store import Store
from contracts.breaker import BreakerRecord, BreakerState
from contracts.errors import InterlockError
from contracts.ports import Clock
from contracts.run import RunState
from policies.breaker import ACTOR, Counts, closed, fresh, judged, opened, trips
from policies.route import Breaker

LOG: Final = structlog.get_logger("adapters.breakers")

_EVERY: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class Move:
    """A breaker's next state, and why."""

    before: BreakerRecord
    after: BreakerRecord
    #: ``opened``, ``reopened`` or ``closed``.
    outcome: str
    why: str


class BreakerRounds:
    """A round reads what is in force, the breakers, and what the closed ones count, one query each.

    Dollars are asked for apart, and so is how the probe of a half open one ended.
    """

    def __init__(self, store: Store, documents: StoreDocuments, clock: Clock, env: str) -> None:
        self._store = store
        self._ruled = Ruled(documents, env)
        self._clock = clock
        self._env = env

    async def run(self) -> None:
        """Goes on until it is cancelled; what fails is tried again."""
        while True:
            try:
                await self.look()
            except InterlockError as error:
                LOG.warning("breakers_wait", error=error.name, reason=error.sentence)
            except Exception as error:
                # A mistake of ours must not end the broker; without rounds no breaker would ever open.
                LOG.error("round_broke", error=type(error).__name__)
            await asyncio.sleep(_EVERY)

    async def look(self) -> None:
        """One round."""
        ruled = await self._ruled.breakers()
        async with self._store.read() as connection:
            moves = await self._moves(connection, ruled)
        for move in moves:
            await self._make(move)

    async def _moves(
        self, connection: AsyncConnection, ruled: Mapping[str, Breaker | None]
    ) -> Sequence[Move]:
        found, now = await read_breakers(connection, self._env), self._clock.now_ms()
        records = {route: found.get(route, fresh(self._env, route)) for route in sorted(ruled)}
        closed_ones = [
            Counting.of(breaker, records[route], now)
            for route, breaker in ruled.items()
            if breaker is not None and records[route].state is BreakerState.CLOSED
        ]
        counted = await counts(connection, self._env, closed_ones)
        moves = []
        for route, record in records.items():
            breaker = ruled[route]
            if breaker is None:
                moves.append(self._without(record))
            elif record.state is BreakerState.CLOSED:
                moves.append(self._weigh(breaker, record, counted[route]))
            elif record.state is BreakerState.HALF_OPEN:
                moves.append(await self._judge(connection, breaker, record))
        return [move for move in moves if move is not None]

    def _without(self, record: BreakerRecord) -> Move | None:
        """A route that was published anew without a breaker runs."""
        if record.state is BreakerState.CLOSED:
            return None
        after = closed(record, ACTOR, self._clock.now_ms())
        return Move(before=record, after=after, outcome="closed", why="the route in force has no breaker")

    def _weigh(self, breaker: Breaker, record: BreakerRecord, counted: Counts) -> Move | None:
        why = trips(breaker, counted)
        if why is None:
            return None
        after = opened(record, breaker, why, self._clock.now_ms())
        return Move(before=record, after=after, outcome="opened", why=why)

    async def _judge(
        self, connection: AsyncConnection, breaker: Breaker, record: BreakerRecord
    ) -> Move | None:
        """By how its probe ended, or by one that tried before it and took longer; None: they go on."""
        earlier = await connection.scalar(_completed(self._env, record))
        probe = earlier or record.probe_run
        state = await connection.scalar(select(runs.c.state).where(runs.c.run_id == probe))
        ended = RunState.FAILED if state is None else RunState(state)
        if not ended.ended:
            return None
        completed = ended is RunState.COMPLETED
        return Move(
            before=record,
            after=judged(record, breaker, completed=completed, now_ms=self._clock.now_ms()),
            outcome="closed" if completed else "reopened",
            why=f"the run that tried, {probe}, ended as {ended}",
        )

    async def _make(self, move: Move) -> None:
        async def work(connection: AsyncConnection) -> bool:
            return await change(connection, move.before, move.after, move.outcome, move.why)

        if await self._store.write(work):
            LOG.warning("breaker", route=move.after.route, outcome=move.outcome, reason=move.why)


def _completed(env: str, record: BreakerRecord) -> Select[tuple[str]]:
    """A run that completed of those that were let start since it opened: each of them tried."""
    return (
        select(runs.c.run_id)
        .where(runs.c.env == env, runs.c.route == record.route, runs.c.state == RunState.COMPLETED)
        .where(runs.c.created_ms > record.since_ms)
        .order_by(runs.c.ended_ms)
        .limit(1)
    )
