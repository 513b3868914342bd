"""One agent run: check the budget, ask the model, decide, prepare, ask people, act, record."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TypeAlias, TypeVar

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from contracts import names
    from contracts.approval import ApprovalState
    from contracts.run import RunState
    from contracts.wire import (
        Acted,
        ActionRef,
        ApprovalRef,
        Asked,
        Ending,
        Frost,
        Lease,
        Nudge,
        Proposal,
        RunStart,
        Step,
        Turn,
        Verdict,
    )
    from workflows.options import AGENT, BROKER, TOOLS, ActivityOptions
    from workflows.order import reads, side_by_side

T = TypeVar("T")
Renewal: TypeAlias = Callable[[], Awaitable[str | None]]

_STATE = SearchAttributeKey.for_keyword(names.SEARCH_STATE)
_RENEW_BEFORE = 60
_GRACE = timedelta(seconds=3)
_LOOK_AGAIN = timedelta(seconds=30)
_NUDGES = 1_000


@workflow.defn(name=names.WORKFLOW)
class AgentRun:
    """A durable run. It believes signed records, never the messages that wake it."""

    def __init__(self) -> None:
        self._start: RunStart | None = None
        self._lease = Lease(token="", expires=0)
        #: What the header of the next tool activity carries.
        self.presenting: str | None = None
        #: Grants that woke this run, and approvals to look at.
        self._grants: set[str] = set()
        self._decided: set[str] = set()
        self._resumed = False

    @workflow.run
    async def run(self, start: RunStart) -> str:
        self._start = start
        await self._renew()
        try:
            ending = await self._steps()
        except BaseException as error:
            if not (is_cancelled_exception(error) or isinstance(error, ActivityError)):
                raise
            ending = _broken_off(error)
        await asyncio.shield(self._call(names.FINISH, ending, BROKER, None))
        await workflow.wait_condition(workflow.all_handlers_finished)
        return ending.state

    async def _steps(self) -> Ending:
        step = 1
        while True:
            turn = await self._call(names.THINK, Step(step=step), AGENT, Turn)
            if turn.halted is not None:
                await self._halted(turn.halted)
                continue
            if turn.stop is not None:
                return Ending(state=RunState.STOPPED, reason=turn.stop)
            if turn.final:
                return Ending(state=RunState.COMPLETED)
            if (stop := await self._calls(turn.calls)) is not None:
                return Ending(state=RunState.STOPPED, reason=stop)
            step += 1

    async def _calls(self, calls: Sequence[Proposal]) -> str | None:
        """Carry out one turn: reads side by side, each write for itself, in the order proposed."""
        for group in side_by_side(calls):
            await self._renew()
            ended = await asyncio.gather(*map(self._carry_out, group), return_exceptions=True)
            for error in ended:
                # Raised when all have ended, so that no activity outlives the run.
                if isinstance(error, BaseException):
                    raise error
            if (stop := next(filter(None, ended), None)) is not None:
                return str(stop)
        return None

    async def _carry_out(self, call: Proposal) -> str | None:
        """Carry out one call that is not denied; a stop reason, where the run ends on it."""
        ref = ActionRef(action_id=call.action_id)
        if reads(call):
            return await self._act(names.READ, ref, await self._lease_token(), self._lease_token)
        lease = await self._lease_token()
        frost = await self._present(names.PREPARE, ref, Frost, lease, self._lease_token)
        if frost.action_digest is None:
            return None
        asked = await self._call(names.ASK, ref, BROKER, Asked)
        if asked.token is not None:
            return await self._act(names.WRITE, ref, asked.token, lambda: self._waived(ref))
        verdict = await self._verdict(frost, asked)
        if verdict.state != ApprovalState.APPROVED:
            return verdict.stop
        return await self._act(names.WRITE, ref, verdict.token, lambda: self._approved(asked))

    async def _verdict(self, frost: Frost, asked: Asked) -> Verdict:
        """Wait, as long as the route says, for what verified grants say; a message alone says nothing."""
        workflow.set_current_details(f"Waits for people to decide on **{frost.label}**")
        workflow.upsert_search_attributes([_STATE.value_set(RunState.WAITING_APPROVAL)])
        while True:
            timeout = None if asked.deadline_ms is None else self._left(asked.deadline_ms)
            with suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: asked.approval_id in self._decided,
                    timeout=timeout,
                    timeout_summary=f"approval of {frost.label}",
                )
            self._decided.discard(asked.approval_id)
            verdict = await self._collect(asked.approval_id)
            if verdict.state != ApprovalState.WAITING:
                break
        workflow.set_current_details("")
        workflow.upsert_search_attributes([_STATE.value_set(RunState.RUNNING)])
        return verdict

    async def _collect(self, approval_id: str) -> Verdict:
        return await self._call(names.COLLECT, ApprovalRef(approval_id=approval_id), BROKER, Verdict)

    def _left(self, deadline_ms: int) -> timedelta:
        left = timedelta(milliseconds=deadline_ms - workflow.now().timestamp() * 1000) + _GRACE
        return max(left, timedelta(seconds=1))

    async def _act(self, activity: str, ref: ActionRef, token: str | None, renew: Renewal) -> str | None:
        """Act; again when a kill switch is lifted. A stop reason, where the run ends on it."""
        while token is not None:
            acted = await self._present(activity, ref, Acted, token, renew)
            if acted.halted is None:
                return acted.stop
            await self._halted(acted.halted)
            token = await renew()
        return None

    async def _present(
        self, activity: str, ref: ActionRef, result: type[T], token: str | None, renew: Renewal
    ) -> T:
        """Call a tool worker, with a renewed capability where the first ran out in the queue."""
        while True:
            self.presenting = token
            try:
                return await self._call(activity, ref, TOOLS, result)
            except ActivityError as error:
                if not _expired(error):
                    raise
                self._lease = Lease(token="", expires=0)
                token = await renew()

    async def _waived(self, ref: ActionRef) -> str | None:
        return (await self._call(names.ASK, ref, BROKER, Asked)).token

    async def _approved(self, asked: Asked) -> str | None:
        return (await self._collect(asked.approval_id)).token

    async def _lease_token(self) -> str | None:
        await self._renew()
        return self._lease.token

    async def _renew(self) -> None:
        """One capability for the run's reads, renewed shortly before it runs out: not one a call."""
        if self._start is not None and workflow.now().timestamp() + _RENEW_BEFORE > self._lease.expires:
            self._lease = await self._call(names.OPEN, self._start, BROKER, Lease)

    async def _halted(self, sentence: str) -> None:
        workflow.set_current_details(f"Halted: {sentence}")
        workflow.upsert_search_attributes([_STATE.value_set(RunState.HALTED)])
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._resumed, timeout=_LOOK_AGAIN, timeout_summary="a kill switch to be lifted"
            )
        self._resumed = False
        workflow.set_current_details("")
        workflow.upsert_search_attributes([_STATE.value_set(RunState.RUNNING)])

    async def _call(
        self, activity: str, argument: object, options: ActivityOptions, result: type[T] | None
    ) -> T:
        answer: T = await workflow.execute_activity(activity, argument, result_type=result, **options)
        return answer

    def _wake(self, nudge: Nudge) -> None:
        """An update and a signal may both bring the same grant; a flood of made-up ones is not kept."""
        if nudge.grant_id not in self._grants and len(self._grants) < _NUDGES:
            self._grants.add(nudge.grant_id)
            self._decided.add(nudge.approval_id)

    @workflow.signal(name=names.RESUMED)
    def resumed(self) -> None:
        """A kill switch was lifted: look again."""
        self._resumed = True

    @workflow.signal(name=names.DECIDED)
    def decided_signal(self, nudge: Nudge) -> None:
        """Somebody decided: look at the grants."""
        self._wake(nudge)

    @workflow.update(name=names.DECIDED)
    def decided(self, nudge: Nudge) -> None:
        """Somebody decided: look at the grants."""
        self._wake(nudge)

    @decided.validator
    def _few(self, nudge: Nudge) -> None:  # noqa: ARG002  the update's own parameter
        if len(self._grants) >= _NUDGES:
            raise ApplicationError("this run was woken too often; it looks again at its deadline")


def _expired(error: ActivityError) -> bool:
    cause = error.cause
    return isinstance(cause, ApplicationError) and cause.type == "TokenExpired"


def _broken_off(error: BaseException) -> Ending:
    if is_cancelled_exception(error):
        return Ending(state=RunState.CANCELLED, text=workflow.cancellation_reason() or "")
    cause = getattr(error, "cause", None)
    return Ending(state=RunState.FAILED, text=getattr(cause, "message", "") or str(error))
