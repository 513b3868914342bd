"""What the audit is told of a change of keys."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.audit_log import append
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
        """One record in the system's chain with the reason, and one without it in the tenant's own.

        The tenant's own reasons are closed by the key that this is about.
        """
        at_ms = SystemClock().now_ms()

        def record(chain: str, words: str) -> AuditRecord:
            return AuditRecord(
                kind="keys",
                at_ms=at_ms,
                tenant=chain,
                env=self.env,
                actor=self.actor,
                outcome=outcome,
                reason=words,
            )

        async def work(connection: AsyncConnection) -> None:
            await append(connection, record(SYSTEM_TENANT, f"{tenant or 'payload'}: {reason}"))
            if tenant is not None:
                await append(connection, record(tenant, ""))

        store = Store(self.state.store_url, NoContents())
        try:
            await store.write(work)
        finally:
            await store.close()


def named_operator(name: str) -> str:
    """Raises Malformed where it is no operator's."""
    if not name.startswith("op:"):
        raise Malformed("--as names an operator, such as op:ada")
    return name
