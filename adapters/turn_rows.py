"""The turns' rows: what each step of the model came to, as the workflow was told."""

import json
from dataclasses import asdict

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.contents import Place, opened, sealed
from adapters.schema import turns
from contracts.digest import canonical
from contracts.errors import PermissionRefused
from contracts.run import RunRecord
from contracts.tokens import Warrant
from contracts.wire import Proposal, Turn


async def keep_turn(connection: AsyncConnection, run: Warrant, turn: Turn) -> None:
    kept = sealed(connection, _kept_at(run, turn.step), canonical(asdict(turn)).decode())
    await connection.execute(insert(turns).values(run_id=run.run_id, step=turn.step, body=kept))


async def read_turn(connection: AsyncConnection, run: Warrant, step: int) -> Turn | None:
    """The turn of this step, if it was recorded. Raises PermissionRefused where it was, and is forgotten."""
    kept = await connection.scalar(
        select(turns.c.body).where(turns.c.run_id == run.run_id, turns.c.step == step)
    )
    if kept is None:
        return None
    found = opened(connection, _kept_at(run, step), kept)
    if found is None:
        raise no_further(run)
    return _turn(found)


async def last_turn(connection: AsyncConnection, run: Warrant | RunRecord) -> Turn | None:
    """The run's latest turn; None where there is none, or it is forgotten."""
    rows = await connection.execute(
        select(turns.c.step, turns.c.body)
        .where(turns.c.run_id == run.run_id)
        .order_by(turns.c.step.desc())
        .limit(1)
    )
    row = rows.first()
    found = None if row is None else opened(connection, _kept_at(run, row.step), row.body)
    return None if found is None else _turn(found)


def no_further(run: Warrant) -> PermissionRefused:
    return PermissionRefused(f"the content of {run.tenant} was forgotten, so its runs go no further")


def _kept_at(run: Warrant | RunRecord, step: int) -> Place:
    return Place(tenant=run.tenant, env=run.env, column="turns.body", row=f"{run.run_id}/{step}")


def _turn(text: str) -> Turn:
    document = json.loads(text)
    calls = tuple(Proposal(**{**call, "rules": tuple(call["rules"])}) for call in document["calls"])
    return Turn(**{**document, "calls": calls, "rules": tuple(document.get("rules", ()))})
