"""Alerts' rows: written, with the letter that brings them, in the transaction of what they tell."""

import json
import secrets
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.contents import FORGOTTEN, Place, opened, sealed
from adapters.schema import alerts, outbox
from contracts.alert import Alert, Severity
from contracts.break_glass import Opening
from contracts.errors import Unknown
from contracts.outbox import LetterKind
from contracts.run import RunRecord
from contracts.tokens import Warrant
from policies.break_glass_words import Words


def alert_id() -> str:
    """A new one, such as ``alt_9f2c01ab77e35d10``."""
    return f"alt_{secrets.token_hex(8)}"


async def raise_alert(connection: AsyncConnection, alert: Alert) -> None:
    """Write it down and order its letter in the caller's transaction: what it tells is never done untold."""
    title, lines = alert.title, json.dumps(alert.lines, ensure_ascii=False)
    if alert.tenant is not None:
        title = sealed(connection, _place(alert, alert.tenant, "title"), title)
        lines = sealed(connection, _place(alert, alert.tenant, "lines"), lines)
    row = {
        "alert_id": alert.alert_id,
        "env": alert.env,
        "severity": alert.severity,
        "title": title,
        "lines": lines,
        "actor": alert.actor,
        "at_ms": alert.at_ms,
        "tenant": alert.tenant,
        "whom": alert.whom,
    }
    await connection.execute(insert(alerts).values(row))
    letter = {
        "outbox_id": f"{LetterKind.ALERT}:{alert.alert_id}",
        "kind": LetterKind.ALERT,
        "alert_id": alert.alert_id,
        "next_ms": alert.at_ms,
    }
    await connection.execute(insert(outbox).values(letter))


def session_alert(
    session: Opening | Warrant | RunRecord,
    words: Words,
    at_ms: int,
    *,
    actor: str | None = None,
    whom: str | None = None,
) -> Alert:
    """What is told of break-glass: all of it is loud, and its tenant's content."""
    return Alert(
        alert_id=alert_id(),
        env=session.env,
        severity=Severity.LOUD,
        title=words.title,
        lines=words.lines,
        actor=actor or (session.opener if isinstance(session, Opening) else session.caller),
        at_ms=at_ms,
        tenant=session.tenant,
        whom=whom,
    )


async def read_alert(connection: AsyncConnection, identity: str) -> Alert:
    """The alert with this id; of a forgotten tenant's that there was one. Raises Unknown."""
    row = (await connection.execute(select(alerts).where(alerts.c.alert_id == identity))).first()
    if row is None:
        raise Unknown(f"there is no alert {identity}")
    title: str | None = row.title
    lines: str | None = row.lines
    if row.tenant is not None:
        title = opened(connection, _place(row, row.tenant, "title"), row.title)
        lines = opened(connection, _place(row, row.tenant, "lines"), row.lines)
    return Alert(
        alert_id=row.alert_id,
        env=row.env,
        severity=Severity(row.severity),
        title=f"An alert about {row.tenant}" if title is None else title,
        lines=(FORGOTTEN,) if lines is None else tuple(json.loads(lines)),
        actor=row.actor,
        at_ms=row.at_ms,
        tenant=row.tenant,
        whom=row.whom,
    )


def _place(alert: Alert | Row[Any], tenant: str, column: str) -> Place:
    return Place(tenant=tenant, env=alert.env, column=f"alerts.{column}", row=alert.alert_id)
