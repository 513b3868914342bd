"""What was stopped goes no further: previews, reads and writes, before and while they are on their way."""

from collections.abc import AsyncIterator
from functools import partial

import pytest

from contracts.errors import TokenRefused
from contracts.run import Outcome
from tests.integration.test_gateway_world import route
from tests.integration.tool_stage import ALLOWED, Stage, nothing, proposing, slowly

SCOPES = ["all", "tenant:acme", "route:support/close", "tool:ticket.close"]
CLOSE = "tool:ticket.close"
NARROWER = route(allow_tools=ALLOWED, deny_tools=["ticket.close", "tickets.get"])


@pytest.fixture
async def closing(store_url: str) -> AsyncIterator[Stage]:
    async with proposing(store_url, "ticket.close") as found:
        yield found


@pytest.fixture
async def reading(store_url: str) -> AsyncIterator[Stage]:
    async with proposing(store_url, "tickets.get") as found:
        yield found


async def test_approvers_are_not_bothered_with_what_is_stopped(closing: Stage) -> None:
    """Under a switch of any scope nothing is read, and the run is halted; lifted, it is prepared."""
    for scope in SCOPES:
        await closing.switch(scope)
        frost = await closing.prepare()
        assert frost.halted is not None
        assert frost.halted.startswith(f"{scope} is stopped by op:x")
        await closing.switch(scope, stopped=False)
    assert closing.target.requests == []
    assert (await closing.state(), await closing.outcome()) == ("halted", None)
    assert await closing.rules("halted") == [["switch:all"]]
    frost = await closing.prepare()
    assert (frost.halted, closing.target.requests) == (None, ["preview"])
    assert frost.action_digest is not None


async def test_approvers_are_not_bothered_with_what_the_policy_in_force_denies(closing: Stage) -> None:
    """It is denied by the rule that denies it now, told to the model, and the run goes on."""
    await closing.publish(NARROWER)
    frost = await closing.prepare()
    assert (frost.action_digest, frost.halted) == (None, None)
    assert (await closing.outcome(), closing.target.requests) == (Outcome.DENIED, [])
    assert await closing.rules("denied") == [["deny_tools[0]"]]


async def test_a_read_that_people_would_be_asked_about_is_denied(store_url: str) -> None:
    """Nobody can be shown what a read changes: it is denied by the rule that asks, and the run goes on."""
    async with proposing(store_url, "tickets.get", require_approval=["tickets.get"]) as stage:
        frost = await stage.prepare()
        assert (frost.action_digest, frost.halted) == (None, None)
        assert (await stage.outcome(), stage.target.requests) == (Outcome.DENIED, [])
        ((allowed, asked),) = await stage.rules("denied")
        assert (allowed, asked) == ("allow_tools[1]", "require_approval[0]")


async def test_a_preview_whose_secret_takes_its_time_is_stopped(closing: Stage) -> None:
    """Stopped while its secret is fetched: no request of it leaves."""
    closing.target.fetching = slowly(partial(closing.switch, CLOSE))
    assert (await closing.prepare()).halted is not None
    assert (closing.target.requests, await closing.state()) == ([], "halted")


async def test_a_read_of_several_requests_is_stopped_between_them(reading: Stage) -> None:
    """Stopped in the middle of a read: it is halted, answers nothing, and is read whole when it is lifted."""
    reading.target.parts = 2

    async def stops_at_the_second() -> None:
        if reading.target.requests:
            await slowly(partial(reading.switch, "tool:tickets.get"))()

    reading.target.fetching = stops_at_the_second
    acted = await reading.read()
    assert (acted.outcome, reading.target.requests) == (Outcome.SKIPPED, ["read"])
    assert (acted.halted is not None, await reading.outcome()) == (True, None)
    await reading.switch("tool:tickets.get", stopped=False)
    reading.target.fetching = nothing
    assert (await reading.read()).outcome == Outcome.SUCCEEDED


@pytest.mark.parametrize("change", ["policy", "cancelled"])
async def test_a_read_loses_what_is_allowed_no_more(reading: Stage, change: str) -> None:
    """A policy is published, or the run cancelled, while its secret is fetched: denied, and no answer."""

    async def changes() -> None:
        if change == "policy":
            await reading.publish(NARROWER)
        else:
            await reading.world.runs.request_cancel(
                reading.run.warrant.run_id, actor="svc:demo", reason="enough"
            )

    reading.target.fetching = slowly(changes)
    assert (await reading.read()).outcome == Outcome.DENIED
    assert reading.target.requests == []
    assert await reading.rules("denied") == [["deny_tools[1]"] if change == "policy" else ["run.closed"]]


async def _ready(closing: Stage) -> str:
    await closing.prepare()
    token = await closing.approved()
    closing.target.requests.clear()
    return token


async def test_the_version_of_a_stopped_write_is_not_read(closing: Stage) -> None:
    """Approved and stopped: nothing of it leaves, nothing is claimed, and the run is halted."""
    token = await _ready(closing)
    await closing.switch(CLOSE)
    acted = await closing.write(token)
    assert (acted.halted is not None, closing.target.requests) == (True, [])
    assert (await closing.state(), await closing.rules("halted")) == (
        "halted",
        [["switch:tool:ticket.close"]],
    )


async def test_a_write_that_is_stopped_while_it_connects_is_not_sent(closing: Stage) -> None:
    """Claimed, and stopped before its first byte: its key is free again; lifted, it is prepared, asked about
    and approved anew, and sent once."""
    token = await _ready(closing)
    closing.target.connecting = slowly(partial(closing.switch, CLOSE))
    acted = await closing.write(token)
    assert (acted.changed, closing.target.requests) == (True, ["version"])
    assert await closing.outcome() is None
    assert (await closing.prepare()).halted is not None
    await closing.switch(CLOSE, stopped=False)
    closing.target.connecting = slowly(partial(closing.switch, "tool:other", stopped=False))
    assert (await closing.prepare()).action_digest is not None
    assert (await closing.write(await closing.approved())).outcome == Outcome.SUCCEEDED
    assert closing.target.requests.count("write") == 1


async def test_what_was_approved_before_a_stop_is_asked_about_anew(closing: Stage) -> None:
    """Lifted, the older approval is void: not the end of the write, but a new card, and one write."""
    token = await _ready(closing)
    await closing.switch(CLOSE)
    await closing.switch(CLOSE, stopped=False)
    assert (await closing.write(token)).changed
    assert (await closing.outcome(), "write" in closing.target.requests) == (None, False)
    await closing.prepare()
    assert (await closing.write(await closing.approved())).outcome == Outcome.SUCCEEDED
    assert closing.target.requests.count("write") == 1


async def test_a_write_that_was_taken_back_unheard_is_prepared_anew(closing: Stage) -> None:
    """The worker died before it said so, and its capability ran out: a new one says so, and sends nothing."""
    token = await _ready(closing)
    await closing.switch(CLOSE)
    await closing.switch(CLOSE, stopped=False)
    assert (await closing.write(token)).changed
    assert (await closing.write(await closing.permitted())).changed
    await closing.prepare()
    with pytest.raises(TokenRefused):
        await closing.write(await closing.reads())
    assert (await closing.write(await closing.approved())).outcome == Outcome.SUCCEEDED
    assert closing.target.requests.count("write") == 1


async def test_a_write_that_needs_no_approval_carries_on_after_a_stop_too(store_url: str) -> None:
    """Held back before its first byte; lifted, the same bytes are claimed anew, and sent once."""
    waived = {"tool": "ticket.close", "waive": "approval", "reason": "trial", "owner": "principal:ada"}
    rules = {"exceptions": [{**waived, "expires": "2099-01-31"}]}
    async with proposing(store_url, "ticket.close", **rules) as closing:
        await closing.prepare()
        closing.target.connecting = slowly(partial(closing.switch, CLOSE))
        assert (await closing.write(await closing.waived())).changed
        assert (await closing.prepare()).halted is not None
        await closing.switch(CLOSE, stopped=False)
        closing.target.connecting = nothing
        assert (await closing.prepare()).action_digest is not None
        assert (await closing.write(await closing.waived())).outcome == Outcome.SUCCEEDED
        assert closing.target.requests.count("write") == 1
