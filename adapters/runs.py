"""The runs' rows."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Select, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters import undos
from adapters.audit_log import append
from adapters.breaker_rows import passage
from adapters.contents import require_key, sealed
from adapters.letters import arrived, hasten, order
from adapters.messages import keep
from adapters.run_end import end
from adapters.run_rows import read_run, record, run_place, run_record, touch
from adapters.schema import claims, runs
from adapters.store import Store
from contracts.break_glass import ROUTE
from contracts.digest import Json, canonical
from contracts.errors import BreakerOpen, Conflict, Unavailable
from contracts.outbox import LetterKind
from contracts.ports import Clock
from contracts.run import RunRecord, RunState, WarrantedRun
from contracts.tokens import Undoes, Warrant
from contracts.transcript import Role
from contracts.wire import Ending

OWN_START_MS = 2_000
"""For so long a run's own request starts it; what it left undone then, the outbox does."""


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """A run as the gateway accepted it."""

    warrant: Warrant
    token: str
    start_hash: str
    body_digest: str
    input: Json


@dataclass(frozen=True, kw_only=True)
class RunQuery:
    """Which runs; ``routes`` None is any. ``before`` is the created_ms and id of the last one seen."""

    env: str
    tenant: str | None
    routes: Sequence[str] | None = None
    state: str | None = None
    before: tuple[int, str] | None = None
    limit: int = 50


class StoreRuns:
    """Implements ``contracts.ports.Runs`` and what the gateway needs beside it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def get(self, run_id: str) -> RunRecord:
        return await self._store.look(lambda connection: read_run(connection, run_id))

    async def started(self, start_hash: str, body_digest: str) -> RunRecord | None:
        """The run that this key started before; None: it started none.

        Raises:
            Conflict: the key was used with another body.
        """
        return await self._store.look(lambda connection: _started(connection, start_hash, body_digest))

    async def create(self, new: NewRun) -> tuple[RunRecord, bool]:
        """Write the run down, or find the one that this key started before; whether it is new.

        Raises:
            Conflict: the key was used with another body, or its request id belongs to another key.
            Undone: an undo of what it is to undo stands already.
            BreakerOpen: the route's breaker lets no run start now.
            PermissionRefused: the tenant was forgotten, and has no new content key.
        """

        async def work(connection: AsyncConnection) -> tuple[RunRecord, bool]:
            found = await _started(connection, new.start_hash, new.body_digest)
            if found is not None:
                return found, False
            require_key(connection, new.warrant.tenant, new.warrant.env)
            said = await passage(connection, new.warrant, self._clock.now_ms())
            if said.refused is not None:
                raise BreakerOpen(said.refused, said.retry_after)
            await self._insert(connection, new)
            return await read_run(connection, new.warrant.run_id), True

        try:
            return await self._store.write(work)
        except IntegrityError as error:
            # PostgreSQL may tell the loser of a race so, instead of having it try again.
            found = await self.started(new.start_hash, new.body_digest)
            if found is None:
                raise Conflict("this Idempotency-Key can't be used here; choose another") from error
            return found, False

    async def _insert(self, connection: AsyncConnection, new: NewRun) -> None:
        warrant, now = new.warrant, self._clock.now_ms()
        await connection.execute(
            insert(runs).values(
                run_id=warrant.run_id,
                request_id=warrant.request_id,
                tenant=warrant.tenant,
                env=warrant.env,
                caller=warrant.caller,
                start_hash=new.start_hash,
                body_digest=new.body_digest,
                route=warrant.route,
                on_behalf_of=warrant.on_behalf_of,
                policy_digest=warrant.policy_digest,
                catalogue_digest=warrant.catalogue_digest,
                warrant=new.token,
                input=sealed(connection, run_place(warrant, "input"), canonical(new.input).decode()),
                budget=canonical(asdict(warrant.budget)).decode(),
                undoes=warrant.undoes.run_id if warrant.undoes else None,
                state=RunState.QUEUED,
                created_ms=now,
            )
        )
        await keep(connection, warrant, 0, Role.INPUT, new.input)
        await order(
            connection,
            LetterKind.START,
            warrant.run_id,
            run_id=warrant.run_id,
            next_ms=now + OWN_START_MS,
        )
        await undos.begin(connection, warrant)
        accepted = run_record(
            warrant, now, actor=warrant.caller, outcome="accepted", reason=_purpose(warrant.undoes)
        )
        await append(connection, accepted)

    async def record_execution(self, run_id: str, first_execution: str) -> None:
        """Remember which execution is this run; the first word stands. What waited for it may leave now."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(
                update(runs)
                .where(runs.c.run_id == run_id, runs.c.first_execution.is_(None))
                .values(first_execution=first_execution)
            )
            await arrived(connection, LetterKind.START, run_id)
            await hasten(connection, LetterKind.CANCEL, run_id, self._clock.now_ms())

        await self._store.write(work)

    async def halted(self, env: str) -> tuple[str, ...]:
        """Ids of the runs that wait for a kill switch to be lifted, or for a breaker."""
        statement = select(runs.c.run_id).where(runs.c.env == env, runs.c.state == RunState.HALTED)
        async with self._store.read() as connection:
            return tuple(await connection.scalars(statement))

    async def list(self, query: RunQuery) -> tuple[RunRecord, ...]:
        """Newest first; a session of break-glass is no run."""
        statement = select(runs).where(runs.c.env == query.env, runs.c.route != ROUTE)
        if query.tenant is not None:
            statement = statement.where(runs.c.tenant == query.tenant)
        if query.routes is not None:
            statement = statement.where(runs.c.route.in_(query.routes))
        if query.state is not None:
            statement = statement.where(runs.c.state == query.state)
        if query.before is not None:
            at_ms, run_id = query.before
            statement = statement.where(
                (runs.c.created_ms < at_ms) | ((runs.c.created_ms == at_ms) & (runs.c.run_id < run_id))
            )
        statement = statement.order_by(runs.c.created_ms.desc(), runs.c.run_id.desc()).limit(query.limit)
        return await self._records(statement)

    async def _records(self, statement: Select[Any]) -> tuple[RunRecord, ...]:
        async def work(connection: AsyncConnection) -> tuple[RunRecord, ...]:
            return tuple([record(connection, row) for row in await connection.execute(statement)])

        return await self._store.look(work)

    async def request_cancel(self, run_id: str, *, actor: str, reason: str) -> RunRecord:
        """Close the run to new claims at once, and order that its workflow is told.

        Raises:
            Conflict: it has ended.
        """

        async def work(connection: AsyncConnection) -> RunRecord:
            run = await read_run(connection, run_id)
            if run.state.ended:
                raise Conflict(f"run {run_id} has ended as {run.state}; there is nothing to cancel")
            if run.cancel_reason is None:
                now = self._clock.now_ms()
                kept = sealed(connection, run_place(run, "cancel_reason"), reason)
                await touch(connection, run_id, cancel_reason=kept)
                await order(connection, LetterKind.CANCEL, run_id, run_id=run_id, next_ms=now)
                await append(connection, run_record(run, now, actor=actor, outcome="cancel", reason=reason))
            return await read_run(connection, run_id)

        return await self._store.write(work)

    async def begin(self, run_id: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            now = self._clock.now_ms()
            begun = await connection.execute(
                update(runs)
                .where(runs.c.run_id == run_id, runs.c.state == RunState.QUEUED)
                .values(state=RunState.RUNNING, started_ms=now, version=runs.c.version + 1)
            )
            if begun.rowcount == 1:
                run = await read_run(connection, run_id)
                await append(connection, run_record(run, now, actor="run", outcome=RunState.RUNNING))

        await self._store.write(work)

    async def halt(self, run: WarrantedRun, sentence: str, rules: tuple[str, ...] = ()) -> None:
        async def work(connection: AsyncConnection) -> None:
            now = await read_run(connection, run.warrant.run_id)
            if not now.state.ended and now.state != RunState.HALTED:
                await touch(connection, now.run_id, state=RunState.HALTED)
                told = run_record(
                    run.warrant, self._clock.now_ms(), actor="run", outcome="halted", reason=sentence
                )
                await append(connection, replace(told, rules=rules))

        await self._store.write(work)

    async def unended(self, env: str, among: Collection[str] | None = None) -> tuple[RunRecord, ...]:
        """Runs whose execution was recorded and that have not ended: all, or those of these ids."""
        statement = select(runs).where(
            runs.c.env == env, runs.c.ended_ms.is_(None), runs.c.first_execution.is_not(None)
        )
        if among is not None:
            statement = statement.where(runs.c.run_id.in_(among))
        return await self._records(statement)

    async def end(self, run: WarrantedRun, ending: Ending) -> None:
        async def work(connection: AsyncConnection) -> None:
            await end(connection, run.warrant, ending, self._clock.now_ms(), actor="run")

        await self._store.write(work)

    async def give_up(self, run: RunRecord, ending: Ending) -> None:
        """End a run that has no execution any more.

        Raises:
            Unavailable: a worker is at one of its writes, whose answer comes first.
        """

        async def work(connection: AsyncConnection) -> None:
            now = self._clock.now_ms()
            in_hand = select(claims.c.key_hash).where(
                claims.c.run_id == run.run_id, claims.c.state == "claimed", claims.c.lease_ms > now
            )
            if (await connection.execute(in_hand)).first() is not None:
                raise Unavailable(f"a write of {run.run_id} is on its way; its answer comes first")
            await end(connection, run, ending, now, actor="broker")

        await self._store.write(work)


def _purpose(undoes: Undoes | None) -> str:
    """What an undo run is for, for the audit."""
    if undoes is None:
        return ""
    return f"to undo run {undoes.run_id}" + (f": {undoes.reason}" if undoes.reason else "")


async def _started(connection: AsyncConnection, start_hash: str, body_digest: str) -> RunRecord | None:
    row = (await connection.execute(select(runs).where(runs.c.start_hash == start_hash))).first()
    if row is None:
        return None
    if row.body_digest != body_digest:
        raise Conflict("this Idempotency-Key was used with another body; use a new key for a new request")
    return record(connection, row)
