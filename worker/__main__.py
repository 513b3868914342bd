"""``python -m worker --role agent|broker|tools``: one role, one process."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from temporalio.worker import Worker

from activities.boundary import Boundary
from contracts.errors import InterlockError
from worker.build import build
from worker.parts import Role
from worker.settings import Settings
from workflows.headers import CapabilityHeaders

CACHED_RUNS: Final = 500
"""Runs whose state one worker keeps in memory; the others are replayed when they wake."""


async def serve(role: Role, stop: asyncio.Event) -> None:
    """Serve until ``stop``; whatever dies beside the worker ends it."""
    worker = Worker(
        role.client,
        task_queue=role.queue,
        activities=list(role.activities),
        workflows=list(role.workflows),
        max_concurrent_activities=role.slots,
        interceptors=[Boundary(role.attempts), CapabilityHeaders()],
        deployment_config=role.deployment,
        max_cached_workflows=CACHED_RUNS,
        graceful_shutdown_timeout=timedelta(seconds=3),
        max_heartbeat_throttle_interval=timedelta(seconds=2),
        default_heartbeat_throttle_interval=timedelta(seconds=2),
    )
    running: list[asyncio.Task[Any]] = [asyncio.create_task(worker.run())]
    running += [asyncio.create_task(_await(beside())) for beside in role.beside]
    stopping = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait([*running, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await worker.shutdown()
        for task in [*running, stopping]:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _await(work: Any) -> None:
    await work


async def _main(role: str, changed: Callable[[Role], Role]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await serve(changed(await build(role, Settings.read(os.environ))), stop)


def run(role: str, changed: Callable[[Role], Role] = lambda built: built) -> int:
    """Run one role until it is told to stop; 1 with a sentence where it can't serve."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(_main(role, changed))
    except InterlockError as error:
        print(f"interlock worker --role {role}: {error.sentence}", file=sys.stderr)  # noqa: T201  a sentence for people
        return 1
    return 0


def leave(code: int) -> None:
    """End the process; one that used a Temporal client may crash otherwise (temporalio/sdk-python#300)."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="interlock worker", description="Serve one role of Interlock.")
    parser.add_argument("--role", required=True, choices=["agent", "broker", "tools"])
    leave(run(parser.parse_args().role))
