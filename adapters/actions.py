"""The actions' rows: from proposal over the frozen record to the outcome."""

from dataclasses import replace

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.about import about
from adapters.action_rows import keeping, read_action, read_actions
from adapters.audit_log import append
from adapters.claim_rows import in_hand
from adapters.messages import following, keep
from adapters.run_rows import carry_on, touch
from adapters.schema import actions, approvals, runs
from adapters.store import Store
from adapters.undos import undos_of
from contracts.action import Frozen, Original, Prepared, Undo
from contracts.approval import ApprovalKind
from contracts.audit import AuditRecord
from contracts.digest import canonical
from contracts.errors import PermissionRefused, Unavailable
from contracts.keys import action_key, key_hash
from contracts.ports import Clock, Conclusion
from contracts.run import ARTIFACTS, ActionRecord, Outcome, RunRecord, UndoRecord, WarrantedRun
from contracts.tokens import Warrant
from contracts.tool import ToolSpec, pointed
from contracts.transcript import Role


class StoreActions:
    """Implements ``contracts.ports.Actions`` and the gateway's reading of them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def get(self, run: WarrantedRun, action_id: str) -> ActionRecord:
        """Raises PermissionRefused where it was forgotten: what nobody can read is not carried out."""
        action = await self._store.look(
            lambda connection: read_action(connection, run.warrant.run_id, action_id)
        )
        if action.arguments is None:
            raise PermissionRefused(
                f"the content of {run.warrant.tenant} was forgotten, so nothing acts on it"
            )
        return action

    async def of_run(self, run_id: str) -> tuple[ActionRecord, ...]:
        """All actions of a run in the order of their proposal."""
        return await self._store.look(lambda connection: read_actions(connection, run_id))

    async def thaw(self, run: WarrantedRun, frozen: Frozen, sentence: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            await thaw(connection, run.warrant, frozen, sentence, self._clock.now_ms())

        await self._store.write(work)

    async def undos(self, run_id: str) -> tuple[UndoRecord, ...]:
        """Every undo of an action of this run that was begun, oldest first."""
        async with self._store.read() as connection:
            return await undos_of(connection, actions.c.run_id == run_id)

    async def freeze(
        self,
        run: WarrantedRun,
        action: ActionRecord,
        spec: ToolSpec,
        prepared: Prepared,
        *,
        undo: Undo | None = None,
        undoes: Original | None = None,
    ) -> Frozen:
        async def work(connection: AsyncConnection) -> Frozen:
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
            await connection.execute(
                update(actions)
                .where(actions.c.action_id == action.action_id)
                .values(
                    target=target,
                    ordinal=ordinal,
                    frozen=keeping(connection, run.warrant, action.action_id)(
                        "frozen", frozen.frozen_bytes().decode()
                    ),
                    action_digest=frozen.digest(),
                    idempotency_key=frozen.idempotency_key,
                    key_hash=frozen.key_hash,
                )
            )
            await touch(connection, action.run_id)
            return frozen

        return await self._store.write(work)

    async def seal(self, run: WarrantedRun, frozen: Frozen, seal: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(
                update(actions)
                .where(actions.c.action_id == frozen.action_id, actions.c.run_id == run.warrant.run_id)
                .values(seal=seal)
            )

        await self._store.write(work)

    async def conclude(self, run: WarrantedRun, action_id: str, conclusion: Conclusion) -> ActionRecord:
        async def work(connection: AsyncConnection) -> ActionRecord:
            action = await read_action(connection, run.warrant.run_id, action_id)
            if action.outcome is Outcome.UNKNOWN:
                return action
            if await in_hand(connection, action.key_hash):
                raise Unavailable("another attempt has this write in hand; how that ends is what counts")
            return await conclude(connection, run.warrant, action_id, conclusion, self._clock.now_ms())

        return await self._store.write(work)


async def conclude(
    connection: AsyncConnection,
    run: Warrant | RunRecord,
    action_id: str,
    conclusion: Conclusion,
    now_ms: int,
) -> ActionRecord:
    """Outcome, transcript, spend and audit within the caller's transaction.

    The first conclusion wins, but for an unknown outcome: the model is not told of it, and it is concluded
    once more when it is known.
    """
    run_id = run.run_id
    action = await read_action(connection, run_id, action_id)
    if action.outcome not in (None, Outcome.UNKNOWN) or action.outcome is conclusion.outcome:
        return action
    if conclusion.artifact is not None and await _made(connection, run_id) >= ARTIFACTS:
        text = f"this run has made {ARTIFACTS} artifacts, which is the most that a run makes"
        conclusion = replace(conclusion, outcome=Outcome.FAILED, content=text, text=text, artifact=None)
    own = keeping(connection, run, action_id)
    artifact = conclusion.artifact
    await connection.execute(
        update(actions)
        .where(actions.c.action_id == action_id)
        .values(
            outcome=conclusion.outcome,
            outcome_text=own("outcome_text", conclusion.text),
            duration_ms=actions.c.duration_ms + conclusion.duration_ms,
            attempts=conclusion.attempts,
            artifact=None if artifact is None else own("artifact", canonical(artifact).decode()),
        )
    )
    if conclusion.outcome is not Outcome.UNKNOWN:
        await say(connection, run, action, conclusion.outcome, conclusion.content)
    await carry_on(connection, run_id, now_ms, spent_ms=runs.c.spent_ms + conclusion.duration_ms)
    await connection.execute(
        update(approvals).where(approvals.c.action_id == action_id).values(version=approvals.c.version + 1)
    )
    await append(connection, result_record(run, action, conclusion, now_ms))
    return await read_action(connection, run_id, action_id)


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
        **about(run, action), kind="approval", at_ms=now_ms, actor="run", outcome="changed", reason=sentence
    )
    await append(connection, record)


async def _made(connection: AsyncConnection, run_id: str) -> int:
    """Artifacts of the run so far."""
    count = await connection.scalar(
        select(func.count())
        .select_from(actions)
        .where(actions.c.run_id == run_id, actions.c.artifact.is_not(None))
    )
    return count or 0


async def say(
    connection: AsyncConnection,
    run: Warrant | RunRecord,
    action: ActionRecord,
    outcome: Outcome,
    content: str,
) -> None:
    """Append an action's result to the transcript."""
    said = {"tool": action.tool, "call_id": action.call_id, "outcome": outcome, "content": content}
    seq = await following(connection, run.run_id)
    await keep(connection, run, seq, Role.TOOL, said, action.action_id)


def result_record(
    run: Warrant | RunRecord, action: ActionRecord, conclusion: Conclusion, now_ms: int
) -> AuditRecord:
    """The audit record of how an action ended."""
    return AuditRecord(
        **about(run, action),
        kind="result",
        at_ms=now_ms,
        actor="run",
        outcome=conclusion.outcome,
        credential_scope=conclusion.credential_scope,
        reason=conclusion.text,
        duration_ms=conclusion.duration_ms,
    )


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
        words=action.words,
    )
