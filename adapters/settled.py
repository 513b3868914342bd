"""When the acts of a break-glass session were settled, by the ledger's claims."""

from collections.abc import Mapping

from sqlalchemy import select

from adapters.schema import claims
from adapters.store import Store


class StoreSettled:
    """Implements ``contracts.break_glass_ports.Settled``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def times(self, session_id: str) -> Mapping[str, int]:
        wanted = select(claims.c.action_id, claims.c.settled_ms).where(
            claims.c.run_id == session_id, claims.c.settled_ms.is_not(None)
        )
        async with self._store.read() as connection:
            return {row.action_id: row.settled_ms for row in await connection.execute(wanted)}
