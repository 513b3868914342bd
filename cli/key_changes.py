"""What the audit is told of a change of keys."""

from dataclasses import dataclass

from adapters.audit_log import StoreAuditLog
from adapters.clock import SystemClock
from adapters.contents import NoContents
from adapters.store import Store
from cli.state import State
from contracts.audit import SYSTEM_TENANT, AuditRecord
from contracts.errors import Malformed


@dataclass(frozen=True, kw_only=True)
class Told:
    """Writes changes of keys into the audit log."""

    state: State
    env: str
    actor: str

    async def say(self, outcome: str, tenant: str | None, reason: str) -> None:
        """One record, in the tenant's chain; in the system's where it is about no tenant."""
        record = AuditRecord(
            kind="keys",
            at_ms=SystemClock().now_ms(),
            tenant=tenant or SYSTEM_TENANT,
            env=self.env,
            actor=self.actor,
            outcome=outcome,
            reason=reason,
        )
        store = Store(self.state.store_url, NoContents())
        try:
            await StoreAuditLog(store).append(record)
        finally:
            await store.close()


def named_operator(name: str) -> str:
    """Raises Malformed where it is no operator's."""
    if not name.startswith("op:"):
        raise Malformed("--as names an operator, such as op:ada")
    return name
