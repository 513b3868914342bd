"""The activities of a run in a bare loop: what no orchestrator of them could do without."""

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from contracts import names
    from contracts.run import RunState
    from contracts.wire import (
        Acted,
        ActionRef,
        ApprovalRef,
        Asked,
        Ending,
        Frost,
        Lease,
        RunStart,
        Step,
        Turn,
        Verdict,
    )
    from workflows.options import AGENT, BROKER, TOOLS, ActivityOptions


@workflow.defn(name="BareLoop")
class BareLoop:
    """Think and act by reference until the model is done; nobody is waited for, nothing is checked."""

    @workflow.run
    async def run(self, start: RunStart) -> str:
        step = start.step
        await _call(names.OPEN, start, BROKER, Lease)
        while True:
            turn = await _call(names.THINK, Step(step=step), AGENT, Turn)
            if turn.final:
                await _call(names.FINISH, Ending(state=RunState.COMPLETED), BROKER, None)
                return RunState.COMPLETED
            for call in turn.calls:
                await _act(ActionRef(action_id=call.action_id), call.effect)
            step += 1
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(RunStart(warrant=start.warrant, step=step))


async def _act(ref: ActionRef, effect: str) -> None:
    if effect == "read":
        await _call(names.READ, ref, TOOLS, Acted)
        return
    await _call(names.PREPARE, ref, TOOLS, Frost)
    asked = await _call(names.ASK, ref, BROKER, Asked)
    await _call(names.COLLECT, ApprovalRef(approval_id=asked.approval_id), BROKER, Verdict)
    await _call(names.WRITE, ref, TOOLS, Acted)


async def _call(activity: str, argument: Any, options: ActivityOptions, result: Any) -> Any:
    return await workflow.execute_activity(activity, argument, result_type=result, **options)
