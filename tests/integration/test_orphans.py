"""Runs whose execution is ended by hand on a real Temporal server: their rows end, and no other run's."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from temporalio import workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from adapters.audit_log import AuditQuery
from adapters.endings import TemporalEndings
from adapters.orphans import Orphans
from adapters.runs import StoreRuns
from adapters.temporal import TemporalStarter
from contracts import names
from contracts.run import Outcome, RunState
from contracts.wire import Ending, RunStart
from tests.integration.approved_write import DONE, Case, waiting
from tests.integration.test_gateway_world import ENV
from tests.integration.test_lost_history import forget, temporal

pytestmark = pytest.mark.asyncio(loop_scope="module")

_SECONDS = 60


@workflow.defn(name=names.WORKFLOW)
class Idle:
    """A run that waits; it goes on in a new history when it is told to."""

    def __init__(self) -> None:
        self._turn = False

    @workflow.run
    async def run(self, start: RunStart) -> None:
        await workflow.wait_condition(lambda: self._turn)
        workflow.continue_as_new(start)

    @workflow.signal
    def turn(self) -> None:
        self._turn = True


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[Client]:
    """A server of this module's own, and somebody who serves its runs."""
    async with (
        temporal() as found,
        Worker(
            found,
            task_queue=names.AGENT_QUEUE,
            workflows=[Idle],
            workflow_runner=UnsandboxedWorkflowRunner(),
        ),
    ):
        yield found


@dataclass
class Stage:
    """A run that waits for its approval, in the store and in Temporal."""

    case: Case
    client: Client
    orphans: Orphans

    @property
    def run_id(self) -> str:
        return self.case.frozen.run_id

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(self.run_id)

    async def state(self) -> RunState:
        return (await self.case.world.runs.get(self.run_id)).state

    async def look(self) -> None:
        await self.orphans.look()

    async def ended(self) -> RunState:
        """Its state once it has ended; Temporal's lists lag."""
        async with asyncio.timeout(_SECONDS):
            while not (await self.state()).ended:
                await self.look()
                await asyncio.sleep(0.05)
        return await self.state()

    async def listed(self, status: str) -> None:
        """Return once Temporal's list has such an execution of this run."""
        wanted = f"WorkflowId = '{self.run_id}' AND ExecutionStatus = '{status}'"
        async with asyncio.timeout(_SECONDS):
            while (await self.client.count_workflows(wanted)).count == 0:  # noqa: ASYNC110  the server sets no event
                await asyncio.sleep(0.05)

    async def reset(self) -> None:
        """As ``temporal workflow reset --type FirstWorkflowTask`` does."""
        served = 0
        async with asyncio.timeout(_SECONDS):
            while not served:
                async for event in self.handle.fetch_history_events():
                    if event.HasField("workflow_task_completed_event_attributes"):
                        served = event.event_id
                await asyncio.sleep(0.05)
        await self.client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=names.NAMESPACE,
                workflow_execution=WorkflowExecution(workflow_id=self.run_id),
                workflow_task_finish_event_id=served,
                request_id=secrets.token_hex(8),
            )
        )


@asynccontextmanager
async def staged(store_url: str, client: Client) -> AsyncIterator[Stage]:
    async with waiting(store_url, TemporalStarter(client)) as case:
        world = case.world
        runs = StoreRuns(world.stores["broker"], world.clock)
        endings = TemporalEndings(client, ENV)
        stage = Stage(case=case, client=client, orphans=Orphans(runs, endings, world.clock, ENV))
        yield stage
        with suppress(RPCError):
            await stage.handle.terminate()


async def test_a_terminated_run_ends_and_nothing_of_it_stays_open(store_url: str, client: Client) -> None:
    """Its row fails with a sentence, its approval is cancelled, and the audit says who ended it."""
    async with staged(store_url, client) as stage:
        await stage.look()
        assert await stage.state() is RunState.WAITING_APPROVAL
        await stage.handle.terminate()
        assert await stage.ended() is RunState.FAILED
        run = await stage.case.world.runs.get(stage.run_id)
        assert "was terminated in Temporal, and not by Interlock" in run.result["text"]
        approval = await stage.case.world.approvals.get(stage.case.approval_id)
        assert approval.state == "cancelled"
        assert await stage.case.answer("approve") == 409
        records = await stage.case.world.audit.search(AuditQuery(tenant="acme"))
        told = [one.record for one in records if one.record["kind"] == "run"]
        assert (told[-1]["actor"], told[-1]["outcome"]) == ("broker", "failed")


async def test_a_cancelled_run_that_was_terminated_ends_as_cancelled(store_url: str, client: Client) -> None:
    """Somebody lost patience, or the store was restored: it ends as was asked here, and says both."""
    async with staged(store_url, client) as stage:
        await stage.case.world.runs.request_cancel(stage.run_id, actor="op:ada", reason="not needed")
        await stage.handle.terminate()
        assert await stage.ended() is RunState.CANCELLED
        text = (await stage.case.world.runs.get(stage.run_id)).result["text"]
        assert text.startswith("not needed; its execution was terminated")


async def test_a_write_that_is_on_its_way_is_waited_for(store_url: str, client: Client) -> None:
    """Terminated during a write: its answer ends it; only where none can come any more it is unknown."""
    async with staged(store_url, client) as stage:
        assert await stage.case.answer("approve") == 200
        claim = await stage.case.claim()
        await stage.handle.terminate()
        await stage.listed("Terminated")
        await stage.look()
        assert not (await stage.state()).ended
        await stage.case.ledger.settle(stage.case.request(), claim.fence, DONE)
        assert await stage.ended() is RunState.FAILED
        assert (await stage.case.action()).outcome is Outcome.SUCCEEDED
        result = (await stage.case.world.runs.get(stage.run_id)).result
        assert "It had done: ticket.close T-1" in result["text"]
        assert not await stage.case.questions()


async def test_a_write_that_nobody_is_at_any_more_is_asked_about(store_url: str, client: Client) -> None:
    """Terminated, and the worker is gone too: the write is unknown, and people are asked about it."""
    async with staged(store_url, client) as stage:
        assert await stage.case.answer("approve") == 200
        await stage.case.claim()
        await stage.handle.terminate()
        await stage.listed("Terminated")
        await stage.look()
        stage.case.lapse()
        assert await stage.ended() is RunState.FAILED
        assert (await stage.case.action()).outcome is Outcome.UNKNOWN
        (question,) = await stage.case.questions()
        assert await stage.case.answer("it_did", approval_id=question.approval_id) == 200
        await stage.case.settle(question.approval_id)
        assert (await stage.case.action()).outcome is Outcome.SUCCEEDED


async def test_a_run_that_was_reset_goes_on(store_url: str, client: Client) -> None:
    """Reset ends one execution and begins another of the same chain: the run is not over."""
    async with staged(store_url, client) as stage:
        await stage.reset()
        await stage.listed("Terminated")
        await stage.look()
        await stage.orphans.look_at_all()
        assert await stage.state() is RunState.WAITING_APPROVAL
        await stage.handle.terminate()
        assert await stage.ended() is RunState.FAILED


async def test_a_new_history_is_no_end(store_url: str, client: Client) -> None:
    """An execution that went on in a new history is closed, and the run is not; terminated later, it is."""
    async with staged(store_url, client) as stage:
        await stage.handle.signal(Idle.turn)
        await stage.listed("ContinuedAsNew")
        await stage.look()
        await stage.orphans.look_at_all()
        assert await stage.state() is RunState.WAITING_APPROVAL
        await stage.handle.terminate()
        assert await stage.ended() is RunState.FAILED


async def test_what_somebody_else_started_under_the_same_id_is_not_the_run(
    store_url: str, client: Client
) -> None:
    """Ours was terminated and another execution took its id: ours has ended, however that one stands."""
    async with staged(store_url, client) as stage:
        await stage.handle.terminate()
        warrant = stage.case.run.record.warrant
        await client.start_workflow(
            names.WORKFLOW, RunStart(warrant=warrant), id=stage.run_id, task_queue="nobody's"
        )
        assert await stage.ended() is RunState.FAILED


async def test_what_temporal_has_forgotten_is_not_ended(store_url: str, client: Client) -> None:
    """No execution is no proof of an end: the server may have lost it, or be another one."""
    async with staged(store_url, client) as stage:
        await forget(client, stage.run_id)
        await stage.look()
        await stage.orphans.look_at_all()
        assert await stage.state() is RunState.WAITING_APPROVAL


async def test_the_first_end_stands(store_url: str, client: Client) -> None:
    """A run that finished by itself is left as it ended."""
    async with staged(store_url, client) as stage:
        runs = StoreRuns(stage.case.world.stores["broker"], stage.case.world.clock)
        row = await stage.case.world.runs.get(stage.run_id)
        await runs.end(stage.case.run, Ending(state="completed", text="Done."))
        await runs.give_up(row, Ending(state="failed", text="late"))
        assert await stage.state() is RunState.COMPLETED


async def test_what_ended_while_no_broker_ran_is_found_at_its_start(store_url: str, client: Client) -> None:
    """The look at every open row finds what no list of late endings has any more."""
    async with staged(store_url, client) as stage:
        await stage.handle.terminate()
        await stage.listed("Terminated")
        stage.case.world.clock.at_ms += 3_600_000
        await stage.look()
        assert not (await stage.state()).ended
        await stage.orphans.look_at_all()
        assert (await stage.state()) is RunState.FAILED
