"""A breaker's row: asked by who wants to start or write; changed, and told to the audit and to operators."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.alerts import alert_id, raise_alert
from adapters.audit_log import append
from adapters.documents import in_force, read_document
from adapters.schema import breakers
from contracts.alert import Alert, Severity
from contracts.audit import SYSTEM_TENANT, AuditRecord
from contracts.breaker import BreakerRecord, BreakerState
from contracts.tokens import Warrant
from policies.breaker import Passage, fresh, lets
from policies.route import Breaker, Route

BREAKER: Final = ("breaker",)
"""The rule by which an open breaker has writes wait."""


async def read_breakers(connection: AsyncConnection, env: str) -> Mapping[str, BreakerRecord]:
    """By route, those that ever opened or were reset."""
    rows = await connection.execute(select(breakers).where(breakers.c.env == env))
    return {row.route: _record(row) for row in rows}


async def read_breaker(connection: AsyncConnection, env: str, route: str) -> BreakerRecord:
    """The route's, as this transaction sees it."""
    row = (await connection.execute(select(breakers).where(*_key(env, route)))).first()
    return fresh(env, route) if row is None else _record(row)


async def passage(connection: AsyncConnection, run: Warrant, now_ms: int) -> Passage:
    """Whether the route's breaker lets this run start, or write, now.

    Who may try takes the probe in the caller's write transaction, so that there is one.
    """
    record = await read_breaker(connection, run.env, run.route)
    if record.state is BreakerState.CLOSED:
        return Passage()
    breaker = await _breaker(connection, run.env, run.route)
    if breaker is None:
        # Published without one by now: the broker closes it presently.
        return Passage()
    said = lets(record, breaker, run.run_id, now_ms)
    if said.now is not None:
        await _try(connection, said.now)
    return said


async def change(
    connection: AsyncConnection, before: BreakerRecord, after: BreakerRecord, outcome: str, why: str
) -> bool:
    """Write a change down, audited and alerted. False: somebody changed it since, and it stays so."""
    if await read_breaker(connection, before.env, before.route) != before:
        return False
    changed = await connection.execute(
        update(breakers).where(*_key(after.env, after.route)).values(asdict(after))
    )
    if changed.rowcount == 0:
        await connection.execute(insert(breakers).values(asdict(after)))
    await append(connection, _told(after, outcome, why))
    await raise_alert(connection, _alert(after, outcome, why))
    return True


async def _try(connection: AsyncConnection, record: BreakerRecord) -> None:
    """Only what a tool worker may change too."""
    await connection.execute(
        update(breakers)
        .where(*_key(record.env, record.route))
        .values(
            state=record.state,
            probe_run=record.probe_run,
            until_ms=record.until_ms,
            actor=record.actor,
            at_ms=record.at_ms,
        )
    )
    told = _told(record, BreakerState.HALF_OPEN, "this run may try")
    await append(connection, replace(told, run_id=record.probe_run))


async def _breaker(connection: AsyncConnection, env: str, route: str) -> Breaker | None:
    identity = await in_force(connection, env, "route", route)
    return None if identity is None else Route.read(await read_document(connection, identity)).breaker


def _key(env: str, route: str) -> tuple[ColumnElement[bool], ...]:
    return (breakers.c.env == env, breakers.c.route == route)


def _record(row: Row[Any]) -> BreakerRecord:
    return BreakerRecord(**{**row._mapping, "state": BreakerState(row.state)})


def _told(record: BreakerRecord, outcome: str, why: str) -> AuditRecord:
    return AuditRecord(
        kind="breaker",
        at_ms=record.at_ms,
        tenant=SYSTEM_TENANT,
        env=record.env,
        actor=record.actor,
        outcome=outcome,
        route=record.route,
        reason=why,
    )


_LOUDNESS: Final = {"opened": Severity.LOUD, "reopened": Severity.NOTICE}
_MEANING: Final = {
    BreakerState.OPEN: "New runs are refused and writes wait; after a while one run may try.",
    BreakerState.CLOSED: "Runs start and write again.",
}


def _alert(record: BreakerRecord, outcome: str, why: str) -> Alert:
    return Alert(
        alert_id=alert_id(),
        env=record.env,
        severity=_LOUDNESS.get(outcome, Severity.INFO),
        title=f"The circuit breaker of {record.route} was {outcome}",
        lines=(f"{why[:1].upper()}{why[1:].rstrip('.')}.", _MEANING[record.state]),
        actor=record.actor,
        at_ms=record.at_ms,
    )
