"""``python -m bench.long_run STEPS``: what a step of a long run costs in history, beside a bare loop."""

import asyncio
import base64
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Worker

from adapters.payload_keys import PayloadKeys
from adapters.temporal import connect
from bench.bare import BareLoop
from bench.plays import Marathon
from contracts import names
from contracts.secret import Secret
from contracts.wire import Nudge, RunStart
from tests.workflows.theatre import dev_server, until
from workflows.agent_run import AgentRun
from workflows.headers import CapabilityHeaders

#: Events of one read step.
A_STEP: Final = 12
#: Events before the first step.
_BEFORE_STEPS: Final = 10
#: The server's own default of how many events make a history long.
LONG: Final = 4096
#: Of all steps: how many count as the first ones, and as the last.
_SOME: Final = 0.05
_KEY: Final = Secret(base64.urlsafe_b64encode(bytes(32)).decode())
"""An obviously made-up payload key, of this bench's own server."""


async def _key() -> Secret:
    return _KEY


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one run left in Temporal."""

    steps: int
    histories: int
    events: int
    #: Bytes of all histories.
    total: int
    #: Median bytes of a step, of the first and of the last twentieth, five at least.
    first: float
    last: float
    seconds: float
    #: Whether an approval was asked for in one history and answered in a later one, with one write.
    crossed: bool = False


def _last_step(long: int) -> int:
    """The first history's last: it grows long while that step waits."""
    return (long - _BEFORE_STEPS) // A_STEP + 1


async def encrypted(plain: Client) -> Client:
    """Another client of the same server, as ours are."""
    return await connect(plain.service_client.config.target_host, PayloadKeys(_key), identity="bench")


async def marathon(client: Client, steps: int, long: int = LONG) -> Cost:
    """A run of so many steps, one of which waits for an approval until it has a new history."""
    stage = Marathon(turns=(), steps=steps, asks_at=_last_step(long))
    async with _workers(client, stage, AgentRun):
        began = time.monotonic()
        run = await client.start_workflow(
            AgentRun.run, RunStart(warrant="w"), id=f"run-{time.monotonic_ns()}", task_queue=names.AGENT_QUEUE
        )
        await until(lambda: stage.calls[names.ASK] == 2, seconds=600)
        approval = stage.approve(f"run.{stage.asks_at}.0")
        await run.signal(names.DECIDED, Nudge(approval_id=approval, grant_id="g"))
        await run.result()
        cost = await _cost(client, run.id, steps, time.monotonic() - began)
    return replace(cost, crossed=stage.calls[names.WRITE] == 1)


async def bare(client: Client, steps: int, long: int = LONG) -> Cost:
    """The same activities in a loop."""
    stage = Marathon(turns=(), steps=steps, asks_at=_last_step(long))
    async with _workers(client, stage, BareLoop):
        began = time.monotonic()
        run = await client.start_workflow(
            BareLoop.run,
            RunStart(warrant="w"),
            id=f"bare-{time.monotonic_ns()}",
            task_queue=names.AGENT_QUEUE,
        )
        await run.result()
        return await _cost(client, run.id, steps, time.monotonic() - began)


@asynccontextmanager
async def _workers(client: Client, stage: Marathon, workflow: type) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for queue in (names.AGENT_QUEUE, names.BROKER_QUEUE, names.TOOLS_QUEUE):
            worker = Worker(
                client,
                task_queue=queue,
                activities=stage.on(queue),
                workflows=[workflow] if queue == names.AGENT_QUEUE else [],
                interceptors=[CapabilityHeaders()],
            )
            await stack.enter_async_context(worker)
        yield


async def _cost(client: Client, run_id: str, steps: int, seconds: float) -> Cost:
    histories = [history async for history in chain(client, run_id)]
    events = [event for history in histories for event in history.events]
    sizes = _steps(events)
    some = max(5, int(len(sizes) * _SOME))
    return Cost(
        steps=steps,
        histories=len(histories),
        events=len(events),
        total=sum(event.ByteSize() for event in events),
        first=statistics.median(sizes[:some]),
        last=statistics.median(sizes[-some:]),
        seconds=seconds,
    )


def _steps(events: Iterable[HistoryEvent]) -> list[int]:
    """Bytes of each whole step: from asking the model until it is asked again."""
    sizes = [0]
    for event in events:
        if event.activity_task_scheduled_event_attributes.activity_type.name == names.THINK:
            sizes.append(0)
        sizes[-1] += event.ByteSize()
    return sizes[1:-1]


async def chain(client: Client, run_id: str) -> AsyncIterator[WorkflowHistory]:
    """The histories of an ended run, from its first on."""
    described = await client.get_workflow_handle(run_id).describe()
    execution = described.raw_description.workflow_execution_info.first_run_id
    while execution:
        history = await client.get_workflow_handle(run_id, run_id=execution).fetch_history()
        yield history
        continued = history.events[-1].workflow_execution_continued_as_new_event_attributes
        execution = continued.new_execution_run_id


async def compare(plain: Client, steps: int, long: int = LONG) -> tuple[Cost, Cost]:
    """A run and the bare loop beside it on one server, encrypted as ours is; ``long``: its own setting."""
    client = await encrypted(plain)
    return await marathon(client, steps, long), await bare(client, steps, long)


async def _main(steps: int) -> None:
    async with dev_server() as client:
        run, loop = await compare(client, steps)
    print(f"{steps:,} steps         run           bare loop")
    print(f"histories     {run.histories:12,} {loop.histories:12,}")
    print(f"events        {run.events:12,} {loop.events:12,}")
    print(f"bytes         {run.total:12,} {loop.total:12,}   x {run.total / loop.total:.2f}")
    print(f"first step    {run.first:12,.0f} {loop.first:12,.0f}")
    print(f"last step     {run.last:12,.0f} {loop.last:12,.0f}   x {run.last / run.first:.3f} of the first")
    print(f"seconds       {run.seconds:12,.1f} {loop.seconds:12,.1f}")
    print(f"an approval waited across histories: {'yes' if run.crossed else 'NO'}")


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1])))
