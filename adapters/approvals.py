"""The approvals' rows and the verified decisions on them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.about import about
from adapters.action_rows import read_action
from adapters.approval_rows import approval_record, open_approval, read_approval
from adapters.audit_log import append
from adapters.questions import ask_outcome, settle_by_word, to_settle
from adapters.run_rows import carry_on, read_open_run, read_run, run_record, touch
from adapters.schema import actions, approvals, decisions
from adapters.store import Store
from contracts.action import Frozen
from contracts.approval import ApprovalKind, ApprovalRecord, ApprovalState, Terms
from contracts.audit import AuditRecord
from contracts.errors import Unknown
from contracts.ports import Clock
from contracts.run import RunState, WarrantedRun
from contracts.tokens import Grant, Purpose, Verifier

GRACE_MS = 2_000
"""A click received in time may be written down this much later; only then does an approval expire."""


_ORDER = (approvals.c.requested_ms, approvals.c.approval_id)


@dataclass(frozen=True, kw_only=True)
class ApprovalQuery:
    """Which approvals; None is any. ``before`` is the requested_ms and id of the last one seen."""

    env: str
    tenants: Sequence[str] | None = None
    routes: Sequence[str] | None = None
    state: str | None = None
    before: tuple[int, str] | None = None
    limit: int = 100


class StoreApprovals:
    """Implements ``contracts.ports.Approvals``; a decision whose signature fails is not among the grants."""

    def __init__(self, store: Store, verifier: Verifier, clock: Clock) -> None:
        self._store = store
        self._verifier = verifier
        self._clock = clock

    async def ask(self, run: WarrantedRun, frozen: Frozen, *, needed: int, terms: Terms) -> ApprovalRecord:
        async def work(connection: AsyncConnection) -> ApprovalRecord:
            found = await connection.scalar(
                select(approvals.c.approval_id).where(
                    approvals.c.action_id == frozen.action_id,
                    approvals.c.kind == ApprovalKind.ACTION,
                    approvals.c.action_digest == frozen.digest(),
                )
            )
            if found is not None:
                return await read_approval(connection, self._verifier, found)
            await read_open_run(connection, frozen.run_id)
            now = self._clock.now_ms()
            approval_id = await open_approval(
                connection,
                frozen,
                kind=ApprovalKind.ACTION,
                needed=needed,
                terms=terms,
                now_ms=now,
            )
            await connection.execute(
                update(actions).where(actions.c.action_id == frozen.action_id).values(approval_id=approval_id)
            )
            await _supersede(connection, frozen.action_id, approval_id)
            await _tell_audit(connection, run, frozen.action_id, now)
            await _show(connection, run, RunState.WAITING_APPROVAL, now)
            return await read_approval(connection, self._verifier, approval_id)

        return await self._store.write(work)

    async def ask_outcome(self, run: WarrantedRun, action_id: str) -> ApprovalRecord:
        async def work(connection: AsyncConnection) -> ApprovalRecord:
            await read_open_run(connection, run.warrant.run_id)
            approval_id = await ask_outcome(connection, run.warrant, action_id, self._clock.now_ms())
            await _show(connection, run, RunState.WAITING_RECONCILIATION, self._clock.now_ms())
            return await read_approval(connection, self._verifier, approval_id)

        return await self._store.write(work)

    async def settle(self, approval_id: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            approval = await read_approval(connection, self._verifier, approval_id)
            await settle_by_word(connection, approval, self._clock.now_ms())

        await self._store.write(work)

    async def to_settle(self) -> tuple[str, ...]:
        """Questions about writes for which ``settle`` has something to do."""
        async with self._store.read() as connection:
            return await to_settle(connection)

    async def get(self, approval_id: str) -> ApprovalRecord:
        return await self._store.look(
            lambda connection: read_approval(connection, self._verifier, approval_id)
        )

    async def list(self, query: ApprovalQuery) -> tuple[ApprovalRecord, ...]:
        """Newest first."""
        statement = select(approvals.c.approval_id).where(approvals.c.env == query.env)
        if query.tenants is not None:
            statement = statement.where(approvals.c.tenant.in_(query.tenants))
        if query.routes is not None:
            statement = statement.where(approvals.c.route.in_(query.routes))
        if query.state is not None:
            statement = statement.where(approvals.c.state == query.state)
        if query.before is not None:
            statement = statement.where(tuple_(*_ORDER) < query.before)
        statement = statement.order_by(*(column.desc() for column in _ORDER)).limit(query.limit)

        async def work(connection: AsyncConnection) -> tuple[ApprovalRecord, ...]:
            found = tuple(await connection.scalars(statement))
            return tuple([await read_approval(connection, self._verifier, name) for name in found])

        return await self._store.look(work)

    async def expire(self, approval_id: str) -> ApprovalRecord:
        async def work(connection: AsyncConnection) -> ApprovalRecord:
            approval = await read_approval(connection, self._verifier, approval_id)
            now = self._clock.now_ms()
            if approval.state is not ApprovalState.WAITING or approval.deadline_ms is None:
                return approval
            if now < approval.deadline_ms + GRACE_MS:
                return approval
            await connection.execute(
                update(approvals)
                .where(approvals.c.approval_id == approval_id)
                .values(state=ApprovalState.EXPIRED, decided_ms=now, version=approvals.c.version + 1)
            )
            expired = await approval_record(
                connection, approval, now, actor="run", outcome=ApprovalState.EXPIRED
            )
            await append(connection, expired)
            return await read_approval(connection, self._verifier, approval_id)

        return await self._store.write(work)

    async def resume(self, approval_id: str) -> None:
        approval = await self.get(approval_id)

        async def work(connection: AsyncConnection) -> None:
            await carry_on(connection, approval.run_id, self._clock.now_ms())

        await self._store.write(work)

    async def decision(self, grant_id: str) -> Grant:
        """A decision by its grant. Raises Unknown, or TokenRefused where its signature does not hold."""
        async with self._store.read() as connection:
            token = await connection.scalar(select(decisions.c.token).where(decisions.c.grant_id == grant_id))
        if token is None:
            raise Unknown(f"there is no decision {grant_id}")
        return Grant.read(self._verifier.verify(Purpose.GRANT, token))


async def _supersede(connection: AsyncConnection, action_id: str, approval_id: str) -> None:
    """What was asked of the action as it was frozen before is void, and its card says so."""
    await connection.execute(
        update(approvals)
        .where(
            approvals.c.action_id == action_id,
            approvals.c.approval_id != approval_id,
            approvals.c.kind == ApprovalKind.ACTION,
            approvals.c.state.in_((ApprovalState.WAITING, ApprovalState.APPROVED)),
        )
        .values(
            state=ApprovalState.CANCELLED,
            denial="Its target changed, or it was stopped, after this was shown, so it is asked about anew",
            version=approvals.c.version + 1,
        )
    )


async def _tell_audit(connection: AsyncConnection, run: WarrantedRun, action_id: str, now_ms: int) -> None:
    action = await read_action(connection, run.warrant.run_id, action_id)
    record = AuditRecord(
        **about(run.warrant, action), kind="approval", at_ms=now_ms, actor="run", outcome="asked"
    )
    await append(connection, record)


async def _show(connection: AsyncConnection, run: WarrantedRun, state: RunState, now_ms: int) -> None:
    """Show for whom the run waits, and audit it where it did not wait for them before."""
    if (await read_run(connection, run.warrant.run_id)).state is not state:
        await touch(connection, run.warrant.run_id, state=state)
        await append(connection, run_record(run.warrant, now_ms, actor="run", outcome=state))
