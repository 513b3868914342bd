"""The last look before a read leaves: fresh or made anew, and its no is final."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import pytest

from activities.concluding import denied
from activities.gate import LEAVE_WITHIN, ReadGate
from contracts.errors import Halted, InterlockError, PermissionRefused, Refused, Unavailable
from contracts.run import Outcome

STOPPED = Halted("tool:t is stopped by op:x: test", ("switch:tool:t",))


@dataclass
class Looks:
    """A store that says what it is told to, then yes; each answer takes its time."""

    says: list[InterlockError] = field(default_factory=list)
    takes: list[float] = field(default_factory=list)
    looks: int = 0

    async def __call__(self) -> float:
        began = time.monotonic()
        self.looks += 1
        await asyncio.sleep(self.takes.pop(0) if self.takes else 0)
        if self.says:
            raise self.says.pop(0)
        return began


async def test_requests_side_by_side_need_one_look() -> None:
    """What was looked at within half a second holds for every request that leaves in it."""
    looks = Looks()
    gate = ReadGate(looks)
    for _request in range(5):
        await gate()
    assert looks.looks == 1


async def test_a_request_leaves_within_half_a_second_of_a_look() -> None:
    """A request that leaves later than that after the last look is looked at anew."""
    looks = Looks()
    gate = ReadGate(looks)
    await gate()
    await asyncio.sleep(LEAVE_WITHIN + 0.01)
    await gate()
    assert looks.looks == 2


async def test_a_look_that_took_too_long_is_made_once_more() -> None:
    """It counts from the moment that it speaks of, not from the one at which it is answered."""
    looks = Looks(takes=[LEAVE_WITHIN + 0.01])
    await ReadGate(looks)()
    assert looks.looks == 2


async def test_the_admission_is_the_first_look() -> None:
    """A read that leaves at once is not looked at twice; one whose admission took its time is."""
    quick, slow = Looks(), Looks()
    at_once, late = ReadGate(quick), ReadGate(slow)
    await at_once.first(asyncio.sleep(0))
    await at_once()
    await late.first(asyncio.sleep(LEAVE_WITHIN + 0.01))
    await late()
    assert (quick.looks, slow.looks) == (0, 1)


@pytest.mark.parametrize("no", [STOPPED, PermissionRefused("denied", ("deny_tools[0]",))])
async def test_a_no_stays_a_no(no: Halted | PermissionRefused) -> None:
    """Code that asks again and again is not let through by a switch that is lifted in between."""
    gate = ReadGate(Looks(says=[no]))
    for _request in range(2):
        with pytest.raises(type(no)) as caught:
            await gate()
        assert caught.value is no


async def test_a_store_that_cannot_be_reached_means_no_for_now() -> None:
    """Nothing leaves, and the next attempt may find it back."""
    gate = ReadGate(Looks(says=[Unavailable("the store did not answer")]))
    with pytest.raises(Unavailable):
        await gate()
    assert gate.no is None
    await gate()


Code: TypeAlias = Callable[[ReadGate], Awaitable[str]]


async def _swallows(gate: ReadGate) -> str:
    try:
        await gate()
    except Exception:  # as a tool's code may do
        return "an answer"
    return "let through"


async def _translates(gate: ReadGate) -> str:
    try:
        await gate()
    except InterlockError as error:
        raise Refused("the tool's own sentence") from error
    return "let through"


@pytest.mark.parametrize("code", [_swallows, _translates], ids=["swallowed", "translated"])
async def test_no_code_of_a_tool_makes_an_answer_of_a_halt(code: Code) -> None:
    """Whatever a tool makes of the gate's error, the call is halted and not answered."""
    gate = ReadGate(Looks(says=[STOPPED]))
    with pytest.raises(Halted):
        await gate.outcome(code(gate))
    open_gate = ReadGate(Looks())
    assert await open_gate.outcome(code(open_gate)) == "let through"


async def test_a_tools_own_error_stays_its_own() -> None:
    """Where nothing was held back, what the code raises is told."""

    async def broken() -> None:
        raise PermissionRefused("this secret may not be read here")

    gate = ReadGate(Looks())
    with pytest.raises(PermissionRefused) as caught:
        await gate.outcome(broken())
    assert caught.value is not gate.no


def test_what_is_denied_by_now_names_its_rules() -> None:
    """The audit says which; of a refusal that names none, that something went wrong."""
    conclusion = denied(PermissionRefused("no", ("deny_tools[0]",)))
    assert (conclusion.outcome, conclusion.rules) == (Outcome.DENIED, ("deny_tools[0]",))
    assert denied(PermissionRefused("it broke")).rules == ("error",)
