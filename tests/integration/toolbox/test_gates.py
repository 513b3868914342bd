"""The gate of a session: asked before it connects, and again at the first byte of each request."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from contracts.errors import Halted, Unavailable
from contracts.run import Outcome
from contracts.toolbox import Scope
from tests.gates import Counted, open_gate
from tests.integration.toolbox.box import CLOSE, SPECS, arm_close, close_frozen, toolbox
from tests.integration.toolbox.hostile import Hostile
from tests.integration.toolbox.vault import SCOPE

STOPPED = Halted("tool:t is stopped by op:x: test", ("switch:tool:t",))


@dataclass
class Wire:
    """A port at which connections are counted, and every byte that came over them."""

    port: int
    connections: int = 0
    received: bytes = b""


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    found = Wire(port=0)
    serving = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        found.connections += 1
        while block := await reader.read(1_000):
            found.received += block
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()
    await asyncio.gather(*filter(None, serving), return_exceptions=True)


def _scope(gate: Counted) -> Scope:
    return replace(SCOPE, gate=gate)


async def _read(url: str, gate: Counted) -> object:
    return await toolbox(url).read(SPECS["tickets.get"], {"ticket_id": "T-1"}, _scope(gate))


async def _prepare(url: str, gate: Counted) -> object:
    return await toolbox(url).prepare(SPECS["ticket.close"], CLOSE, _scope(gate))


WAYS: dict[str, Callable[[str, Counted], Awaitable[object]]] = {"read": _read, "prepare": _prepare}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "no", [STOPPED, Unavailable("the store did not answer")], ids=["halted", "unavailable"]
)
async def test_what_is_held_back_is_not_even_connected_to(
    wire: Wire, way: str, no: Halted | Unavailable
) -> None:
    """The gate's error comes out of the tool's code as it is, and no answer is made of it."""
    gate = Counted(no)
    with pytest.raises(type(no)) as caught:
        await WAYS[way](f"http://127.0.0.1:{wire.port}", gate)
    assert caught.value is no
    assert (wire.connections, wire.received) == (0, b"")


@pytest.mark.parametrize("way", WAYS)
async def test_a_stop_while_it_connects_keeps_every_byte_back(wire: Wire, way: str) -> None:
    """Let through before it connects and not after it: the service sees a connection and no byte of it."""
    gate = Counted(STOPPED, opens=1)
    with pytest.raises(Halted):
        await WAYS[way](f"http://127.0.0.1:{wire.port}", gate)
    await asyncio.sleep(0.05)
    assert (wire.connections, wire.received, len(gate.asked)) == (1, b"", 2)


async def test_the_reads_of_a_write_are_requests_of_its_tool(hostile: Hostile) -> None:
    """Its version before it is sent, and what it did afterwards, are asked for through the gate."""
    box = toolbox(hostile.url)
    frozen = await close_frozen(box, CLOSE)
    with pytest.raises(Halted):
        await box.arm(SPECS["ticket.close"], frozen, _scope(Counted(STOPPED)))
    armed = await box.arm(SPECS["ticket.close"], frozen, _scope(Counted(STOPPED, opens=2)))
    with pytest.raises(Halted):
        await armed.find()


@pytest.mark.parametrize("opens", [0, 1], ids=["before it connects", "while it connects"])
async def test_a_write_that_is_held_back_failed_and_was_not_sent(hostile: Hostile, opens: int) -> None:
    """Its answer says so: it is neither unknown nor sent again by itself; let through, it is sent."""
    box = toolbox(hostile.url)
    armed = await box.arm(SPECS["ticket.close"], await close_frozen(box, CLOSE), SCOPE)
    before = len(hostile.serving)
    answer = await armed.send(Counted(STOPPED, opens=opens))
    assert (answer.outcome, answer.held, answer.transient) == (Outcome.FAILED, True, False)
    await asyncio.sleep(0.05)
    assert (len(hostile.serving) - before, hostile.writes) == (opens, [])
    assert (await armed.send(open_gate)).outcome is Outcome.SUCCEEDED
    assert len(hostile.writes) == 1


async def test_a_write_that_waited_at_its_gate_for_too_long_was_not_sent(hostile: Hostile) -> None:
    """A store that is silent while it connects: nothing left, nothing is unknown, and it is tried again."""
    armed = await arm_close(hostile.url, timeout=1)
    asked: list[None] = []

    async def late() -> None:
        asked.append(None)
        if len(asked) == 2:
            await asyncio.sleep(30)

    answer = await armed.send(late)
    assert (answer.outcome, answer.transient, hostile.writes) == (Outcome.FAILED, True, [])
    assert (await armed.send(late)).outcome is Outcome.SUCCEEDED
