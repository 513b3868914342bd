"""The actions' rows: from proposal over the frozen record to the outcome."""

from dataclasses import replace

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.about import about
from adapters.action_rows import keeping, read_action, read_actions
from adapters.alerts import raise_alert, session_alert
from adapters.audit_log import append
from adapters.claim_rows import in_hand
from adapters.freezing import freeze, thaw
from adapters.messages import following, keep
from adapters.notices import order_notice
from adapters.run_rows import carry_on
from adapters.schema import actions, approvals, runs
from adapters.store import Store
from adapters.undos import undos_of
from contracts.action import Frozen, Original, Prepared, Undo
from contracts.audit import AuditRecord
from contracts.break_glass import actor_of, is_session
from contracts.digest import canonical
from contracts.errors import PermissionRefused, Unavailable, Unknown
from contracts.ledger import Conclusion
from contracts.ports import Clock
from contracts.run import ARTIFACTS, ActionRecord, Outcome, RunRecord, UndoRecord, WarrantedRun
from contracts.tokens import Warrant
from contracts.tool import ToolSpec
from contracts.transcript import Role
from policies.break_glass_words import acted


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
        """All actions of a run in the order of their proposal; a session of break-glass is no run."""
        if is_session(run_id):
            raise Unknown(f"there is no run {run_id}")
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
            return await freeze(connection, run, action, spec, prepared, undo=undo, undoes=undoes)

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
    *,
    said_by: str | None = None,
) -> ActionRecord:
    """Outcome, transcript, spend and audit within the caller's transaction; of an act, its announcement.

    ``said_by``: the person whose word it is, where nobody else knew.

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
            # What left once has left, whatever was refused later.
            attempts=max(action.attempts, conclusion.attempts),
            artifact=None if artifact is None else own("artifact", canonical(artifact).decode()),
        )
    )
    if is_session(run_id):
        await append(connection, result_record(run, action, conclusion, now_ms))
        ended = await read_action(connection, run_id, action_id)
        words = acted(run.caller, run.tenant, ended)
        await raise_alert(connection, session_alert(run, words, now_ms, actor=said_by))
        return ended
    await _tell_run(connection, run, action, conclusion, now_ms)
    return await read_action(connection, run_id, action_id)


async def _tell_run(
    connection: AsyncConnection,
    run: Warrant | RunRecord,
    action: ActionRecord,
    conclusion: Conclusion,
    now_ms: int,
) -> None:
    """The model, the run's spend, whoever was asked to approve, and the audit."""
    run_id, action_id = run.run_id, action.action_id
    if conclusion.outcome is not Outcome.UNKNOWN:
        await say(connection, run, action, conclusion.outcome, conclusion.content)
    await carry_on(connection, run_id, now_ms, spent_ms=runs.c.spent_ms + conclusion.duration_ms)
    await connection.execute(
        update(approvals).where(approvals.c.action_id == action_id).values(version=approvals.c.version + 1)
    )
    await append(connection, result_record(run, action, conclusion, now_ms))
    await order_notice(connection, run_id, action_id, conclusion.outcome, now_ms)


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
        actor=actor_of(run),
        outcome=conclusion.outcome,
        credential_scope=conclusion.credential_scope,
        rules=conclusion.rules,
        reason=conclusion.text,
        duration_ms=conclusion.duration_ms,
    )
