"""Which run undoes which actions: written down with the run, so that no action is undone twice."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.schema import actions, runs, undos
from contracts.errors import Undone
from contracts.run import Outcome, RunState, UndoRecord
from contracts.tokens import Undoes, Warrant


async def begin(connection: AsyncConnection, warrant: Warrant) -> None:
    """Write down what an undo run undoes, with the run itself; nothing of any other run.

    Raises:
        Undone: an undo of one of them stands.
    """
    if warrant.undoes is None:
        return
    await _check(connection, warrant.undoes)
    for place, action_id in enumerate(warrant.undoes.actions):
        await connection.execute(
            insert(undos).values(
                run_id=warrant.run_id,
                place=place,
                action_id=action_id,
                by_action=f"{warrant.run_id}.1.{place}",
            )
        )


async def undos_of(connection: AsyncConnection, which: ColumnElement[bool]) -> tuple[UndoRecord, ...]:
    """Every undo of these actions that was begun, oldest first, as this transaction sees it."""
    undoing = actions.alias()
    statement = (
        select(undos.c.action_id, undos.c.run_id, runs.c.state, undoing.c.outcome)
        .join(actions, actions.c.action_id == undos.c.action_id)
        .join(runs, runs.c.run_id == undos.c.run_id)
        .join(
            undoing,
            and_(undoing.c.action_id == undos.c.by_action, undoing.c.run_id == undos.c.run_id),
            isouter=True,
        )
        .where(which)
        .order_by(runs.c.created_ms, runs.c.run_id)
    )
    return tuple(
        UndoRecord(
            action_id=row.action_id,
            run_id=row.run_id,
            state=RunState(row.state),
            outcome=Outcome(row.outcome) if row.outcome else None,
        )
        for row in await connection.execute(statement)
    )


async def _check(connection: AsyncConnection, undoes: Undoes) -> None:
    begun: Sequence[UndoRecord] = await undos_of(connection, actions.c.action_id.in_(undoes.actions))
    if standing := next((one for one in begun if one.stands), None):
        raise Undone(f"run {standing.run_id} undoes this already; look at what came of it")
