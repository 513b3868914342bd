"""Acts of sessions of break-glass: proposed, confirmed, and settled by a person where nobody knows."""

from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.about import about
from adapters.action_rows import WITH_RUN, keeping, read_action, read_actions, record
from adapters.actions import conclude
from adapters.audit_log import append
from adapters.questions import settle_as_told
from adapters.run_rows import read_session_run
from adapters.schema import actions
from adapters.session_standing import closed, signed
from adapters.standing import CLOSED
from adapters.store import Store
from contracts.approval import Answer
from contracts.audit import AuditRecord
from contracts.break_glass import MOST_ACTS, actor_of
from contracts.break_glass_ports import NewAct
from contracts.decision import Ruling
from contracts.digest import canonical, digest, exact
from contracts.errors import Conflict, PermissionRefused
from contracts.ledger import Conclusion
from contracts.ports import Clock
from contracts.run import ActionRecord, Outcome, RunRecord, WarrantedRun
from contracts.tokens import Verifier, Warrant

_SUPERSEDED: Final = Conclusion(
    outcome=Outcome.SKIPPED,
    content="",
    text="it was not confirmed, and another act was proposed instead",
    duration_ms=0,
    rules=("act.superseded",),
)
_REASON: Final = "A person does it, with another's consent, around the agents."


@dataclass(frozen=True, kw_only=True)
class StoreActs:
    """Implements ``contracts.break_glass_ports.Acts``."""

    store: Store
    #: Knows the break-glass key.
    verifier: Verifier
    clock: Clock

    async def propose(self, run: WarrantedRun, act: NewAct) -> ActionRecord:
        async def work(connection: AsyncConnection) -> ActionRecord:
            found = await self._found(connection, run, act)
            if found is not None:
                return found
            now = self.clock.now_ms()
            if sentence := await closed(connection, self.verifier, run.warrant, now):
                raise PermissionRefused(sentence, CLOSED)
            await _make_way(connection, run, now)
            action_id = await self._insert(connection, run, act, now)
            return await read_action(connection, run.warrant.run_id, action_id)

        return await self.store.write(work)

    async def _found(
        self, connection: AsyncConnection, run: WarrantedRun, act: NewAct
    ) -> ActionRecord | None:
        """The act of this key. Raises Conflict where it is another one."""
        statement = WITH_RUN.where(actions.c.run_id == run.warrant.run_id, actions.c.call_id == act.key)
        row = (await connection.execute(statement)).first()
        if row is None:
            return None
        if (row.tool, row.arguments_digest) != (act.tool, digest(act.arguments)):
            raise Conflict("this Idempotency-Key was used for another act; use a new key for a new act")
        return record(connection, row)

    async def _insert(self, connection: AsyncConnection, run: WarrantedRun, act: NewAct, now_ms: int) -> str:
        warrant = run.warrant
        last = await connection.scalar(
            select(func.max(actions.c.step)).where(actions.c.run_id == warrant.run_id)
        )
        step = 1 + (last or 0)
        if step > MOST_ACTS:
            raise PermissionRefused(f"a session has {MOST_ACTS} acts at most; ask for another one")
        action_id = f"{warrant.run_id}.{step}.0"
        own = keeping(connection, warrant, action_id)
        session = await signed(connection, self.verifier, warrant)
        await connection.execute(
            insert(actions).values(
                action_id=action_id,
                run_id=warrant.run_id,
                tenant=warrant.tenant,
                env=warrant.env,
                route=warrant.route,
                step=step,
                place=0,
                tool=act.tool,
                effect=act.effect,
                decision=Ruling.NEEDS_APPROVAL,
                reasons=own("reasons", canonical([{"rule": "break-glass", "text": _REASON}]).decode()),
                approvals=1,
                arguments=own("arguments", exact(act.arguments).decode()),
                arguments_digest=digest(act.arguments),
                words=own("words", "" if session is None else session.opening.reason),
                call_id=act.key,
                created_ms=now_ms,
            )
        )
        return action_id

    async def of(self, session_id: str) -> tuple[ActionRecord, ...]:
        return await self.store.look(lambda connection: read_actions(connection, session_id))

    async def confirmed(self, run: WarrantedRun, action_id: str, action_digest: str, seal: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            action = await read_action(connection, run.warrant.run_id, action_id)
            if action.action_digest != action_digest:
                raise Conflict("it was frozen with other bytes than those that were confirmed")
            if action.outcome is not None:
                raise Conflict(f"it has ended already, as {action.outcome}")
            if action.seal is not None:
                return
            own = actions.c.action_id == action_id
            await connection.execute(update(actions).where(own).values(seal=seal))
            await append(connection, self._told(run.warrant, action, "confirmed", actor_of(run.warrant)))

        await self.store.write(work)

    async def settle(
        self, session_id: str, action_id: str, *, happened: bool, actor: str, reason: str
    ) -> ActionRecord:
        async def work(connection: AsyncConnection) -> ActionRecord:
            run = await read_session_run(connection, session_id)
            action = await read_action(connection, session_id, action_id)
            if action.outcome is not Outcome.UNKNOWN:
                raise Conflict(f"what came of it is known: it is {action.outcome or 'open'}")
            answer = Answer.IT_DID if happened else Answer.IT_DID_NOT
            await append(connection, self._told(run, action, "settled", actor, f"{answer}: {reason}"))
            await settle_as_told(connection, run, action, actor, answer, self.clock.now_ms())
            return await read_action(connection, session_id, action_id)

        return await self.store.write(work)

    def _told(
        self, run: Warrant | RunRecord, action: ActionRecord, outcome: str, actor: str, reason: str = ""
    ) -> AuditRecord:
        return AuditRecord(
            **about(run, action),
            kind="break_glass",
            at_ms=self.clock.now_ms(),
            actor=actor,
            outcome=outcome,
            reason=reason,
        )


async def _make_way(connection: AsyncConnection, run: WarrantedRun, now_ms: int) -> None:
    """One act at a time: what was proposed and not confirmed gives way to the next.

    Raises Conflict where one was confirmed and has not ended.
    """
    for action in await read_actions(connection, run.warrant.run_id):
        if action.outcome is not None:
            continue
        if action.seal is not None:
            raise Conflict(f"{action.tool} was confirmed and has not ended; one act at a time")
        skipped = replace(_SUPERSEDED, attempts=action.attempts)
        await conclude(connection, run.warrant, action.action_id, skipped, now_ms)
