"""A session's row: read, and told to the audit."""

import json
from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.contents import Place, opened
from adapters.schema import openings
from contracts.audit import AuditRecord
from contracts.break_glass import ROUTE, Opening, SessionRecord, SessionState
from contracts.digest import Json
from contracts.errors import Unknown

UNENDED: Final = (SessionState.WAITING, SessionState.OPEN)


async def read_session(connection: AsyncConnection, session_id: str) -> SessionRecord:
    """The session as this transaction sees it. Raises Unknown."""
    row = (await connection.execute(select(openings).where(openings.c.session_id == session_id))).first()
    if row is None:
        raise Unknown(f"there is no session {session_id} of break-glass")
    return record(connection, row)


async def read_unended(connection: AsyncConnection, env: str) -> tuple[SessionRecord, ...]:
    """Those that wait or are open, the oldest first."""
    statement = (
        select(openings)
        .where(openings.c.env == env, openings.c.state.in_(UNENDED))
        .order_by(openings.c.asked_ms, openings.c.session_id)
    )
    return tuple([record(connection, row) for row in await connection.execute(statement)])


def record(connection: AsyncConnection, row: Row[Any]) -> SessionRecord:
    """A row of ``openings`` as its record."""
    return SessionRecord(
        opening=Opening.read(json.loads(row.opening)),
        state=SessionState(row.state),
        token=row.token,
        consenter=row.consenter,
        opened_ms=row.opened_ms,
        until_ms=row.until_ms,
        ended_ms=row.ended_ms,
        ended_by=row.ended_by,
        ended_why=row.ended_why,
        told=tuple(json.loads(row.told)),
        report=_report(connection, row),
        report_digest=row.report_digest,
    )


def report_place(opening: Opening) -> Place:
    """Where the report lies."""
    return _place(opening.tenant, opening.env, opening.session_id)


def session_record(
    opening: Opening,
    at_ms: int,
    *,
    actor: str,
    outcome: str,
    reason: str,
    approvers: tuple[str, ...] = (),
) -> AuditRecord:
    """An audit record about the session itself."""
    return AuditRecord(
        kind="break_glass",
        at_ms=at_ms,
        tenant=opening.tenant,
        env=opening.env,
        actor=actor,
        outcome=outcome,
        run_id=opening.session_id,
        route=ROUTE,
        policy_digest=opening.digest(),
        approvers=approvers,
        reason=reason,
    )


def _report(connection: AsyncConnection, row: Row[Any]) -> Json:
    if row.report is None:
        return None
    found = opened(connection, _place(row.tenant, row.env, row.session_id), row.report)
    return None if found is None else json.loads(found)


def _place(tenant: str, env: str, session_id: str) -> Place:
    return Place(tenant=tenant, env=env, column="openings.report", row=session_id)
