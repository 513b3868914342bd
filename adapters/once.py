"""What counts once: a signed request, by what its signature proves."""

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.schema import clicks


async def first(connection: AsyncConnection, proof: str, at_ms: int) -> bool:
    """Whether it was not seen before; from this transaction on it was."""
    seen = await connection.scalar(select(clicks.c.at_ms).where(clicks.c.proof == proof))
    if seen is None:
        await connection.execute(insert(clicks).values(proof=proof, at_ms=at_ms))
    return seen is None
