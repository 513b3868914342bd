"""One thing at a time in a session, and what began goes on to its end."""

import asyncio

import pytest

from breakglass.hands import Hands
from contracts.errors import Conflict, Unavailable


async def test_the_same_thing_again_joins_it() -> None:
    """It is done once, and whoever asked is told what came of it."""
    hands, going_on, done = Hands(), asyncio.Event(), []

    async def work() -> int:
        await going_on.wait()
        done.append(1)
        return len(done)

    asking = [asyncio.ensure_future(hands.do("s", "one", work)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Conflict):
        await hands.do("s", "two", work)
    going_on.set()
    assert await asyncio.gather(*asking) == [1, 1, 1]
    assert await hands.do("s", "two", work) == 2


async def test_sessions_do_not_wait_for_each_other() -> None:
    """One thing at a time is a session's own law."""
    hands, going_on = Hands(), asyncio.Event()

    async def slow() -> str:
        await going_on.wait()
        return "slow"

    async def quick() -> str:
        return "quick"

    waiting = asyncio.ensure_future(hands.do("s", "one", slow))
    await asyncio.sleep(0)
    assert await hands.do("t", "one", quick) == "quick"
    going_on.set()
    assert await waiting == "slow"


async def test_who_hangs_up_tears_nothing_off() -> None:
    """What began goes on, and whoever rests waits for it."""
    hands, going_on, done = Hands(), asyncio.Event(), []

    async def work() -> None:
        await going_on.wait()
        done.append("it")

    asking = asyncio.ensure_future(hands.do("s", "one", work))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    resting = asyncio.ensure_future(hands.rest())
    await asyncio.sleep(0)
    assert not resting.done()
    going_on.set()
    await resting
    assert done == ["it"]


async def test_nothing_begins_in_a_session_that_is_being_ended() -> None:
    """Until its end is over, or did not come about."""
    hands = Hands()

    async def work() -> str:
        return "done"

    await hands.close("s")
    with pytest.raises(Conflict):
        await hands.do("s", "one", work)
    hands.open("s")
    assert await hands.do("s", "one", work) == "done"


async def test_what_failed_is_told_and_leaves_the_hands_free() -> None:
    """Its error is the asker's; the next thing may begin."""
    hands = Hands()

    async def work() -> None:
        raise Unavailable("the store did not answer")

    for _ in range(2):
        with pytest.raises(Unavailable):
            await hands.do("s", "one", work)
