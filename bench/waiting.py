"""``python -m bench.waiting RUNS [CACHED]``: so many runs wait on one worker, and each answers its click."""

import asyncio
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import psutil
from temporalio.client import Client
from temporalio.worker import Worker

from bench.plays import Crowd, action_of
from contracts import names
from contracts.run import Outcome
from contracts.wire import Nudge, RunStart
from tests.workflows.theatre import dev_server, until
from worker.__main__ import CACHED_RUNS

#: Requests to the server at a time.
_AT_ONCE: Final = 10
#: Runs whose events are counted.
_SOME: Final = 20
_PARTS: Final = 5
_MEGABYTE: Final = 1024 * 1024
_MONTH_MS: Final = 30 * 86_400_000


@dataclass(frozen=True, kw_only=True)
class Mark:
    """The process that serves the workflows, at one moment."""

    what: str
    #: Resident.
    megabytes: float
    #: Since the first run was started.
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Waited:
    """How it went."""

    #: Events of some runs: when they had begun to wait, and when all the others waited too.
    events: Sequence[int]
    later: Sequence[int]
    #: Runs that ended with their write, and writes.
    answered: int
    writes: int


async def wait_and_click(
    client: Client, pid: int, runs: int, parts: int = _PARTS, tell: Callable[[Mark], None] = lambda _: None
) -> Waited:
    """Have the runs come in parts, wait, and be approved one and all; the process ``pid`` serves them."""
    crowd = Crowd(turns=(), deadline_ms=time.time_ns() // 1_000_000 + _MONTH_MS)
    async with _activities(client, crowd):
        began = time.monotonic()
        come = [f"run-{number}" for number in range(runs)]
        some = come[:: max(1, runs // _SOME)]
        events: list[int] = []
        for part in range(1, parts + 1):
            here, there = runs * (part - 1) // parts, runs * part // parts
            coming = come[here:there]
            await _each(coming, lambda name: _start(client, name))
            await until(lambda there=there: crowd.calls[names.ASK] >= there, seconds=900)
            await asyncio.sleep(1)
            tell(_mark(f"{there:,} wait", pid, time.monotonic() - began))
            events += [await _length(client, name) for name in some if name in coming]
        later = [await _length(client, name) for name in some]
        await _each(come, lambda name: _click(client, crowd, name))
        ends = await _each(come, lambda name: client.get_workflow_handle(name).result())
        tell(_mark("all answered", pid, time.monotonic() - began))
    written = sum(crowd.done.get(action_of(name)) == Outcome.SUCCEEDED for name in come)
    return Waited(
        events=events,
        later=later,
        answered=min(written, ends.count("completed")),
        writes=crowd.calls[names.WRITE],
    )


@asynccontextmanager
async def served(client: Client, cached: int) -> AsyncIterator[Process]:
    """A process that serves the workflows."""
    address = client.service_client.config.target_host
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.served", address, str(cached))
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def _activities(client: Client, crowd: Crowd) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for queue in (names.AGENT_QUEUE, names.BROKER_QUEUE, names.TOOLS_QUEUE):
            worker = Worker(client, task_queue=queue, activities=crowd.on(queue))
            await stack.enter_async_context(worker)
        yield


async def _each(come: Sequence[str], what: Callable[[str], Awaitable[Any]]) -> list[Any]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str) -> Any:
        async with gate:
            return await what(name)

    return await asyncio.gather(*map(one, come))


async def _start(client: Client, name: str) -> None:
    await client.start_workflow(names.WORKFLOW, RunStart(warrant="w"), id=name, task_queue=names.AGENT_QUEUE)


async def _click(client: Client, crowd: Crowd, name: str) -> None:
    """As the gateway tells a run."""
    nudge = Nudge(approval_id=crowd.approve(action_of(name)), grant_id=name)
    await client.get_workflow_handle(name).execute_update(names.DECIDED, nudge, id=name)


async def _length(client: Client, name: str) -> int:
    return (await client.get_workflow_handle(name).describe()).history_length


def _mark(what: str, pid: int, seconds: float) -> Mark:
    size = psutil.Process(pid).memory_info().rss / _MEGABYTE
    return Mark(what=what, megabytes=size, seconds=seconds)


def _show(mark: Mark) -> None:
    print(f"{mark.what:>14} {mark.megabytes:8.0f} MB {mark.seconds:8.1f} s", flush=True)


async def _main(runs: int, cached: int) -> None:
    async with dev_server() as client, served(client, cached) as process:
        print(f"{runs:,} runs on one worker that keeps {cached:,} in memory")
        found = await wait_and_click(client, process.pid, runs, tell=_show)
    print(f"events of a waiting run: {max(found.events)}, and later {max(found.later)}")
    print(f"answered their click: {found.answered:,} of {runs:,}, with {found.writes:,} writes")


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else CACHED_RUNS))
