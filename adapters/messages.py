"""The transcripts' rows: what was said in a run, in its order."""

import json
from typing import Any

from sqlalchemy import Row, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.contents import Place, opened, sealed
from adapters.schema import messages
from contracts.digest import Json, canonical
from contracts.run import RunRecord
from contracts.tokens import Warrant
from contracts.transcript import Role


def _place(run: Warrant | RunRecord | Row[Any], seq: int) -> Place:
    return Place(tenant=run.tenant, env=run.env, column="messages.body", row=f"{run.run_id}/{seq}")


async def following(connection: AsyncConnection, run_id: str) -> int:
    """The place of the run's next message."""
    last = await connection.scalar(select(func.max(messages.c.seq)).where(messages.c.run_id == run_id))
    return (last or 0) + 1


async def keep(
    connection: AsyncConnection,
    run: Warrant | RunRecord,
    seq: int,
    role: Role,
    body: Json,
    action_id: str | None = None,
) -> None:
    """Write one message down, in its place among those of the run."""
    text = sealed(connection, _place(run, seq), canonical(body).decode())
    await connection.execute(
        insert(messages).values(run_id=run.run_id, seq=seq, role=role, action_id=action_id, body=text)
    )


def body(connection: AsyncConnection, run: Warrant | RunRecord | Row[Any], seq: int, stored: str) -> Json:
    """What was said; None: it is forgotten."""
    found = opened(connection, _place(run, seq), stored)
    return None if found is None else json.loads(found)
