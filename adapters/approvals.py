"""The approvals' rows and the verified decisions on them."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.about import about
from adapters.actions import read_action
from adapters.audit_log import append
from adapters.runs import carry_on, run_record, touch
from adapters.schema import actions, approvals, decisions, outbox
from adapters.store import Store
from contracts.action import Frozen
from contracts.approval import ApprovalRecord, ApprovalState
from contracts.audit import AuditRecord
from contracts.errors import TokenRefused, Unknown
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

    async def ask(
        self, run: WarrantedRun, frozen: Frozen, *, needed: int, group: str, deadline_ms: int | None
    ) -> ApprovalRecord:
        async def work(connection: AsyncConnection) -> ApprovalRecord:
            found = await connection.scalar(
                select(approvals.c.approval_id).where(approvals.c.action_id == frozen.action_id)
            )
            if found is not None:
                return await read_approval(connection, self._verifier, found)
            return await self._open(connection, run, frozen, needed, group, deadline_ms)

        return await self._store.write(work)

    async def _open(
        self,
        connection: AsyncConnection,
        run: WarrantedRun,
        frozen: Frozen,
        needed: int,
        group: str,
        deadline_ms: int | None,
    ) -> ApprovalRecord:
        approval_id, now = f"apr_{secrets.token_hex(12)}", self._clock.now_ms()
        await connection.execute(
            insert(approvals).values(
                approval_id=approval_id,
                kind="action",
                run_id=frozen.run_id,
                action_id=frozen.action_id,
                tenant=frozen.tenant,
                env=frozen.env,
                route=frozen.route,
                state=ApprovalState.WAITING,
                action_digest=frozen.digest(),
                needed=needed,
                approvers=group,
                caller=frozen.caller,
                on_behalf_of=frozen.on_behalf_of,
                requested_ms=now,
                deadline_ms=None if deadline_ms is None else now + deadline_ms,
            )
        )
        await connection.execute(
            insert(outbox).values(outbox_id=f"card:{approval_id}", approval_id=approval_id, next_ms=now)
        )
        await connection.execute(
            update(actions).where(actions.c.action_id == frozen.action_id).values(approval_id=approval_id)
        )
        await touch(connection, frozen.run_id, state=RunState.WAITING_APPROVAL)
        action = await read_action(connection, frozen.run_id, frozen.action_id)
        await append(
            connection,
            AuditRecord(**about(run, action), kind="approval", at_ms=now, actor="run", outcome="asked"),
        )
        waiting = run_record(run.warrant, now, actor="run", outcome=RunState.WAITING_APPROVAL)
        await append(connection, waiting)
        return await read_approval(connection, self._verifier, approval_id)

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
        if query.before is not None:
            statement = statement.where(tuple_(*_ORDER) < query.before)
        statement = statement.order_by(*(column.desc() for column in _ORDER)).limit(query.limit)
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

    async def unwoken(self) -> tuple[Grant, ...]:
        """Decisions that their runs were not told of yet."""
        statement = select(decisions.c.token).where(decisions.c.woken.is_(False)).order_by(decisions.c.at_ms)
        async with self._store.read() as connection:
            tokens = list(await connection.scalars(statement))
        return tuple(grant for token in tokens if (grant := _verified(self._verifier, token)) is not None)

    async def mark_woken(self, grant_id: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(
                update(decisions).where(decisions.c.grant_id == grant_id).values(woken=True)
            )

        await self._store.write(work)


async def read_approval(connection: AsyncConnection, verifier: Verifier, approval_id: str) -> ApprovalRecord:
    """The approval as this transaction sees it. Raises Unknown."""
    statement = (
        select(approvals, actions.c.frozen, actions.c.outcome, actions.c.outcome_text)
        .join(actions, actions.c.action_id == approvals.c.action_id)
        .where(approvals.c.approval_id == approval_id)
    )
    row = (await connection.execute(statement)).first()
    if row is None:
        raise Unknown(f"there is no approval {approval_id}")
    tokens = await connection.scalars(
        select(decisions.c.token)
        .where(decisions.c.approval_id == approval_id)
        .order_by(decisions.c.at_ms, decisions.c.grant_id)
    )
    grants = [_verified(verifier, token) for token in tokens]
    return _record(row, tuple(grant for grant in grants if grant is not None))


async def approval_record(
    connection: AsyncConnection,
    approval: ApprovalRecord,
    at_ms: int,
    *,
    actor: str,
    outcome: str,
    approvers: tuple[str, ...] = (),
    reason: str = "",
) -> AuditRecord:
    """An audit record about an approval, with the action that it is about."""
    action = approval.action
    arguments = await connection.scalar(
        select(actions.c.arguments_digest).where(actions.c.action_id == approval.action_id)
    )
    return AuditRecord(
        kind="approval",
        at_ms=at_ms,
        tenant=approval.tenant,
        env=approval.env,
        actor=actor,
        outcome=outcome,
        request_id=action["request_id"],
        run_id=approval.run_id,
        route=approval.route,
        policy_digest=action["policy_digest"],
        action_id=approval.action_id,
        tool=action["tool"],
        arguments_digest=arguments,
        action_digest=approval.action_digest,
        idempotency_key=action["idempotency_key"],
        approval_id=approval.approval_id,
        approvers=approvers,
        reason=reason,
    )


def _verified(verifier: Verifier, token: str) -> Grant | None:
    """A row that nobody with the grant key wrote counts for nothing."""
    try:
        return Grant.read(verifier.verify(Purpose.GRANT, token))
    except TokenRefused:
        return None


def _record(row: Row[Any], grants: tuple[Grant, ...]) -> ApprovalRecord:
    return ApprovalRecord(
        approval_id=row.approval_id,
        kind=row.kind,
        run_id=row.run_id,
        action_id=row.action_id,
        tenant=row.tenant,
        env=row.env,
        route=row.route,
        state=ApprovalState(row.state),
        action_digest=row.action_digest,
        action=json.loads(row.frozen),
        needed=row.needed,
        group=row.approvers,
        caller=row.caller,
        on_behalf_of=row.on_behalf_of,
        requested_ms=row.requested_ms,
        deadline_ms=row.deadline_ms,
        decided_ms=row.decided_ms,
        channel=row.channel,
        message_ts=row.message_ts,
        outcome=row.outcome,
        outcome_text=row.outcome_text,
        claimed=row.claimed,
        grants=grants,
        denial=row.denial,
        version=row.version,
    )
