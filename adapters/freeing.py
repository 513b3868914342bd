"""Claims that surely had no effect: their key is free, and their action has failed or is prepared anew."""

from typing import Any

from sqlalchemy import Row, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.actions import conclude
from adapters.claim_rows import kept
from adapters.freezing import thaw
from adapters.schema import claims
from contracts.ledger import Claim, ClaimRequest, Conclusion
from contracts.run import ActionRecord, Outcome


async def fail(
    connection: AsyncConnection, request: ClaimRequest, row: Row[Any], why: Claim, now: int
) -> Claim:
    """Claimed, and denied before anything left: it failed, and the key is nobody's any more."""
    text = why.sentence
    failed = Conclusion(outcome=Outcome.FAILED, content=text, text=text, duration_ms=0, rules=why.rules)
    await connection.execute(
        update(claims)
        .where(claims.c.key_hash == row.key_hash)
        .values(
            state=Outcome.FAILED, fence=row.fence + 1, settled_ms=now, result=kept(connection, row, failed)
        )
    )
    await conclude(connection, request.run.warrant, request.frozen.action_id, failed, now)
    return Claim(say="stored", fence=row.fence + 1, again=True, stored=failed)


async def take_back(
    connection: AsyncConnection, request: ClaimRequest, fence: int, sentence: str, now: int
) -> bool:
    """Its key is free, and its action open. False: the claim is the caller's no more."""
    failed = Conclusion(outcome=Outcome.FAILED, content=sentence, text=sentence, duration_ms=0)
    freed = await connection.execute(
        update(claims)
        .where(claims.c.key_hash == request.frozen.key_hash)
        .where(claims.c.state == "claimed", claims.c.fence == fence)
        .values(state=Outcome.FAILED, settled_ms=now, result=kept(connection, request.frozen, failed))
    )
    if freed.rowcount == 1:
        await thaw(connection, request.run.warrant, request.frozen, sentence, now)
    return freed.rowcount == 1


def taken_back(row: Row[Any], action: ActionRecord) -> bool:
    """Whether an action goes on whose claim had no effect: prepared anew, it may be of the same bytes."""
    same = row.action_digest == action.action_digest
    return row.state == Outcome.FAILED and (action.outcome is None or not same)
