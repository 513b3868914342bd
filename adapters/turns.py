"""Steps of a run: budget reservations, transcript and decisions."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.about import about
from adapters.action_rows import keeping, read_action
from adapters.actions import say
from adapters.audit_log import append
from adapters.messages import body, following, keep
from adapters.run_rows import carry_on, read_open_run, read_run, touch
from adapters.schema import actions, attempts, messages, runs
from adapters.store import Store
from adapters.turn_rows import keep_turn, no_further, read_turn
from contracts.audit import AuditRecord
from contracts.decision import Call, Decision, Reason, Ruling
from contracts.digest import Json, canonical, digest
from contracts.ports import Clock
from contracts.run import Outcome, RunRecord, StopReason, WarrantedRun
from contracts.tokens import Warrant
from contracts.tool import Catalogue
from contracts.transcript import Message, Role
from contracts.turns import NewTurn, Reservation
from contracts.wire import Proposal, Turn
from policies.spend import fits


class StoreTurns:
    """Implements ``contracts.turns.Turns``."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def recorded(self, run: WarrantedRun, step: int) -> Turn | None:
        return await self._store.look(lambda connection: read_turn(connection, run.warrant, step))

    async def transcript(self, run: WarrantedRun) -> tuple[Message, ...]:
        statement = select(messages).where(messages.c.run_id == run.warrant.run_id).order_by(messages.c.seq)

        async def work(connection: AsyncConnection) -> list[Message]:
            return [_message(connection, run.warrant, row) for row in await connection.execute(statement)]

        return tuple(_as_proposed(await self._store.look(work)))

    async def reserve(self, run: WarrantedRun, reservation: Reservation) -> StopReason | None:
        async def work(connection: AsyncConnection) -> StopReason | None:
            await read_open_run(connection, run.warrant.run_id)
            await self._charge_lost(connection, run.warrant.run_id)
            now = await read_run(connection, run.warrant.run_id)
            stop = _exhausted(run, now, Decimal(reservation.usd))
            if stop is None:
                await connection.execute(
                    insert(attempts).values(
                        attempt_id=reservation.attempt_id,
                        run_id=now.run_id,
                        step=reservation.step,
                        usd=reservation.usd,
                        limit_ms=int(reservation.seconds * 1000),
                        open=True,
                        started_ms=self._clock.now_ms(),
                    )
                )
            return stop

        return await self._store.write(work)

    async def _charge_lost(self, connection: AsyncConnection, run_id: str) -> None:
        """An attempt without a report is charged its dollars in full and its time, within its limit."""
        rows = await connection.execute(
            select(attempts).where(attempts.c.run_id == run_id, attempts.c.open.is_(True))
        )
        for row in rows.all():
            lasted = min(max(self._clock.now_ms() - row.started_ms, 0), row.limit_ms)
            await _settle(connection, run_id, row.attempt_id, usd=row.usd, duration_ms=lasted)

    async def record(self, run: WarrantedRun, turn: NewTurn, catalogue: Catalogue) -> Turn:
        async def work(connection: AsyncConnection) -> Turn:
            run_id = run.warrant.run_id
            found = await read_turn(connection, run.warrant, turn.step)
            if found is not None:
                return found
            await read_open_run(connection, run_id)
            await _settle(connection, run_id, turn.attempt_id, usd=turn.usd, duration_ms=turn.duration_ms)
            await carry_on(connection, run_id, self._clock.now_ms())
            await _say(connection, run.warrant, turn)
            proposals = [
                await self._propose(connection, run, turn, place, catalogue)
                for place in range(len(turn.calls))
            ]
            stop, why = await _stop(connection, run, turn)
            recorded = Turn(
                step=turn.step,
                calls=tuple(proposals) if turn.stop is None else (),
                final=turn.final,
                stop=stop,
                text="" if why is None else f"The run stopped: {why.text}.",
                rules=() if why is None else (why.rule,),
            )
            await keep_turn(connection, run.warrant, recorded)
            return recorded

        return await self._store.write(work)

    async def _propose(
        self, connection: AsyncConnection, run: WarrantedRun, turn: NewTurn, place: int, catalogue: Catalogue
    ) -> Proposal:
        call, decision = turn.calls[place]
        spec = catalogue.tools.get(call.tool)
        effect = spec.effect.value if spec else ""
        action_id = f"{run.warrant.run_id}.{turn.step}.{place}"
        arguments_digest = digest(call.arguments)
        own = keeping(connection, run.warrant, action_id)
        await connection.execute(
            insert(actions).values(
                action_id=action_id,
                run_id=run.warrant.run_id,
                tenant=run.warrant.tenant,
                env=run.warrant.env,
                route=run.warrant.route,
                step=turn.step,
                place=place,
                tool=call.tool,
                effect=effect,
                decision=decision.ruling,
                reasons=own("reasons", canonical([asdict(reason) for reason in decision.reasons]).decode()),
                approvals=decision.approvals,
                arguments=own("arguments", canonical(call.arguments).decode()),
                arguments_digest=arguments_digest,
                words=own("words", call.words),
                call_id=call.call_id,
                created_ms=self._clock.now_ms(),
            )
        )
        await self._judge(connection, run, action_id, decision)
        return Proposal(
            action_id=action_id,
            tool=call.tool,
            effect=effect,
            ruling=decision.ruling,
            rules=tuple(reason.rule for reason in decision.reasons),
            arguments_digest=arguments_digest,
        )

    async def _judge(
        self, connection: AsyncConnection, run: WarrantedRun, action_id: str, decision: Decision
    ) -> None:
        action = await read_action(connection, run.warrant.run_id, action_id)
        text = "; ".join(reason.text for reason in decision.reasons)
        if decision.ruling is Ruling.DENY:
            kept = keeping(connection, run.warrant, action_id)("outcome_text", text)
            await connection.execute(
                update(actions)
                .where(actions.c.action_id == action_id)
                .values(outcome=Outcome.DENIED, outcome_text=kept)
            )
            await say(connection, run.warrant, action, Outcome.DENIED, f"denied by policy: {text}")
        await append(
            connection,
            AuditRecord(
                **about(run.warrant, action),
                kind="decision",
                at_ms=self._clock.now_ms(),
                actor="run",
                outcome=decision.ruling,
                rules=tuple(reason.rule for reason in decision.reasons),
                reason=text,
            ),
        )

    async def abandon(self, run: WarrantedRun, attempt_id: str, *, duration_ms: int, usd: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            await _settle(connection, run.warrant.run_id, attempt_id, usd=usd, duration_ms=duration_ms)

        await self._store.write(work)


def _as_proposed(found: Sequence[Message]) -> Iterator[Message]:
    """Reads of one turn end in any order; the model is told their results in the order of its calls."""
    for _, part in groupby(found, key=lambda message: message.role is Role.TOOL):
        yield from sorted(part, key=_place)


def _place(message: Message) -> int:
    return int((message.action_id or "0").rpartition(".")[2])


def _message(connection: AsyncConnection, run: Warrant, row: Row[Any]) -> Message:
    """Raises PermissionRefused: no model is told a transcript that was forgotten."""
    said = body(connection, run, row.seq, row.body)
    if said is None:
        raise no_further(run)
    return Message(seq=row.seq, role=Role(row.role), action_id=row.action_id, body=said)


def _exhausted(run: WarrantedRun, now: RunRecord, worst: Decimal) -> StopReason | None:
    budget, spend = run.warrant.budget, now.spend
    if spend.steps >= budget.steps:
        return StopReason.BUDGET_STEPS
    if spend.seconds >= budget.seconds:
        return StopReason.BUDGET_SECONDS
    if not fits(budget.usd, Decimal(spend.usd), Decimal(0), worst):
        return StopReason.BUDGET_USD
    return None


async def _settle(
    connection: AsyncConnection, run_id: str, attempt_id: str, *, usd: str, duration_ms: int
) -> None:
    """Close an open attempt and charge the run; an attempt that is closed was charged already."""
    closed = await connection.execute(
        update(attempts)
        .where(attempts.c.attempt_id == attempt_id, attempts.c.open.is_(True))
        .values(open=False, usd=usd)
    )
    if closed.rowcount == 1:
        spend = (await read_run(connection, run_id)).spend
        await touch(
            connection,
            run_id,
            spent_usd=str(Decimal(spend.usd) + Decimal(usd)),
            spent_ms=runs.c.spent_ms + duration_ms,
        )


async def _say(connection: AsyncConnection, run: Warrant, turn: NewTurn) -> None:
    said = {"text": turn.answer.text, "calls": [_call(call) for call, _ in turn.calls]}
    await keep(connection, run, await following(connection, run.run_id), Role.ASSISTANT, said)


def _call(call: Call) -> Json:
    return {"tool": call.tool, "arguments": call.arguments, "call_id": call.call_id}


async def _stop(
    connection: AsyncConnection, run: WarrantedRun, turn: NewTurn
) -> tuple[StopReason | None, Reason | None]:
    """Count the step and its denials; a run over its denials stops, and says so."""
    now = await read_run(connection, run.warrant.run_id)
    denied = sum(decision.ruling is Ruling.DENY for _, decision in turn.calls)
    denials = now.spend.denials + denied
    await touch(connection, now.run_id, steps=now.spend.steps + 1, denials=denials)
    borne = run.warrant.budget.denials
    if turn.stop is not None or denials <= borne:
        return turn.stop, turn.why
    text = f"{denials} calls were denied, and its budget bears {borne}"
    return StopReason.DENIALS, Reason(rule="budgets.denials", text=text)
