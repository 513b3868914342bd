"""An approval's row: opened with its card, and read with the decisions whose signatures hold."""

import json
import secrets
from typing import Any, Final

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.action_rows import WITH_RUN, frozen_of, text_of
from adapters.bare import bare
from adapters.contents import FORGOTTEN, Place, opened, sealed
from adapters.letters import order
from adapters.schema import actions, approvals, decisions
from contracts.action import Frozen
from contracts.approval import ApprovalKind, ApprovalRecord, ApprovalState, Terms
from contracts.audit import AuditRecord
from contracts.budget import Budget, Spend
from contracts.digest import Json
from contracts.errors import TokenRefused, Unknown
from contracts.outbox import LetterKind
from contracts.tokens import Grant, Purpose, Verifier

_TAKEN_BACK: Final = "taken back: its target changed, or it was stopped, after it was shown"
"""In place of an action that is about to be frozen anew."""


async def open_approval(
    connection: AsyncConnection,
    frozen: Frozen,
    *,
    kind: ApprovalKind,
    needed: int,
    terms: Terms,
    now_ms: int,
    question: str = "",
) -> str:
    """Ask, and order the card and what is to be said under it later; the new approval's id."""

    def at(after_ms: int | None) -> int | None:
        return None if after_ms is None else now_ms + after_ms

    approval_id = f"apr_{secrets.token_hex(12)}"
    asked = sealed(connection, approval_place(frozen, approval_id, "question"), question)
    await connection.execute(
        insert(approvals).values(
            approval_id=approval_id,
            kind=kind,
            run_id=frozen.run_id,
            action_id=frozen.action_id,
            tenant=frozen.tenant,
            env=frozen.env,
            route=frozen.route,
            state=ApprovalState.WAITING,
            action_digest=frozen.digest(),
            needed=needed,
            approvers=terms.group,
            caller=frozen.caller,
            on_behalf_of=frozen.on_behalf_of,
            requested_ms=now_ms,
            deadline_ms=at(terms.deadline_ms),
            remind_ms=at(terms.remind_ms),
            escalate_ms=at(terms.escalate_ms),
            escalate_to=terms.escalate_to,
            min_review_ms=terms.min_review_ms,
            question=asked,
        )
    )
    await order(
        connection,
        LetterKind.CARD,
        approval_id,
        run_id=frozen.run_id,
        next_ms=now_ms,
        approval_id=approval_id,
    )
    later = {LetterKind.REMINDER: terms.remind_ms, LetterKind.ESCALATION: terms.escalate_ms}
    for letter, after_ms in later.items():
        if after_ms is not None:
            await order(connection, letter, approval_id, run_id=frozen.run_id, next_ms=now_ms + after_ms)
    return approval_id


async def read_approval(connection: AsyncConnection, verifier: Verifier, approval_id: str) -> ApprovalRecord:
    """The approval as this transaction sees it. Raises Unknown."""
    asked = select(approvals).where(approvals.c.approval_id == approval_id)
    row = (await connection.execute(asked)).first()
    if row is None:
        raise Unknown(f"there is no approval {approval_id}")
    tokens = await connection.scalars(
        select(decisions.c.token)
        .where(decisions.c.approval_id == approval_id)
        .order_by(decisions.c.at_ms, decisions.c.grant_id)
    )
    grants = [verified(verifier, token) for token in tokens]
    about = (await connection.execute(WITH_RUN.where(actions.c.action_id == row.action_id))).one()
    return _record(connection, row, about, tuple(grant for grant in grants if grant is not None))


async def approval_record(
    connection: AsyncConnection,
    approval: ApprovalRecord,
    at_ms: int,
    *,
    actor: str,
    outcome: str,
    approvers: tuple[str, ...] = (),
    reason: str = "",
    rules: tuple[str, ...] = (),
    duration_ms: int | None = None,
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
        rules=rules,
        reason=reason,
        duration_ms=duration_ms,
    )


def verified(verifier: Verifier, token: str) -> Grant | None:
    """A row that nobody with the grant key wrote counts for nothing."""
    try:
        return Grant.read(verifier.verify(Purpose.GRANT, token))
    except TokenRefused:
        return None


def approval_place(owner: Frozen | ApprovalRecord | Row[Any], approval_id: str, column: str) -> Place:
    """Where content of an approval's row lies."""
    return Place(tenant=owner.tenant, env=owner.env, column=f"approvals.{column}", row=approval_id)


def _text(connection: AsyncConnection, row: Row[Any], column: str) -> str:
    place = approval_place(row, row.approval_id, column)
    found = opened(connection, place, row._mapping[column])
    return FORGOTTEN if found is None else found


def _frozen(connection: AsyncConnection, action: Row[Any]) -> Json:
    found = frozen_of(connection, action)
    return bare(action, _TAKEN_BACK) if found is None else found


def _record(
    connection: AsyncConnection, row: Row[Any], action: Row[Any], grants: tuple[Grant, ...]
) -> ApprovalRecord:
    return ApprovalRecord(
        approval_id=row.approval_id,
        kind=ApprovalKind(row.kind),
        run_id=row.run_id,
        action_id=row.action_id,
        tenant=row.tenant,
        env=row.env,
        route=row.route,
        state=ApprovalState(row.state),
        action_digest=row.action_digest,
        action=_frozen(connection, action),
        needed=row.needed,
        group=row.approvers,
        caller=row.caller,
        on_behalf_of=row.on_behalf_of,
        requested_ms=row.requested_ms,
        deadline_ms=row.deadline_ms,
        decided_ms=row.decided_ms,
        channel=row.channel,
        message_ts=row.message_ts,
        outcome=action.outcome,
        outcome_text=text_of(connection, action, "outcome_text"),
        claimed=row.claimed,
        grants=grants,
        denial=_text(connection, row, "denial"),
        question=_text(connection, row, "question"),
        version=row.version,
        remind_ms=row.remind_ms,
        escalate_ms=row.escalate_ms,
        escalate_to=row.escalate_to,
        min_review_ms=row.min_review_ms,
        shown_ms=row.shown_ms,
        spend=Spend(
            steps=action.steps,
            seconds=action.spent_ms / 1_000,
            usd=action.spent_usd,
            denials=action.denials,
        ),
        budget=Budget(**json.loads(action.budget)),
    )
