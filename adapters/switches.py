"""Kill switches: set by people with a reason, checked in the claim's transaction."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters import once
from adapters.alerts import alert_id, raise_alert
from adapters.audit_log import append
from adapters.schema import switches
from adapters.store import Store
from contracts.alert import Alert, Severity
from contracts.audit import SYSTEM_TENANT, AuditRecord
from contracts.errors import Halted
from contracts.ports import Clock
from policies.times import moment


@dataclass(frozen=True, kw_only=True)
class Switch:
    """One kill switch."""

    #: ``all``, ``tool:NAME``, ``tenant:NAME`` or ``route:NAME``.
    scope: str
    stopped: bool
    reason: str
    actor: str
    at_ms: int
    #: When it last stopped anything; approvals given up to then are void once it is lifted.
    stopped_ms: int | None
    #: When it lifts itself; None: by hand only.
    until_ms: int | None

    def holds(self, now_ms: int) -> bool:
        return self.stopped and (self.until_ms is None or now_ms < self.until_ms)

    def ended(self, now_ms: int) -> bool:
        """Whether it lifted itself."""
        return self.stopped and not self.holds(now_ms)

    @property
    def rules(self) -> tuple[str, ...]:
        """How the audit names it."""
        return (f"switch:{self.scope}",)

    def sentence(self) -> str:
        return f"{self.scope} is stopped by {self.actor}: {self.reason}"


def scopes(*, tenant: str, route: str, tool: str | None) -> tuple[str, ...]:
    """The scopes whose switches stop this call."""
    wide = ("all", f"tenant:{tenant}", f"route:{route}")
    return wide if tool is None else (*wide, f"tool:{tool}")


async def relevant(
    connection: AsyncConnection, *, env: str, tenant: str, route: str, tool: str | None
) -> tuple[Switch, ...]:
    """The switches of this call's scopes, stopped or lifted, as this transaction sees them."""
    statement = select(switches).where(
        switches.c.env == env, switches.c.scope.in_(scopes(tenant=tenant, route=route, tool=tool))
    )
    return tuple(read_switch(row) for row in await connection.execute(statement))


class StoreSwitches:
    """Implements ``contracts.ports.Switches`` and the operators' side of them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def holding(self, *, env: str, tenant: str, route: str, tool: str | None) -> Halted | None:
        async with self._store.read() as connection:
            found = await relevant(connection, env=env, tenant=tenant, route=route, tool=tool)
        now = self._clock.now_ms()
        return next((Halted(one.sentence(), one.rules) for one in found if one.holds(now)), None)

    async def list(self, env: str) -> tuple[Switch, ...]:
        statement = select(switches).where(switches.c.env == env).order_by(switches.c.scope)
        async with self._store.read() as connection:
            return tuple(read_switch(row) for row in await connection.execute(statement))

    async def set(
        self, *, env: str, scope: str, stopped: bool, reason: str, actor: str, until_ms: int | None
    ) -> Switch:
        """Stop or resume a scope: audited in its tenant's chain or the system's, and announced."""

        async def work(connection: AsyncConnection) -> Switch:
            now = self._clock.now_ms()
            key = (switches.c.env == env) & (switches.c.scope == scope)
            row = (await connection.execute(select(switches).where(key))).first()
            before = None if row is None else read_switch(row)
            last_stop = None if before is None else before.stopped_ms
            switch = Switch(
                scope=scope,
                stopped=stopped,
                reason=reason,
                actor=actor,
                at_ms=now,
                stopped_ms=now if stopped else last_stop,
                until_ms=_later(before, until_ms, now) if stopped else None,
            )
            await connection.execute(delete(switches).where(key))
            await connection.execute(
                insert(switches).values(
                    env=env,
                    scope=scope,
                    stopped=stopped,
                    reason=reason,
                    actor=actor,
                    at_ms=now,
                    stopped_ms=switch.stopped_ms,
                    until_ms=switch.until_ms,
                )
            )
            await append(connection, _record(env, switch))
            await raise_alert(connection, _alert(env, switch))
            return switch

        return await self._store.write(work)

    async def first(self, proof: str) -> bool:
        return await self._store.write(lambda connection: once.first(connection, proof, self._clock.now_ms()))

    async def refuse(self, *, env: str, scope: str, actor: str, refusal: str, reason: str) -> None:
        """In the system's chain: who is refused does not choose whose log it stands in."""
        record = AuditRecord(
            kind="switch",
            at_ms=self._clock.now_ms(),
            tenant=SYSTEM_TENANT,
            env=env,
            actor=actor,
            outcome=f"refused:{refusal}",
            reason=f"{scope}: {reason}" if scope else reason,
        )
        await self._store.write(lambda connection: append(connection, record))


def _later(before: Switch | None, until_ms: int | None, now_ms: int) -> int | None:
    """When a stop ends: one that holds is not cut short by another, but lifted by somebody who says so."""
    if before is None or not before.holds(now_ms):
        return until_ms
    return None if until_ms is None or before.until_ms is None else max(until_ms, before.until_ms)


def read_switch(row: Row[Any]) -> Switch:
    return Switch(
        scope=row.scope,
        stopped=row.stopped,
        reason=row.reason,
        actor=row.actor,
        at_ms=row.at_ms,
        stopped_ms=row.stopped_ms,
        until_ms=row.until_ms,
    )


def _record(env: str, switch: Switch) -> AuditRecord:
    kind, _, name = switch.scope.partition(":")
    return AuditRecord(
        kind="switch",
        at_ms=switch.at_ms,
        tenant=name if kind == "tenant" else SYSTEM_TENANT,
        env=env,
        actor=switch.actor,
        outcome="stopped" if switch.stopped else "resumed",
        tool=name if kind == "tool" else None,
        route=name if kind == "route" else None,
        reason=f"{switch.scope}: {switch.reason}",
    )


def _alert(env: str, switch: Switch) -> Alert:
    """Loudest where everything stands still; a lift is news, and no alarm."""
    loud = Severity.LOUD if switch.scope == "all" else Severity.NOTICE
    until = () if switch.until_ms is None else (f"It lifts itself on {moment(switch.until_ms)}.",)
    return Alert(
        alert_id=alert_id(),
        env=env,
        severity=loud if switch.stopped else Severity.INFO,
        title=f"{switch.scope} is {'stopped' if switch.stopped else 'resumed'}",
        lines=(switch.reason, *until),
        actor=switch.actor,
        at_ms=switch.at_ms,
    )
