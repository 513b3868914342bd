"""Alerts' rows: written, with the letter that brings them, in the transaction of what they tell."""

import json
import secrets

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.schema import alerts, outbox
from contracts.alert import Alert, Severity
from contracts.errors import Unknown
from contracts.outbox import LetterKind


def alert_id() -> str:
    """A new one, such as ``alt_9f2c01ab77e35d10``."""
    return f"alt_{secrets.token_hex(8)}"


async def raise_alert(connection: AsyncConnection, alert: Alert) -> None:
    """Write it down and order its letter in the caller's transaction: what it tells is never done untold."""
    row = {
        "alert_id": alert.alert_id,
        "env": alert.env,
        "severity": alert.severity,
        "title": alert.title,
        "lines": json.dumps(alert.lines, ensure_ascii=False),
        "actor": alert.actor,
        "at_ms": alert.at_ms,
    }
    await connection.execute(insert(alerts).values(row))
    letter = {
        "outbox_id": f"{LetterKind.ALERT}:{alert.alert_id}",
        "kind": LetterKind.ALERT,
        "alert_id": alert.alert_id,
        "next_ms": alert.at_ms,
    }
    await connection.execute(insert(outbox).values(letter))


async def read_alert(connection: AsyncConnection, identity: str) -> Alert:
    """The alert with this id. Raises Unknown."""
    row = (await connection.execute(select(alerts).where(alerts.c.alert_id == identity))).first()
    if row is None:
        raise Unknown(f"there is no alert {identity}")
    return Alert(
        alert_id=row.alert_id,
        env=row.env,
        severity=Severity(row.severity),
        title=row.title,
        lines=tuple(json.loads(row.lines)),
        actor=row.actor,
        at_ms=row.at_ms,
    )
