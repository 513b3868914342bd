"""Notices: letters that tell whoever asked for an action what came of it, one for each outcome."""

from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.letters import order
from adapters.schema import approvals
from contracts.approval import ApprovalKind
from contracts.outbox import LetterKind
from contracts.run import Outcome

_UNKNOWN: Final = "_unknown"
"""Ends the subject of a notice that nobody knows yet: what is known later has a letter of its own."""


async def order_notice(
    connection: AsyncConnection, run_id: str, action_id: str, outcome: Outcome, now_ms: int
) -> None:
    """Order one in the transaction that writes the outcome down, where people were asked for the action."""
    asked = (
        select(approvals.c.approval_id)
        .where(approvals.c.action_id == action_id, approvals.c.kind == ApprovalKind.ACTION)
        .order_by(approvals.c.requested_ms.desc(), approvals.c.approval_id)
        .limit(1)
    )
    approval_id = await connection.scalar(asked)
    if approval_id is not None:
        subject = f"{approval_id}{_UNKNOWN if outcome is Outcome.UNKNOWN else ''}"
        await order(connection, LetterKind.NOTICE, subject, run_id=run_id, next_ms=now_ms)


def noticed(subject: str) -> tuple[str, bool]:
    """The approval of a notice's subject, and whether it tells that nobody knows."""
    return subject.removesuffix(_UNKNOWN), subject.endswith(_UNKNOWN)
