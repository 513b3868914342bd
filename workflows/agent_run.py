"""One agent run: check the budget, ask the model, decide, prepare, ask people, act, record."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TypeAlias, TypeVar

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.workflow import ContinueAsNewVersioningBehavior

with workflow.unsafe.imports_passed_through():
    from contracts import names
    from contracts.approval import ApprovalState
    from contracts.run import Outcome, RunState
    from contracts.wire import (
        Acted,
        ActionRef,
        ApprovalRef,
        Asked,
        Ending,
        Frost,
        Lease,
        Proposal,
        RunStart,
        Step,
        Turn,
        Verdict,
    )
    from workflows.ending import CancelledInStore, breaks_off, broken_off, heed_cancellation
    from workflows.listening import Listening
    from workflows.options import AGENT, BROKER, TOOLS, ActivityOptions
    from workflows.order import reads, side_by_side

T = TypeVar("T")
Renewal: TypeAlias = Callable[[], Awaitable[str | None]]

_STATE = SearchAttributeKey.for_keyword(names.SEARCH_STATE)
_RENEW_BEFORE = 60
_GRACE = timedelta(seconds=3)
_LOOK_AGAIN = timedelta(seconds=30)
_WAITING = Verdict(state=ApprovalState.WAITING)
PATIENCE = (2.0, 8.0, 30.0)
"""Seconds before the target is asked again about a write whose answer was lost."""


@workflow.defn(name=names.WORKFLOW)
class AgentRun(Listening):
    """A durable run. It believes signed records, never the messages that wake it."""

    def __init__(self) -> None:
        super().__init__()
        self._start: RunStart | None = None
        self._step = 1
        self._continued = workflow.info().continued_run_id is not None
        self._lease = Lease(token="", expires=0)
        #: What the header of the next tool activity carries.
        self.presenting: str | None = None

    @workflow.run
    async def run(self, start: RunStart) -> str:
        self._start, self._step = start, start.step
        try:
            await self._renew()
            ending = await self._steps()
        except BaseException as error:
            if not breaks_off(error):
                raise
            ending = broken_off(error)
        await self._finish(ending)
        return ending.state

    async def _steps(self) -> Ending:
        while True:
            turn = await self._call(names.THINK, Step(step=self._step), AGENT, Turn)
            if turn.halted is not None:
                await self._halted(turn.halted)
                continue
            if turn.stop is not None:
                return Ending(state=RunState.STOPPED, reason=turn.stop)
            if turn.final:
                return Ending(state=RunState.COMPLETED)
            if (stop := await self._calls(turn.calls)) is not None:
                return Ending(state=RunState.STOPPED, reason=stop)
            self._step += 1
            await self._turn_over()

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
        if not reads(call):
            return await self._write(ref)
        await self._act(names.READ, ref, await self._lease_token(), self._lease_token)
        return None

    async def _write(self, ref: ActionRef) -> str | None:
        """Prepare, ask, wait, write; from the start where the target changed meanwhile."""
        while True:
            frost = await self._prepare(ref)
            if frost.action_digest is None:
                return None
            asked = await self._call(names.ASK, ref, BROKER, Asked)
            renew: Renewal = partial(self._permission, ref, asked)
            token = asked.token
            if token is None:
                verdict = await self._verdict(asked, f"people to decide on **{frost.label}**")
                if verdict.state != ApprovalState.APPROVED:
                    return verdict.stop
                token = verdict.token
            acted = await self._act(names.WRITE, ref, token, renew)
            if acted is not None and acted.outcome == Outcome.UNKNOWN:
                return await self._reconcile(ref, frost, acted, renew)
            if acted is None or not acted.changed:
                return None

    async def _prepare(self, ref: ActionRef) -> Frost:
        """Prepare; again when a kill switch is lifted."""
        while True:
            lease = await self._lease_token()
            frost = await self._present(names.PREPARE, ref, Frost, lease, self._lease_token)
            if frost.halted is None:
                return frost
            await self._halted(frost.halted)

    async def _reconcile(self, ref: ActionRef, frost: Frost, acted: Acted, renew: Renewal) -> str | None:
        """Nobody knows what a write did: ask the target, as far as its tool allows, then people."""
        for pause in PATIENCE if acted.again else ():
            await workflow.sleep(pause, summary=f"before asking the target about {frost.label} again")
            again = await self._act(names.WRITE, ref, await renew(), renew)
            if again is not None and again.outcome != Outcome.UNKNOWN:
                return None
        question = await self._call(names.ASK_OUTCOME, ref, BROKER, Asked)
        what = f"a person to say what **{frost.label}** did"
        return (await self._verdict(question, what, RunState.WAITING_RECONCILIATION)).stop

    async def _verdict(self, asked: Asked, what: str, state: RunState = RunState.WAITING_APPROVAL) -> Verdict:
        """Wait, as long as the route says, for what verified grants say; a message alone says nothing."""
        workflow.set_current_details(f"Waits for {what}")
        workflow.upsert_search_attributes([_STATE.value_set(state)])
        # What was decided before this history began reached the one before it.
        verdict = await self._collect(asked.approval_id) if self._continued else _WAITING
        while verdict.state == ApprovalState.WAITING:
            timeout = None if asked.deadline_ms is None else self._left(asked.deadline_ms)
            with suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: asked.approval_id in self._decided or _due(),
                    timeout=timeout,
                    timeout_summary=what,
                )
            await self._turn_over()
            self._decided.discard(asked.approval_id)
            verdict = await self._collect(asked.approval_id)
        workflow.set_current_details("")
        workflow.upsert_search_attributes([_STATE.value_set(RunState.RUNNING)])
        return verdict

    async def _finish(self, ending: Ending) -> None:
        """Write the end down and hear everybody out: once begun, a cancellation comes too late."""
        finishing = asyncio.ensure_future(self._last(ending))
        while not finishing.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(finishing)
        finishing.result()

    async def _last(self, ending: Ending) -> None:
        await workflow.execute_activity(names.FINISH, ending, **BROKER)
        await self._heard_out()

    async def _turn_over(self) -> None:
        """Go on in a new history where one is due: everything but the step is in the store."""
        heed_cancellation()
        if self._start is not None and _due():
            await self._heard_out()
            workflow.continue_as_new(
                RunStart(warrant=self._start.warrant, step=self._step),
                initial_versioning_behavior=ContinueAsNewVersioningBehavior.AUTO_UPGRADE,
            )

    async def _collect(self, approval_id: str) -> Verdict:
        return await self._call(names.COLLECT, ApprovalRef(approval_id=approval_id), BROKER, Verdict)

    def _left(self, deadline_ms: int) -> timedelta:
        left = timedelta(milliseconds=deadline_ms - workflow.now().timestamp() * 1000) + _GRACE
        return max(left, timedelta(seconds=1))

    async def _act(self, activity: str, ref: ActionRef, token: str | None, renew: Renewal) -> Acted | None:
        """Act; again when a kill switch is lifted. None: the permission for it stands no more."""
        while token is not None:
            acted = await self._present(activity, ref, Acted, token, renew)
            if acted.halted is None:
                return acted
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

    async def _permission(self, ref: ActionRef, asked: Asked) -> str | None:
        """A capability for one write: by its grants, or by the exception that waives them."""
        if asked.token is None:
            return (await self._collect(asked.approval_id)).token
        return (await self._call(names.ASK, ref, BROKER, Asked)).token

    async def _lease_token(self) -> str | None:
        await self._renew()
        return self._lease.token

    async def _renew(self) -> None:
        """One capability for the run's reads, renewed shortly before it runs out: not one a call."""
        if self._start is not None and workflow.now().timestamp() + _RENEW_BEFORE > self._lease.expires:
            self._lease = await self._call(names.OPEN, self._start, BROKER, Lease)
            if self._lease.cancelled is not None:
                # The SDK shows a task's signals first: the history may have been turned over before that.
                raise CancelledInStore(self._lease.cancelled)

    async def _halted(self, sentence: str) -> None:
        workflow.set_current_details(f"Halted: {sentence}")
        workflow.upsert_search_attributes([_STATE.value_set(RunState.HALTED)])
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._resumed, timeout=_LOOK_AGAIN, timeout_summary="a kill switch to be lifted"
            )
        await self._turn_over()
        self._resumed = False
        workflow.set_current_details("")
        workflow.upsert_search_attributes([_STATE.value_set(RunState.RUNNING)])

    async def _call(self, activity: str, argument: object, options: ActivityOptions, result: type[T]) -> T:
        heed_cancellation()
        answer: T = await workflow.execute_activity(activity, argument, result_type=result, **options)
        heed_cancellation()
        return answer


def _due() -> bool:
    """This history is long, or new runs are served by another version: a new history may go there."""
    info = workflow.info()
    return info.is_continue_as_new_suggested() or info.is_target_worker_deployment_version_changed()


def _expired(error: ActivityError) -> bool:
    cause = error.cause
    return isinstance(cause, ApplicationError) and cause.type == "TokenExpired"
