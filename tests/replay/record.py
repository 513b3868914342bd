"""``python -m tests.replay.record [NAME …]``: record a run of every kind, or these, on a stack of its own."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

from temporalio.client import WorkflowHandle, WorkflowHistory

from cli.playing import candidates
from contracts.errors import Refused
from embedded.stack import running_stack
from tests.acceptance.conftest import World, scripted_policies, scripted_tools, world_of
from tests.replay.plain import in_plain
from tests.replay.scenes import LONG_HISTORY, SCENES
from worker.version import code_build

HISTORIES: Final = Path(__file__).parent / "histories"


def main(arguments: Sequence[str]) -> int:
    """Record; 1 with a sentence where a recording is there already."""
    parser = argparse.ArgumentParser(prog="python -m tests.replay.record", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="kinds of runs; all, if none is named")
    parser.add_argument("--replace", action="store_true", help="write over recordings of this build")
    told = parser.parse_args(arguments)
    unknown = sorted(set(told.names) - set(SCENES))
    if unknown:
        parser.error(f"there is no scene {', '.join(unknown)}; there are {', '.join(SCENES)}")
    directory = HISTORIES / code_build()
    try:
        wanted = _free(directory, told.names or list(SCENES), replace=told.replace)
    except Refused as error:
        sys.stderr.write(f"{error.sentence}\n")
        return 1
    asyncio.run(_record(directory, wanted))
    return 0


def _free(directory: Path, wanted: Sequence[str], *, replace: bool) -> Sequence[str]:
    """Raises Refused where one is recorded already: it may be the only one of runs that are still open."""
    there = sorted(name for name in wanted if list(directory.glob(f"{name}.*json")))
    if there and not replace:
        raise Refused(
            f"{', '.join(there)} of build {directory.name} is recorded already: name others, or say --replace"
        )
    return wanted


async def _record(directory: Path, wanted: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        async with (
            running_stack(
                root / "state",
                policies=scripted_policies(root / "policies"),
                tools=scripted_tools(root / "tools.yaml"),
                headless=True,
                temporal_settings=[f"limit.historyCount.suggestContinueAsNew={LONG_HISTORY}"],
            ) as stack,
            world_of(stack, candidates(frozenset())) as world,
        ):
            for name in wanted:
                run_id = await SCENES[name](world)
                await _keep(directory, name, world, run_id)


async def _keep(directory: Path, name: str, world: World, run_id: str) -> None:
    codec = world.temporal.data_converter.payload_codec
    assert codec is not None
    found = [history async for history in _chain(world, run_id)]
    directory.mkdir(parents=True, exist_ok=True)
    for path in directory.glob(f"{name}.*json"):
        path.unlink()
    for number, history in enumerate(found, 1):
        place = f".{number}" if len(found) > 1 else ""
        path = directory / f"{name}{place}.json"
        path.write_text(await in_plain(history, codec))
        sys.stdout.write(f"{path.relative_to(HISTORIES)}: {len(history.events)} events\n")


async def _chain(world: World, run_id: str) -> AsyncIterator[WorkflowHistory]:
    """A run's histories, from its first on, each once nothing is added to it."""
    execution = (await world.workflow(run_id).describe()).raw_description.workflow_execution_info.first_run_id
    while execution:
        handle = world.temporal.get_workflow_handle(run_id, run_id=execution)
        history = await _at_rest(handle)
        yield history
        last = history.events[-1].workflow_execution_continued_as_new_event_attributes
        execution = last.new_execution_run_id


async def _at_rest(handle: WorkflowHandle[Any, Any]) -> WorkflowHistory:
    """The history once nothing is added to it for a moment: the run has ended, or it waits."""
    seen = 0
    while len((history := await handle.fetch_history()).events) != seen:
        seen = len(history.events)
        await asyncio.sleep(1.0)
    return history


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
