"""Ask the model, and decide what it proposes: one activity, so that both are in one event."""

import asyncio
import time
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from temporalio import activity

from activities.undoing import Undoing
from activities.warranted import Warrants
from contracts import names
from contracts.budget import Usage
from contracts.decision import Call, Decision, Reason, Ruling
from contracts.digest import digest
from contracts.errors import Malformed, Refused
from contracts.ports import Clock, Documents, Model, Runs, Switches
from contracts.run import Outcome, StopReason, WarrantedRun
from contracts.tokens import Undoes
from contracts.tool import Catalogue
from contracts.transcript import Message, ModelRequest, ModelTurn, Price, ToolSchema
from contracts.turns import NewTurn, Reservation, Turns
from contracts.wire import Step, Turn
from policies.decide import decide
from policies.loop import Made, circle, made
from policies.masking import RULE, Masks
from policies.route import Route
from policies.showing import resolved, shown
from policies.spend import cost, request_bytes, worst_case

_ATTEMPT_SECONDS: Final = 120.0


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """One attempt: what was asked, at what price and worst case."""

    run: WarrantedRun
    route: Route
    catalogue: Catalogue
    #: The transcript, with real values.
    said: tuple[Message, ...]
    #: What the request holds in place of personal data.
    masks: Masks
    request: ModelRequest
    price: Price
    worst: Decimal
    attempt_id: str
    step: int


@dataclass(frozen=True, kw_only=True)
class Thinking:
    """The agent worker's activity."""

    warrants: Warrants
    documents: Documents
    runs: Runs
    turns: Turns
    switches: Switches
    model: Model
    undoing: Undoing
    clock: Clock

    @activity.defn(name=names.THINK)
    async def think(self, step: Step) -> Turn:
        run = await self.warrants.current()
        recorded = await self.turns.recorded(run, step.step)
        if recorded is not None:
            return recorded
        halt = await self.switches.holding(
            env=run.warrant.env, tenant=run.warrant.tenant, route=run.warrant.route, tool=None
        )
        if halt is not None:
            await self.runs.halt(run, halt.sentence, halt.rules)
            return Turn(step=step.step, halted=halt.sentence)
        if run.warrant.undoes is not None:
            return await self._undo(run, run.warrant.undoes, step.step)
        asked = await self._prepare(run, step.step)
        stop = await self.turns.reserve(
            run,
            Reservation(
                attempt_id=asked.attempt_id,
                step=step.step,
                usd=str(asked.worst),
                seconds=asked.request.timeout,
            ),
        )
        return Turn(step=step.step, stop=stop) if stop is not None else await self._ask(asked)

    async def _undo(self, run: WarrantedRun, undoes: Undoes, step: int) -> Turn:
        """A turn without a model: it costs a step, and its calls are decided like any others."""
        route, catalogue = await self._rules(run)
        attempt_id = _attempt_id(step)
        stop = await self.turns.reserve(
            run, Reservation(attempt_id=attempt_id, step=step, usd="0", seconds=1.0)
        )
        if stop is not None:
            return Turn(step=step, stop=stop)
        answer, now = await self.undoing.turn(run, undoes, step), self.clock.now_ms()
        turn = NewTurn(
            attempt_id=attempt_id,
            step=step,
            answer=answer,
            calls=tuple((call, decide(route, catalogue, call, now_ms=now)) for call in answer.calls),
            usd="0",
            usage=None,
            duration_ms=0,
            stop=None,
            final=not answer.calls,
        )
        return await self.turns.record(run, turn, catalogue)

    async def _rules(self, run: WarrantedRun) -> tuple[Route, Catalogue]:
        route = Route.read(await self.documents.document(run.warrant.policy_digest))
        return route, Catalogue.read(await self.documents.document(run.warrant.catalogue_digest))

    async def _prepare(self, run: WarrantedRun, step: int) -> _Asked:
        route, catalogue = await self._rules(run)
        price = self.model.price(route.model.name, route.model.price)
        said, masks = await self.turns.transcript(run), Masks(route.mask)
        # In a thread: it looks at every character, and other runs' heartbeats go on meanwhile.
        seen = await asyncio.to_thread(shown, said, masks, catalogue, route.model.name)
        request = _request(run, route, catalogue, seen)
        return _Asked(
            run=run,
            route=route,
            catalogue=catalogue,
            said=said,
            masks=masks,
            request=request,
            price=price,
            worst=worst_case(request_bytes(request), request.max_output_tokens, price),
            attempt_id=_attempt_id(step),
            step=step,
        )

    async def _ask(self, asked: _Asked) -> Turn:
        started = time.monotonic()
        try:
            answer = await self.model.ask(asked.request)
        except Refused as error:
            # The provider says no for good: the attempt is charged in full, and the run stops.
            answer = ModelTurn(text=error.sentence, refused=True)
        except asyncio.CancelledError:
            # Nobody reports what it cost, so it is charged in full; no later attempt comes to do that.
            await self.turns.abandon(
                asked.run, asked.attempt_id, duration_ms=_since(started), usd=str(asked.worst)
            )
            raise
        return await self._record(asked, answer, _since(started))

    async def _record(self, asked: _Asked, answer: ModelTurn, duration_ms: int) -> Turn:
        now, answer = self.clock.now_ms(), resolved(answer, asked.masks, asked.catalogue)
        calls = tuple(
            (call, decide(asked.route, asked.catalogue, call, now_ms=now))
            for call in (_sound(call) for call in answer.calls)
        )
        silent = answer.refused or not (answer.text.strip() or calls)
        why = None if silent or not calls else _circle(asked, calls)
        stop = StopReason.MODEL_REFUSED if silent else StopReason.LOOP if why else None
        return await self.turns.record(
            asked.run,
            NewTurn(
                attempt_id=asked.attempt_id,
                step=asked.step,
                answer=answer,
                calls=calls,
                usd=str(self._charge(asked, answer.usage)),
                usage=answer.usage,
                duration_ms=duration_ms,
                stop=stop,
                why=why,
                final=not calls,
            ),
            asked.catalogue,
        )

    def _charge(self, asked: _Asked, usage: Usage | None) -> Decimal:
        return cost(usage, asked.price, asked.worst)


def _circle(asked: _Asked, calls: tuple[tuple[Call, Decision], ...]) -> Reason | None:
    """How the run goes in circles with these calls, if it does."""
    proposed = [
        Made(
            step=asked.step,
            tool=call.tool,
            arguments=call.arguments,
            outcome=Outcome.DENIED if decision.ruling is Ruling.DENY else None,
        )
        for call, decision in calls
    ]
    return circle([*made(asked.said), *proposed], asked.route, asked.catalogue)


def _request(
    run: WarrantedRun, route: Route, catalogue: Catalogue, messages: tuple[Message, ...]
) -> ModelRequest:
    allowed = [name for name in route.allow_tools if name in catalogue.tools and name not in route.deny_tools]
    left = run.warrant.budget.seconds - run.record.spend.seconds
    return ModelRequest(
        model=route.model.name,
        prompt=f"{route.prompt}\n\n{RULE}".strip() if route.mask else route.prompt,
        messages=messages,
        tools=tuple(
            ToolSchema(
                name=name,
                description=catalogue.tools[name].description,
                schema=catalogue.tools[name].schema,
            )
            for name in allowed
        ),
        max_output_tokens=route.model.max_output_tokens,
        timeout=max(1.0, min(_ATTEMPT_SECONDS, left)),
    )


def _attempt_id(step: int) -> str:
    info = activity.info()
    return f"{info.workflow_run_id}:{step}:{info.attempt}"


def _since(started: float) -> int:
    """Milliseconds."""
    return int((time.monotonic() - started) * 1000)


def _sound(call: Call) -> Call:
    """A call whose arguments have a canonical form; others keep their tool and are denied by its schema."""
    try:
        digest(call.arguments)
    except Malformed as error:
        return replace(call, arguments={"_malformed": error.sentence[:200]})
    return call
