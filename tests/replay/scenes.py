"""One run of every kind, played on a real stack; each is left where its recording shall end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from contracts import names
from contracts.wire import Nudge
from tests.acceptance.conftest import ONCE, QUICK, World

LONG_HISTORY: Final = 110
"""Events after which the stack's server suggests a new history: more than any scene has but the long one."""

Play = Callable[[World], Awaitable[str]]


def _read(ticket: str) -> dict[str, Any]:
    return {"tool": "tickets.get", "args": {"ticket_id": ticket}}


def _search(words: str) -> dict[str, Any]:
    return {"tool": "kb.search", "args": {"query": words}}


def _close(ticket: str, tool: str = "ticket.close") -> dict[str, Any]:
    return {"tool": tool, "args": {"ticket_id": ticket, "reason": "It works again."}}


async def _asked(world: World, tool: str = "ticket.close") -> tuple[str, str, Any]:
    ticket = next(world.tickets)
    run_id = await world.scripted([_close(ticket, tool)])
    return run_id, ticket, await world.asked(run_id, ticket)


async def _decided(world: World, asked: Any, decision: str, principal: str = "ada") -> None:
    answer = await world.decide(asked, principal, decision)
    assert answer.status_code == 200, answer.text


async def reads(world: World) -> str:
    """Two reads side by side, one more, and the end."""
    one, two, three = (next(world.tickets) for _ in range(3))
    run_id = await world.scripted([_read(one), _read(two)], [_read(three)])
    await world.reaches(run_id, "completed")
    return run_id


async def approved(world: World) -> str:
    run_id, _, asked = await _asked(world)
    await _decided(world, asked, "approve")
    await world.reaches(run_id, "completed")
    return run_id


async def denied(world: World) -> str:
    run_id, _, asked = await _asked(world)
    await _decided(world, asked, "deny")
    await world.reaches(run_id, "completed")
    return run_id


async def expired(world: World) -> str:
    ticket = next(world.tickets)
    run_id = await world.submit(QUICK, {"script": [[_close(ticket)]], "final": "Done."})
    await world.reaches(run_id, "stopped")
    return run_id


async def waiting(world: World) -> str:
    return (await _asked(world))[0]


async def _unknown(world: World) -> tuple[str, Any]:
    await world.fault("close", "lose_answer")
    run_id, ticket, asked = await _asked(world, ONCE)
    await _decided(world, asked, "approve")
    return run_id, await world.questioned(run_id, ticket)


async def questioned(world: World) -> str:
    return (await _unknown(world))[0]


async def settled(world: World) -> str:
    run_id, question = await _unknown(world)
    await _decided(world, question, "it_did", "grace")
    await world.reaches(run_id, "completed")
    return run_id


async def asked_again(world: World) -> str:
    """The target knows our key: it is asked until it answers, and no person is."""
    await world.fault("close", "lose_answer", times=4)
    run_id, _, asked = await _asked(world)
    await _decided(world, asked, "approve")
    await world.reaches(run_id, "completed")
    return run_id


async def changed(world: World) -> str:
    run_id, ticket, old = await _asked(world)
    await world.touch(ticket)
    await _decided(world, old, "approve")
    new = await world.asked(run_id, ticket, unlike=old.approval_id)
    await _decided(world, new, "approve")
    await world.reaches(run_id, "completed")
    return run_id


async def _halted(world: World) -> str:
    await world.switch(f"route:{QUICK}", stopped=True)
    run_id = await world.submit(QUICK, {"script": [[_read(next(world.tickets))]], "final": "Done."})
    await world.reaches(run_id, "halted")
    return run_id


async def resumed(world: World) -> str:
    run_id = await _halted(world)
    await world.switch(f"route:{QUICK}", stopped=False)
    await world.reaches(run_id, "completed")
    return run_id


async def _cancelled(world: World, run_id: str) -> str:
    await world.cancel(run_id, "a recording")
    await world.reaches(run_id, "cancelled")
    return run_id


async def cancelled_approval(world: World) -> str:
    return await _cancelled(world, await waiting(world))


async def cancelled_question(world: World) -> str:
    return await _cancelled(world, await questioned(world))


async def cancelled_halt(world: World) -> str:
    run_id = await _halted(world)
    await _cancelled(world, run_id)
    await world.switch(f"route:{QUICK}", stopped=False)
    return run_id


async def continued(world: World) -> str:
    """Long before it asks, and long again while it waits, woken by messages that say nothing true."""
    ticket = next(world.tickets)
    searches = [[_search(f"printer {number}")] for number in range(9)]
    run_id = await world.scripted(*searches, [_close(ticket)])
    asked = await world.asked(run_id, ticket)
    handle = world.workflow(run_id)
    before = (await handle.describe()).run_id
    vain = 0
    while (await handle.describe()).run_id == before:
        vain += 1
        await handle.signal(names.DECIDED, Nudge(approval_id=asked.approval_id, grant_id=f"vain-{vain}"))
        await asyncio.sleep(0.3)
    await _decided(world, asked, "approve")
    await world.reaches(run_id, "completed")
    return run_id


SCENES: Final[dict[str, Play]] = {
    "reads-side-by-side": reads,
    "approved-write": approved,
    "denied": denied,
    "expired": expired,
    "waiting-for-approval": waiting,
    "waiting-for-a-word-on-an-unknown-write": questioned,
    "unknown-write-settled": settled,
    "unknown-write-found-at-the-target": asked_again,
    "target-changed": changed,
    "halted-and-resumed": resumed,
    "cancelled-while-waiting-for-approval": cancelled_approval,
    "cancelled-while-waiting-for-a-word": cancelled_question,
    "cancelled-while-halted": cancelled_halt,
    "continued-as-new": continued,
}
"""By the name of its recording, how a run of that kind comes about; one after the other, as they halt."""
