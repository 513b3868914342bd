"""The frozen record of an action: written down, and taken back where its target changed."""

from dataclasses import replace

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.about import about
from adapters.action_rows import keeping, read_action
from adapters.audit_log import append
from adapters.claim_rows import in_hand
from adapters.run_rows import touch
from adapters.schema import actions, approvals
from contracts.action import Frozen, Original, Prepared, Undo
from contracts.approval import ApprovalKind
from contracts.audit import AuditRecord
from contracts.break_glass import actor_of
from contracts.keys import action_key, key_hash
from contracts.run import ActionRecord, Outcome, WarrantedRun
from contracts.tokens import Warrant
from contracts.tool import ToolSpec, pointed


async def freeze(
    connection: AsyncConnection,
    run: WarrantedRun,
    action: ActionRecord,
    spec: ToolSpec,
    prepared: Prepared,
    *,
    undo: Undo | None,
    undoes: Original | None,
) -> Frozen:
    """Assign the ordinal and write the frozen record down; again gives the same record."""
    current = await read_action(connection, run.warrant.run_id, action.action_id)
    if current.frozen is not None:
        return Frozen.read(current.frozen)
    target = pointed(action.arguments, spec.target or "")
    ordinal = await _ordinal(connection, action, target)
    frozen = replace(
        _frozen(run, action, spec, prepared, target, ordinal),
        undo=undo,
        undoes=undoes,
        repeats=await _repeats(connection, action),
        revision=1 + await _asked(connection, action),
    )
    own = keeping(connection, run.warrant, action.action_id)
    await connection.execute(
        update(actions)
        .where(actions.c.action_id == action.action_id)
        .values(
            target=target,
            ordinal=ordinal,
            frozen=own("frozen", frozen.frozen_bytes().decode()),
            action_digest=frozen.digest(),
            idempotency_key=frozen.idempotency_key,
            key_hash=frozen.key_hash,
        )
    )
    await touch(connection, action.run_id)
    return frozen


async def thaw(connection: AsyncConnection, run: Warrant, frozen: Frozen, sentence: str, now_ms: int) -> None:
    """Take this frozen record back: what was approved of it is void. Number and key stay the action's.

    Nothing, where it was frozen anew since, with an approval of its own, or where it may have been sent.
    """
    action_id = frozen.action_id
    action = await read_action(connection, run.run_id, action_id)
    if action.action_digest != frozen.digest() or action.outcome is not None:
        return
    if await in_hand(connection, action.key_hash):
        return
    await connection.execute(
        update(actions)
        .where(actions.c.action_id == action_id)
        .values(frozen=None, seal=None, action_digest=None, approval_id=None)
    )
    await touch(connection, run.run_id)
    record = AuditRecord(
        **about(run, action),
        kind="approval",
        at_ms=now_ms,
        actor=actor_of(run),
        outcome="changed",
        reason=sentence,
    )
    await append(connection, record)


async def _ordinal(connection: AsyncConnection, action: ActionRecord, target: str) -> int:
    """Which action on this tool and target it is; one that is frozen again keeps number and key."""
    kept = await connection.scalar(select(actions.c.ordinal).where(actions.c.action_id == action.action_id))
    if kept is not None:
        return int(kept)
    last = await connection.scalar(
        select(func.max(actions.c.ordinal)).where(
            actions.c.run_id == action.run_id, actions.c.tool == action.tool, actions.c.target == target
        )
    )
    return 1 + (last or 0)


async def _repeats(connection: AsyncConnection, action: ActionRecord) -> int:
    """How many equal writes of the run had their effect, or may have had it."""
    count = await connection.scalar(
        select(func.count())
        .select_from(actions)
        .where(actions.c.run_id == action.run_id, actions.c.action_id != action.action_id)
        .where(actions.c.tool == action.tool, actions.c.arguments_digest == action.arguments_digest)
        .where(actions.c.outcome.in_((Outcome.SUCCEEDED, Outcome.UNKNOWN)))
    )
    return count or 0


async def _asked(connection: AsyncConnection, action: ActionRecord) -> int:
    """How often people were asked about the action as it was frozen before."""
    count = await connection.scalar(
        select(func.count())
        .select_from(approvals)
        .where(approvals.c.action_id == action.action_id, approvals.c.kind == ApprovalKind.ACTION)
    )
    return count or 0


def _frozen(
    run: WarrantedRun, action: ActionRecord, spec: ToolSpec, prepared: Prepared, target: str, ordinal: int
) -> Frozen:
    warrant = run.warrant
    return Frozen(
        action_id=action.action_id,
        run_id=warrant.run_id,
        request_id=warrant.request_id,
        tenant=warrant.tenant,
        env=warrant.env,
        route=warrant.route,
        policy_digest=warrant.policy_digest,
        catalogue_digest=warrant.catalogue_digest,
        tool=spec.name,
        tool_version=spec.version,
        address=spec.address,
        effect=spec.effect,
        credential=spec.credential,
        arguments=action.arguments,
        target=target,
        target_version=prepared.version,
        idempotency_key=action_key(
            request=warrant.request_id, tool=spec.name, target=target, ordinal=ordinal
        ),
        key_hash=key_hash(
            tenant=warrant.tenant,
            env=warrant.env,
            request=warrant.request_id,
            tool=spec.name,
            target=target,
            ordinal=ordinal,
        ),
        ordinal=ordinal,
        preview=prepared.preview,
        caller=warrant.caller,
        on_behalf_of=warrant.on_behalf_of,
        delegation=warrant.delegation,
        words=action.words,
    )
