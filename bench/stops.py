"""``python -m bench.stops RUNS``: runs in flight on the embedded stack, and two of their tools switched off.

Counted at the target: what came in after the switches were committed, and how often each write was executed.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import httpx

from cli import minting
from cli.state import State
from tests.acceptance.conftest import added_tickets
from tests.acceptance.stack_world import SCRIPTED, World, running_world
from tests.acceptance.stop_scene import SCOPES, Outside, Seen, played


async def stopped(world: World, runs: int) -> tuple[Seen, list[str]]:
    """Play the scene; the tickets that were to be closed."""
    tickets = added_tickets(world.state, 2 * runs)
    state = State(directory=world.state)
    limits = httpx.Limits(max_connections=50)

    async def bearer(ask: minting.Ask) -> dict[str, str]:
        return {"Authorization": f"Bearer {await minting.mint(state, ask)}"}

    key = {"Authorization": f"Bearer {state.helpdesk_control()}"}
    async with (
        httpx.AsyncClient(
            base_url=world.at("gateway"), trust_env=False, timeout=60, limits=limits
        ) as gateway,
        httpx.AsyncClient(
            base_url=world.at("helpdesk"), headers=key, trust_env=False, timeout=60
        ) as helpdesk,
    ):
        outside = Outside(
            gateway=gateway,
            helpdesk=helpdesk,
            caller=await bearer(minting.caller("bench", "acme", "*")),
            approver=await bearer(minting.approver("ada")),
            operator=await bearer(minting.operator()),
            route=SCRIPTED,
        )
        pairs = list(zip(tickets[:runs], tickets[runs:], strict=True))
        return await played(outside, pairs, seconds=1_800), tickets[runs:]


async def _main(runs: int) -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        async with running_world(Path(folder)) as world:
            seen, closed = await stopped(world, runs)
    lasted = time.monotonic() - began
    print(f"{runs} runs in {lasted:.0f} s, {' and '.join(SCOPES)} off for {seen.off:.1f} s of it")
    print(f"   while they were off: {dict(seen.states)}")
    print(f"   {seen.requests} requests of theirs, {len(seen.late)} after the commit, the last {_last(seen)}")
    print(f"   later than one second after it: {len(seen.broke_the_law)}")
    print(f"   {seen.completed} runs completed; {_writes(seen, closed)}")


def _last(seen: Seen) -> str:
    return f"{max(seen.late) * 1_000:.0f} ms after it" if seen.late else "before it"


def _writes(seen: Seen, closed: list[str]) -> str:
    counts = [seen.writes[ticket] for ticket in closed]
    once, more, never = counts.count(1), sum(count > 1 for count in counts), counts.count(0)
    return f"writes executed once: {once}, more than once: {more}, never: {never}"


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
