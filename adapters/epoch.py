"""The store's epoch: what was approved or claimed before a restore from backup counts no more."""

import secrets

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.schema import epochs


async def current(connection: AsyncConnection) -> str:
    """The epoch as this transaction sees it; the first one has no name."""
    return await connection.scalar(select(epochs.c.name).order_by(epochs.c.place.desc()).limit(1)) or ""


async def begin(connection: AsyncConnection, actor: str, now_ms: int) -> None:
    """Begin a new epoch, in which no grant or claim of an older one counts."""
    last = await connection.scalar(select(epochs.c.place).order_by(epochs.c.place.desc()).limit(1)) or 0
    await connection.execute(
        insert(epochs).values(place=last + 1, name=f"ep_{secrets.token_hex(8)}", actor=actor, at_ms=now_ms)
    )
