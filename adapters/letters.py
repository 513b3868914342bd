"""Letters of the outbox as other rows' transactions write them: ordered with what they tell.

A card's letter stays, and says which version of its approval the message shows: whoever changes an approval
only counts up its version. Every other letter is deleted when it has arrived.
"""

from typing import Any

from sqlalchemy import ColumnElement, Row, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.audit_log import append
from adapters.run_rows import read_run
from adapters.schema import alerts, approvals, outbox, runs
from contracts.audit import SYSTEM_TENANT, AuditRecord
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


def of_env(env: str) -> ColumnElement[bool]:
    """It is of a run or an alert of this environment; the statement joins both tables from outside."""
    return or_(runs.c.env == env, alerts.c.env == env)


def begun(now_ms: int) -> ColumnElement[bool]:
    """Its time has come: what is ordered for later is no backlog before."""
    return or_(
        outbox.c.kind.not_in((LetterKind.REMINDER, LetterKind.ESCALATION)),
        outbox.c.next_ms <= now_ms,
        outbox.c.attempts > 0,
    )


async def tell_audit(
    connection: AsyncConnection, outbox_id: str, at_ms: int, *, actor: str, outcome: str, reason: str
) -> None:
    """Audit that a letter was given up or taken up again: an alert's in the system's chain."""
    letter = (await connection.execute(select(outbox).where(outbox.c.outbox_id == outbox_id))).one()
    about = await (_alert(connection, letter) if letter.run_id is None else _run(connection, letter))
    record = AuditRecord(**about, kind="outbox", at_ms=at_ms, actor=actor, outcome=outcome, reason=reason)
    await append(connection, record)


async def _run(connection: AsyncConnection, letter: Row[Any]) -> dict[str, Any]:
    run = await read_run(connection, letter.run_id)
    return {
        "tenant": run.tenant,
        "env": run.env,
        "request_id": run.request_id,
        "run_id": run.run_id,
        "route": run.route,
        "policy_digest": run.policy_digest,
        "approval_id": letter.approval_id,
    }


async def _alert(connection: AsyncConnection, letter: Row[Any]) -> dict[str, Any]:
    env = await connection.scalar(select(alerts.c.env).where(alerts.c.alert_id == letter.alert_id))
    return {"tenant": SYSTEM_TENANT, "env": env}
