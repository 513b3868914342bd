"""Retention: runs that ended long ago are removed with all that was kept of them, but for the audit."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, delete, exists, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.audit_log import append
from adapters.documents import read_document
from adapters.schema import (
    actions,
    approvals,
    attempts,
    claims,
    clicks,
    consumed,
    decisions,
    messages,
    outbox,
    published,
    runs,
    sessions,
    turns,
    undos,
)
from adapters.store import Store
from contracts.approval import ApprovalState
from contracts.audit import AuditRecord
from contracts.errors import Malformed
from contracts.ports import Clock
from contracts.run import Outcome
from contracts.tool import Catalogue
from policies.amounts import milliseconds
from policies.route import Route

FLOOR: Final = "30d"
_AT_ONCE: Final = 50
"""Runs of one transaction."""
_START: Final = (0, "")


@dataclass(frozen=True, kw_only=True)
class Round:
    """What one transaction came to."""

    #: Runs that were removed; of a dry run, that would be.
    removed: int
    #: The ended_ms and id of the last run that was looked at; None: there are no more.
    after: tuple[int, str] | None


class Pruning:
    """The owner's: no role at run time may delete any of it.

    A run that has not ended stays, however old it is, so nothing is removed under an approval that waits. So
    does one with a write that is unknown or not settled, or with a question that nobody answered. A claim is
    kept for as long as its target deduplicates on our key: under it, a later run would be answered with this
    one's result.
    """

    def __init__(self, store: Store, clock: Clock, *, at_once: int = _AT_ONCE) -> None:
        self._store = store
        self._at_once = at_once
        self._clock = clock

    async def rounds(self, keep: str, *, actor: str, dry_run: bool = False) -> AsyncIterator[Round]:
        """Remove what ended longer ago than ``keep``, such as ``400d``, one transaction after the other.

        Raises:
            Malformed: ``keep`` is no duration, or less than the least that must be kept.
        """
        async with self._store.read() as connection:
            await _check(connection, keep)
        now = self._clock.now_ms()
        before = now - milliseconds(keep)
        after: tuple[int, str] | None = _START
        while after is not None:
            since = after

            async def work(connection: AsyncConnection, since: tuple[int, str] = since) -> Round:
                old = await _old(connection, since, before, self._at_once)
                gone = [row for row in old if not await _known(connection, row, now)]
                if not dry_run:
                    await _remove(connection, [row.run_id for row in gone], before)
                    await _tell(connection, gone, before, now, actor)
                full = len(old) == self._at_once
                return Round(removed=len(gone), after=(old[-1].ended_ms, old[-1].run_id) if full else None)

            done = await self._store.write(work)
            after = done.after
            yield done

    async def staying(self, keep: str) -> int:
        """How many runs that ended as long ago are there, and stay."""
        before = self._clock.now_ms() - milliseconds(keep)
        async with self._store.read() as connection:
            old = select(func.count()).select_from(runs).where(runs.c.ended_ms < before)
            return await connection.scalar(old) or 0


async def _check(connection: AsyncConnection, keep: str) -> None:
    try:
        kept = milliseconds(keep)
    except ValueError as error:
        raise Malformed(f"--keep: {error}") from error
    if kept < milliseconds(FLOOR):
        raise Malformed(f"--keep is {keep}, and the least that is kept is {FLOOR}")
    digests = await connection.scalars(select(published.c.digest).where(published.c.kind == "route"))
    for identity in digests.all():
        route = Route.read(await read_document(connection, identity))
        for limit in route.limits:
            if limit.window_ms > kept:
                raise Malformed(
                    f"--keep is {keep}, and {route.name} limits {limit.tool} within {limit.window}: writes"
                    " of that window are still counted"
                )


async def _old(
    connection: AsyncConnection, after: tuple[int, str], before_ms: int, many: int
) -> Sequence[Row[*tuple[Any, ...]]]:
    """The next runs that ended so long ago and left nothing open."""
    statement = (
        select(runs.c.run_id, runs.c.ended_ms, runs.c.tenant, runs.c.env, runs.c.catalogue_digest)
        .where(runs.c.ended_ms < before_ms, tuple_(runs.c.ended_ms, runs.c.run_id) > after, ~_open())
        .order_by(runs.c.ended_ms, runs.c.run_id)
        .limit(many)
    )
    return (await connection.execute(statement)).all()


def _open() -> ColumnElement[bool]:
    """Something of this run is not settled, or is being undone."""
    claimed = exists().where(claims.c.run_id == runs.c.run_id, claims.c.state.in_(("claimed", "unknown")))
    unknown = exists().where(actions.c.run_id == runs.c.run_id, actions.c.outcome == Outcome.UNKNOWN)
    asked = exists().where(approvals.c.run_id == runs.c.run_id, approvals.c.state == ApprovalState.WAITING)
    undoing = runs.alias()
    undone = exists().where(
        undos.c.action_id == actions.c.action_id,
        actions.c.run_id == runs.c.run_id,
        undoing.c.run_id == undos.c.run_id,
        undoing.c.ended_ms.is_(None),
    )
    return or_(claimed, unknown, asked, undone)


async def _known(connection: AsyncConnection, run: Row[*tuple[Any, ...]], now_ms: int) -> bool:
    """Whether a target still knows one of its keys, by the retention that its pinned tool declares."""
    sent = await connection.execute(
        select(claims.c.tool, func.max(claims.c.claimed_ms).label("at_ms"))
        .where(claims.c.run_id == run.run_id)
        .group_by(claims.c.tool)
    )
    last = {row.tool: row.at_ms for row in sent}
    if not last:
        return False
    tools = Catalogue.read(await read_document(connection, run.catalogue_digest)).tools
    return any(
        tool in tools and at_ms + tools[tool].retry.retention_seconds * 1_000 > now_ms
        for tool, at_ms in last.items()
    )


async def _remove(connection: AsyncConnection, run_ids: Collection[str], before_ms: int) -> None:
    asked = select(approvals.c.approval_id).where(approvals.c.run_id.in_(run_ids))
    decided = select(decisions.c.grant_id).where(decisions.c.approval_id.in_(asked))
    await connection.execute(delete(consumed).where(consumed.c.grant_id.in_(decided)))
    await connection.execute(delete(decisions).where(decisions.c.approval_id.in_(asked)))
    # The run that undid one of their actions may be younger, and stay.
    undone = select(actions.c.action_id).where(actions.c.run_id.in_(run_ids))
    await connection.execute(delete(undos).where(undos.c.action_id.in_(undone)))
    for table in (outbox, undos, claims, approvals, actions, messages, turns, attempts, runs):
        await connection.execute(delete(table).where(table.c.run_id.in_(run_ids)))
    # They name no run; they guard against replays of what Slack signed within minutes.
    await connection.execute(delete(clicks).where(clicks.c.at_ms < before_ms))
    await connection.execute(delete(sessions).where(sessions.c.until_ms < before_ms))


async def _tell(
    connection: AsyncConnection,
    gone: Sequence[Row[*tuple[Any, ...]]],
    before_ms: int,
    now_ms: int,
    actor: str,
) -> None:
    """Each tenant's chain says how many of its runs were removed."""
    day = datetime.fromtimestamp(before_ms / 1_000, tz=UTC).date().isoformat()
    for tenant, env in sorted({(row.tenant, row.env) for row in gone}):
        many = sum((row.tenant, row.env) == (tenant, env) for row in gone)
        record = AuditRecord(
            kind="store",
            at_ms=now_ms,
            tenant=tenant,
            env=env,
            actor=actor,
            outcome="pruned",
            reason=f"{many} runs that ended before {day} were removed",
        )
        await append(connection, record)
