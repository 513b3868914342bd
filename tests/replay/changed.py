"""The run as somebody might change it by mistake: each cannot go on with histories that were begun before."""

from collections.abc import Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from contracts import names
    from contracts.run import RunState
    from contracts.wire import ActionRef, Asked, Proposal, RunStart, Verdict
    from workflows.agent_run import AgentRun
    from workflows.options import BROKER


@workflow.defn(name=names.WORKFLOW)
class HaltsFirst(AgentRun):
    """One more wait at the very beginning."""

    @workflow.run
    async def run(self, start: RunStart) -> str:
        await self._halted("before anything else")
        return await super().run(start)


@workflow.defn(name=names.WORKFLOW)
class AsksBeforeItPrepares(AgentRun):
    """Another order of two activities."""

    @workflow.run
    async def run(self, start: RunStart) -> str:
        return await super().run(start)

    async def _write(self, ref: ActionRef) -> str | None:
        await self._call(names.ASK, ref, BROKER, Asked)
        return await super()._write(ref)


@workflow.defn(name=names.WORKFLOW)
class ReadsOneAfterTheOther(AgentRun):
    """Reads no more side by side."""

    @workflow.run
    async def run(self, start: RunStart) -> str:
        return await super().run(start)

    async def _calls(self, calls: Sequence[Proposal]) -> str | None:
        for call in calls:
            if (stop := await super()._calls((call,))) is not None:
                return stop
        return None


@workflow.defn(name=names.WORKFLOW)
class WaitsAMomentLonger(AgentRun):
    """One more timer before it waits for people."""

    @workflow.run
    async def run(self, start: RunStart) -> str:
        return await super().run(start)

    async def _verdict(self, asked: Asked, what: str, state: RunState = RunState.WAITING_APPROVAL) -> Verdict:
        await workflow.sleep(1)
        return await super()._verdict(asked, what, state)
