"""An action's row: read with what its run knows of it, and its content kept and opened."""

import json
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.bare import bare
from adapters.contents import FORGOTTEN, Place, opened, sealed
from adapters.schema import actions, runs
from contracts.digest import Json
from contracts.errors import Unknown
from contracts.run import ActionRecord, Outcome, RunRecord
from contracts.tokens import Warrant

WITH_RUN: Final = select(
    actions,
    *(runs.c.request_id, runs.c.caller, runs.c.on_behalf_of, runs.c.policy_digest, runs.c.catalogue_digest),
    *(runs.c.budget, runs.c.steps, runs.c.spent_ms, runs.c.spent_usd, runs.c.denials),
).join(runs, runs.c.run_id == actions.c.run_id)
"""Actions with what their runs know of them, should their own content be forgotten."""


async def read_action(connection: AsyncConnection, run_id: str, action_id: str) -> ActionRecord:
    """The action as this transaction sees it. Raises Unknown where this run has none such."""
    row = (
        await connection.execute(WITH_RUN.where(actions.c.action_id == action_id, actions.c.run_id == run_id))
    ).first()
    if row is None:
        raise Unknown(f"run {run_id} has no action {action_id}")
    return record(connection, row)


async def read_actions(connection: AsyncConnection, run_id: str) -> tuple[ActionRecord, ...]:
    """All actions of a run, in the order of their proposal, as this transaction sees them."""
    statement = WITH_RUN.where(actions.c.run_id == run_id).order_by(actions.c.step, actions.c.place)
    return tuple([record(connection, row) for row in await connection.execute(statement)])


async def artifacts_of(connection: AsyncConnection, run_id: str) -> list[Json]:
    """What the run's actions made, in the order of their proposal, each with the action that made it.

    Forgotten ones are left out.
    """
    rows = await connection.execute(
        select(actions)
        .where(actions.c.run_id == run_id, actions.c.artifact.is_not(None))
        .order_by(actions.c.step, actions.c.place)
    )
    found = [(row, _own(connection, row, "artifact")) for row in rows.all()]
    return [
        {**json.loads(text), "action": {"step": row.step, "tool": row.tool}}
        for row, text in found
        if text is not None
    ]


def keeping(
    connection: AsyncConnection, run: Warrant | RunRecord, action_id: str
) -> Callable[[str, str], str]:
    """What the action's row keeps of a text in one of its columns."""

    def keep_own(column: str, text: str) -> str:
        return sealed(connection, _place(run, action_id, column), text)

    return keep_own


def _place(owner: Warrant | RunRecord | Row[Any], action_id: str, column: str) -> Place:
    return Place(tenant=owner.tenant, env=owner.env, column=f"actions.{column}", row=action_id)


def _own(connection: AsyncConnection, row: Row[Any], column: str) -> str | None:
    """What a column of an action's row holds; None: it is forgotten."""
    return opened(connection, _place(row, row.action_id, column), row._mapping[column])


def arguments_of(connection: AsyncConnection, row: Row[Any]) -> dict[str, Any]:
    """The arguments of an action's row; none where they are forgotten."""
    return kept_arguments(connection, row) or {}


def kept_arguments(connection: AsyncConnection, row: Row[Any]) -> dict[str, Any] | None:
    """The arguments of an action's row; None: they are forgotten."""
    found = _own(connection, row, "arguments")
    return None if found is None else dict(json.loads(found))


def text_of(connection: AsyncConnection, row: Row[Any], column: str) -> str:
    """What a column of an action's row says, for people."""
    found = _own(connection, row, column)
    return FORGOTTEN if found is None else found


def frozen_of(connection: AsyncConnection, row: Row[Any]) -> Json:
    """The frozen record of a row of ``WITH_RUN``, or what is known of a forgotten one; None: not frozen."""
    if row.frozen is None:
        return None
    found = _own(connection, row, "frozen")
    return bare(row, FORGOTTEN) if found is None else json.loads(found)


def record(connection: AsyncConnection, row: Row[Any]) -> ActionRecord:
    """A row of ``WITH_RUN`` as its record."""
    reasons, arguments = _own(connection, row, "reasons"), _own(connection, row, "arguments")
    return ActionRecord(
        action_id=row.action_id,
        run_id=row.run_id,
        step=row.step,
        place=row.place,
        tool=row.tool,
        effect=row.effect,
        decision=row.decision,
        reasons=[{"rule": "", "text": FORGOTTEN}] if reasons is None else json.loads(reasons),
        approvals=row.approvals,
        arguments=None if arguments is None else json.loads(arguments),
        arguments_digest=row.arguments_digest,
        words=text_of(connection, row, "words"),
        call_id=row.call_id,
        frozen=frozen_of(connection, row),
        seal=row.seal,
        action_digest=row.action_digest,
        idempotency_key=row.idempotency_key,
        key_hash=row.key_hash,
        approval_id=row.approval_id,
        reconciliation_id=row.reconciliation_id,
        attempts=row.attempts,
        outcome=Outcome(row.outcome) if row.outcome else None,
        outcome_text=text_of(connection, row, "outcome_text"),
        duration_ms=row.duration_ms,
        created_ms=row.created_ms,
    )
