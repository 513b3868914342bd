"""The store's transactions, cancelled wherever they are: none stays open."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
from sqlalchemy import delete, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.schema import audit_heads
from adapters.store import Store
from tests.content_keys import HeldKeys

ROUNDS: Final = 60
AT_ONCE: Final = 3
STATEMENTS: Final = 5
"""Each answers with a row, which the driver fetches later: between the two it holds the connection."""
LONGEST_SECONDS: Final = 0.01


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = Store(url, HeldKeys())
    try:
        yield store
    finally:
        await store.close()


async def _emptied(connection: AsyncConnection) -> None:
    await connection.execute(delete(audit_heads))
    for _ in range(STATEMENTS):
        await connection.execute(select(literal(1)))


@pytest.mark.parametrize("times", [1, 2])
async def test_a_cancelled_transaction_ends_and_leaves_the_store_to_others(
    store_url: str, times: int
) -> None:
    """Who is cancelled in a transaction, once or again while it ends, holds neither lock nor connection."""
    chance = random.Random(times)
    kept: list[object] = []
    async with opened(store_url) as store, opened(store_url) as other:
        for _ in range(ROUNDS):
            writers = [asyncio.create_task(store.write(_emptied)) for _ in range(AT_ONCE)]
            for _ in range(times):
                await asyncio.sleep(chance.uniform(0, LONGEST_SECONDS))
                for writer in writers:
                    writer.cancel()
            # Their tracebacks hold what the driver had in use, as a caller's log may.
            kept += await asyncio.gather(*writers, return_exceptions=True)
            async with asyncio.timeout(5):
                await other.write(_emptied)
                await store.write(_emptied)
    assert any(isinstance(end, asyncio.CancelledError) for end in kept)
