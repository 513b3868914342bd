"""What the audit is told of a change of keys: the reason stays readable, whatever becomes of the keys."""

from adapters.audit_log import StoreAuditLog
from adapters.store import Store
from contracts.audit import SYSTEM_TENANT, AuditRecord
from contracts.ports import Clock


async def say(
    store: Store, clock: Clock, *, env: str, actor: str, outcome: str, tenant: str | None, reason: str
) -> None:
    """One record, in the tenant's chain; in the system's where it is about no tenant."""
    record = AuditRecord(
        kind="keys",
        at_ms=clock.now_ms(),
        tenant=tenant or SYSTEM_TENANT,
        env=env,
        actor=actor,
        outcome=outcome,
        reason=reason,
    )
    await StoreAuditLog(store).append(record)
