"""The approvals' rows and the verified decisions on them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.actions import about, read_action
from adapters.approval_rows import open_approval, read_approval, verified
from adapters.audit_log import append
from adapters.questions import ask_outcome
from adapters.run_rows import RUNNING_IF_OPEN, touch
from adapters.schema import actions, approvals, decisions
from adapters.store import Store
from contracts.action import Frozen
from contracts.approval import ApprovalKind, ApprovalRecord, ApprovalState
from contracts.audit import AuditRecord
from contracts.ports import Clock
from contracts.run import RunState, WarrantedRun
from contracts.tokens import Grant, Verifier

GRACE_MS = 2_000
"""A click received in time may be written down this much later; only then does an approval expire."""


@dataclass(frozen=True, kw_only=True)
class ApprovalQuery:
    """Which approvals; None is any."""

    env: str
    tenants: Sequence[str] | None = None
    routes: Sequence[str] | None = None
    state: str | None = None
    limit: int = 100


class StoreApprovals:
    """Implements ``contracts.ports.Approvals``; a decision whose signature fails is not among the grants."""

    def __init__(self, store: Store, verifier: Verifier, clock: Clock) -> None:
        self._store = store
        self._verifier = verifier
        self._clock = clock

    async def ask(
        self, run: WarrantedRun, frozen: Frozen, *, needed: int, group: str, deadline_ms: int | None
    ) -> ApprovalRecord:
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
            now = self._clock.now_ms()
            approval_id = await open_approval(
                connection,
                frozen,
                kind=ApprovalKind.ACTION,
                needed=needed,
                group=group,
                now_ms=now,
                deadline_ms=None if deadline_ms is None else now + deadline_ms,
            )
            await connection.execute(
                update(actions).where(actions.c.action_id == frozen.action_id).values(approval_id=approval_id)
            )
            await touch(connection, frozen.run_id, state=RunState.WAITING_APPROVAL)
            await _tell_audit(connection, run, frozen.action_id, now)
            return await read_approval(connection, self._verifier, approval_id)

        return await self._store.write(work)

    async def ask_outcome(self, run: WarrantedRun, action_id: str) -> ApprovalRecord:
        async def work(connection: AsyncConnection) -> ApprovalRecord:
            approval_id = await ask_outcome(connection, run.warrant, action_id, self._clock.now_ms())
            await touch(connection, run.warrant.run_id, state=RunState.WAITING_RECONCILIATION)
            return await read_approval(connection, self._verifier, approval_id)

        return await self._store.write(work)

    async def get(self, approval_id: str) -> ApprovalRecord:
        async with self._store.read() as connection:
            return await read_approval(connection, self._verifier, approval_id)

    async def list(self, query: ApprovalQuery) -> tuple[ApprovalRecord, ...]:
        """Newest first."""
        statement = select(approvals.c.approval_id).where(approvals.c.env == query.env)
        if query.tenants is not None:
            statement = statement.where(approvals.c.tenant.in_(query.tenants))
        if query.routes is not None:
            statement = statement.where(approvals.c.route.in_(query.routes))
        if query.state is not None:
            statement = statement.where(approvals.c.state == query.state)
        statement = statement.order_by(approvals.c.requested_ms.desc()).limit(query.limit)
        async with self._store.read() as connection:
            found = tuple(await connection.scalars(statement))
            return tuple([await read_approval(connection, self._verifier, name) for name in found])

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
            return await read_approval(connection, self._verifier, approval_id)

        return await self._store.write(work)

    async def resume(self, approval_id: str) -> None:
        approval = await self.get(approval_id)

        async def work(connection: AsyncConnection) -> None:
            await touch(connection, approval.run_id, state=RUNNING_IF_OPEN)

        await self._store.write(work)

    async def unwoken(self) -> tuple[Grant, ...]:
        """Decisions that their runs were not told of yet."""
        statement = select(decisions.c.token).where(decisions.c.woken.is_(False)).order_by(decisions.c.at_ms)
        async with self._store.read() as connection:
            tokens = list(await connection.scalars(statement))
        return tuple(grant for token in tokens if (grant := verified(self._verifier, token)) is not None)

    async def mark_woken(self, grant_id: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(
                update(decisions).where(decisions.c.grant_id == grant_id).values(woken=True)
            )

        await self._store.write(work)


async def _tell_audit(connection: AsyncConnection, run: WarrantedRun, action_id: str, now_ms: int) -> None:
    action = await read_action(connection, run.warrant.run_id, action_id)
    record = AuditRecord(
        **about(run.warrant, action), kind="approval", at_ms=now_ms, actor="run", outcome="asked"
    )
    await append(connection, record)
