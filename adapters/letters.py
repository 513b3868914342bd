"""Letters of the outbox as other rows' transactions write them: ordered with what they tell.

A card's letter stays, and says which version of its approval the message shows: whoever changes an approval
only counts up its version. Every other letter is deleted when it has arrived.
"""

from sqlalchemy import ColumnElement, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.audit_log import append
from adapters.run_rows import read_run
from adapters.schema import approvals, outbox
from contracts.audit import AuditRecord
from contracts.outbox import LetterKind


async def order(
    connection: AsyncConnection,
    kind: LetterKind,
    subject: str,
    *,
    run_id: str,
    next_ms: int,
    approval_id: str | None = None,
) -> None:
    """Order a letter in the transaction that gives rise to it: neither is ever there alone."""
    await connection.execute(
        insert(outbox).values(
            outbox_id=f"{kind}:{subject}", kind=kind, run_id=run_id, approval_id=approval_id, next_ms=next_ms
        )
    )


async def arrived(connection: AsyncConnection, kind: LetterKind, subject: str) -> None:
    """What it was to tell is known by another way."""
    await connection.execute(delete(outbox).where(outbox.c.outbox_id == f"{kind}:{subject}"))


async def hasten(connection: AsyncConnection, kind: LetterKind, subject: str, now_ms: int) -> bool:
    """Try it at once, whatever came before and whoever holds it; False where there is none."""
    again = update(outbox).where(outbox.c.outbox_id == f"{kind}:{subject}")
    changed = await connection.execute(again.values(next_ms=now_ms, attempts=0, dead=False, error=""))
    return changed.rowcount == 1


def behind() -> ColumnElement[bool]:
    """There is something to bring: a card shows an older version than its approval's; all else is there."""
    version = (
        select(approvals.c.version).where(approvals.c.approval_id == outbox.c.approval_id).scalar_subquery()
    )
    return or_(outbox.c.kind != LetterKind.CARD, outbox.c.done_version < version)


def begun(now_ms: int) -> ColumnElement[bool]:
    """Its time has come: what is ordered for later is no backlog before."""
    return or_(
        outbox.c.kind.not_in((LetterKind.REMINDER, LetterKind.ESCALATION)),
        outbox.c.next_ms <= now_ms,
        outbox.c.attempts > 0,
    )


async def tell_audit(
    connection: AsyncConnection,
    run_id: str,
    approval_id: str | None,
    at_ms: int,
    *,
    actor: str,
    outcome: str,
    reason: str,
) -> None:
    """Audit that a letter was given up, or taken up again."""
    run = await read_run(connection, run_id)
    record = AuditRecord(
        kind="outbox",
        at_ms=at_ms,
        tenant=run.tenant,
        env=run.env,
        actor=actor,
        outcome=outcome,
        request_id=run.request_id,
        run_id=run_id,
        route=run.route,
        policy_digest=run.policy_digest,
        approval_id=approval_id,
        reason=reason,
    )
    await append(connection, record)
