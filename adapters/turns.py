"""Steps of a run: budget reservations, transcript and decisions."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from decimal import Decimal
from itertools import groupby

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.about import about
from adapters.actions import read_action, say
from adapters.audit_log import append
from adapters.run_rows import carry_on, read_open_run, read_run, touch
from adapters.schema import actions, attempts, messages, runs, turns
from adapters.store import Store
from contracts.audit import AuditRecord
from contracts.decision import Call, Decision, Ruling
from contracts.digest import Json, canonical, digest
from contracts.ports import Clock, NewTurn, Reservation
from contracts.run import Outcome, RunRecord, StopReason, WarrantedRun
from contracts.tool import Catalogue
from contracts.transcript import Message, Role
from contracts.wire import Proposal, Turn
from policies.spend import fits


class StoreTurns:
    """Implements ``contracts.ports.Turns``."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def recorded(self, run: WarrantedRun, step: int) -> Turn | None:
        async with self._store.read() as connection:
            return await _recorded(connection, run.warrant.run_id, step)

    async def transcript(self, run: WarrantedRun) -> tuple[Message, ...]:
        statement = select(messages).where(messages.c.run_id == run.warrant.run_id).order_by(messages.c.seq)
        async with self._store.read() as connection:
            found = [
                Message(seq=row.seq, role=Role(row.role), action_id=row.action_id, body=json.loads(row.body))
                for row in await connection.execute(statement)
            ]
        return tuple(_as_proposed(found))

    async def history(self, run: WarrantedRun) -> Sequence[tuple[str, str, str | None]]:
        statement = (
            select(actions.c.tool, actions.c.arguments_digest, actions.c.outcome)
            .where(actions.c.run_id == run.warrant.run_id)
            .order_by(actions.c.step, actions.c.place)
        )
        async with self._store.read() as connection:
            return [
                (row.tool, row.arguments_digest, row.outcome) for row in await connection.execute(statement)
            ]

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
            found = await _recorded(connection, run_id, turn.step)
            if found is not None:
                return found
            await read_open_run(connection, run_id)
            await _settle(connection, run_id, turn.attempt_id, usd=turn.usd, duration_ms=turn.duration_ms)
            await carry_on(connection, run_id, self._clock.now_ms())
            await _say(connection, run_id, turn)
            proposals = [
                await self._propose(connection, run, turn, place, catalogue)
                for place in range(len(turn.calls))
            ]
            recorded = Turn(
                step=turn.step,
                calls=tuple(proposals) if turn.stop is None else (),
                final=turn.final,
                stop=await _stop(connection, run, turn),
            )
            await connection.execute(
                insert(turns).values(run_id=run_id, step=turn.step, body=canonical(asdict(recorded)).decode())
            )
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
                reasons=canonical([asdict(reason) for reason in decision.reasons]).decode(),
                approvals=decision.approvals,
                arguments=canonical(call.arguments).decode(),
                arguments_digest=arguments_digest,
                words=call.words,
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
            await connection.execute(
                update(actions)
                .where(actions.c.action_id == action_id)
                .values(outcome=Outcome.DENIED, outcome_text=text)
            )
            await say(connection, action, Outcome.DENIED, f"denied by policy: {text}")
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


async def _recorded(connection: AsyncConnection, run_id: str, step: int) -> Turn | None:
    body = await connection.scalar(select(turns.c.body).where(turns.c.run_id == run_id, turns.c.step == step))
    if body is None:
        return None
    document = json.loads(body)
    calls = tuple(Proposal(**{**call, "rules": tuple(call["rules"])}) for call in document["calls"])
    return Turn(**{**document, "calls": calls})


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
        .values(open=False)
    )
    if closed.rowcount == 1:
        spend = (await read_run(connection, run_id)).spend
        await touch(
            connection,
            run_id,
            spent_usd=str(Decimal(spend.usd) + Decimal(usd)),
            spent_ms=runs.c.spent_ms + duration_ms,
        )


async def _say(connection: AsyncConnection, run_id: str, turn: NewTurn) -> None:
    last = await connection.scalar(select(func.max(messages.c.seq)).where(messages.c.run_id == run_id))
    body = {"text": turn.answer.text, "calls": [_call(call) for call, _ in turn.calls]}
    await connection.execute(
        insert(messages).values(
            run_id=run_id, seq=(last or 0) + 1, role=Role.ASSISTANT, body=canonical(body).decode()
        )
    )


def _call(call: Call) -> Json:
    return {"tool": call.tool, "arguments": call.arguments, "call_id": call.call_id}


async def _stop(connection: AsyncConnection, run: WarrantedRun, turn: NewTurn) -> str | None:
    """Count the step and its denials; a run over its denials stops."""
    now = await read_run(connection, run.warrant.run_id)
    denied = sum(decision.ruling is Ruling.DENY for _, decision in turn.calls)
    denials = now.spend.denials + denied
    await touch(connection, now.run_id, steps=now.spend.steps + 1, denials=denials)
    if turn.stop is not None:
        return turn.stop
    return StopReason.DENIALS if denials > run.warrant.budget.denials else None
