"""The process dies, at each point of a session and of an act; what starts next ends what it left open."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from contracts.digest import Json
from contracts.errors import Unavailable
from contracts.run import Outcome
from contracts.toolbox import Answer
from tests.integration.break_glass.glass_world import Away, GlassWorld
from tests.integration.test_gateway_world import problem
from tests.integration.tool_stage import DONE, nothing

DIED = "the break-glass process ended while it was open"
SILENCE = 11
"""Seconds after which a process that says nothing is taken for dead."""


async def dying(life: GlassWorld, session: Json, act: Json, moment: Awaitable[object]) -> None:
    """The process dies at that moment of the act."""
    confirming = asyncio.ensure_future(life.confirm(session, act))
    await moment
    await life.processes[-1].die()
    await asyncio.gather(confirming, return_exceptions=True)


async def torn(life: GlassWorld, tool: str, *, minutes: int = 10) -> Json:
    """A session whose process died while an act's answer was on its way."""
    session = await life.opened(tools=[tool], minutes=minutes)
    act = (await life.propose(session, tool)).json()
    life.target.answering = asyncio.Event()
    await dying(life, session, act, life.writing())
    life.target.answering = None
    return session


async def unclaimed(life: GlassWorld, **changed: Any) -> Json:
    """A session whose process died while it looked at the target of a confirmed act."""
    session = await life.opened(**changed)
    act = (await life.propose(session)).json()
    reading = asyncio.Event()

    async def never() -> None:
        reading.set()
        await asyncio.Event().wait()

    life.target.fetching = never
    await dying(life, session, act, reading.wait())
    life.target.fetching = nothing
    return session


async def test_a_session_that_waits_waits_on(life: GlassWorld) -> None:
    """Whichever process is there when somebody consents opens it."""
    session = (await life.ask()).json()
    await life.processes[-1].die()
    process = life.begin()
    await process.round()
    assert (await life.consent(session)).json()["state"] == "open"
    assert (await life.propose(session)).status_code == 201


async def test_a_session_left_open_is_closed_and_says_so(life: GlassWorld) -> None:
    """What was prepared and not confirmed is skipped; nobody acts in it meanwhile."""
    session = await life.opened()
    act = (await life.propose(session)).json()
    await life.processes[-1].die()
    process = life.begin()
    assert problem(await life.confirm(session, act)) == (409, "conflict")
    life.passed(seconds=SILENCE)
    await process.round()
    report = await life.report(session)
    assert (report["ended_by"], report["ended_why"]) == ("break-glass", DIED)
    assert [one["outcome"] for one in report["acts"]] == ["skipped"]


async def test_a_process_that_is_stopped_in_order_closes_its_own(life: GlassWorld) -> None:
    """With a report, at once; a session that waits, and one of another process, go on."""
    session, first = await life.opened(), life.processes[-1]
    act = (await life.propose(session)).json()
    waiting = (await life.ask("grace")).json()
    await life.begin().parts.ending.stop()
    assert (await life.session(session))["state"] == "open"
    await first.parts.ending.stop()
    report = await life.report(session)
    assert (report["ended_by"], report["ended_why"]) == ("break-glass", "the break-glass process was stopped")
    assert [one["outcome"] for one in report["acts"]] == ["skipped"]
    assert (await life.session(waiting))["state"] == "waiting"
    assert (await life.confirm(session, act)).json()["outcome"] == "skipped"
    assert life.target.sends == 0


async def test_a_living_process_keeps_its_sessions(life: GlassWorld) -> None:
    """A second one leaves them alone, and does nothing in them."""
    session = await life.opened()
    first, second = life.processes[0], life.begin()
    for _ in range(5):
        life.passed(seconds=8)
        await first.round()
        await second.round()
    assert (await life.session(session))["state"] == "open"
    assert problem(await life.propose(session)) == (409, "conflict")
    assert problem(await life.close(session)) == (503, "unavailable")
    life.processes.reverse()
    assert (await life.propose(session)).status_code == 201


async def test_a_process_that_was_silent_for_too_long_acts_no_more(life: GlassWorld) -> None:
    """Stopped and continued, it finds its session taken over."""
    session = await life.opened()
    act = (await life.propose(session)).json()
    first, second = life.processes[0], life.begin()
    life.passed(seconds=SILENCE)
    await second.parts.ending.holding.keep(session["session_id"])
    life.processes.reverse()
    assert life.processes[-1] is first
    assert problem(await life.confirm(session, act)) == (409, "conflict")
    await second.round()
    assert (await life.session(session))["ended_why"] == DIED


@pytest.mark.parametrize(
    ("tool", "knows", "outcome", "sends"),
    [
        ("ticket.close", None, "succeeded", 2),
        ("ticket.tag", DONE, "succeeded", 1),
        ("ticket.tag", None, "succeeded", 2),
        ("ticket.mail", DONE, "unknown", 1),
    ],
)
async def test_a_claimed_act_is_carried_to_its_end_within_the_minute(
    life: GlassWorld, tool: str, knows: Answer | None, outcome: str, sends: int
) -> None:
    """As an agent's write: sent again where the target knows our key, looked up, or unknown."""
    session = await torn(life, tool)
    life.target.knows = knows
    life.passed(seconds=SILENCE)
    await life.begin().round()
    report = await life.report(session)
    assert (report["acts"][0]["outcome"], life.target.sends) == (outcome, sends)
    assert report["ended_why"] == DIED


@pytest.mark.parametrize(
    ("tool", "knows", "outcome"),
    [
        ("ticket.close", DONE, "unknown"),
        ("ticket.tag", DONE, "succeeded"),
        ("ticket.tag", None, "unknown"),
        ("ticket.mail", DONE, "unknown"),
    ],
)
async def test_a_claimed_act_is_sent_no_more_after_the_minute(
    life: GlassWorld, tool: str, knows: Answer | None, outcome: str
) -> None:
    """It is looked up where that can be, and else unknown; the session ends all the same."""
    session = await torn(life, tool, minutes=1)
    life.target.knows = knows
    life.passed(minutes=1)
    await life.begin().round()
    report = await life.report(session)
    assert (report["acts"][0]["outcome"], life.target.sends) == (outcome, 1)


@pytest.mark.parametrize("hindrance", ["away", "stopped"])
async def test_a_claimed_act_whose_target_cannot_be_asked_is_unknown(
    life: GlassWorld, hindrance: str
) -> None:
    """Nobody waits for a target that is away, or for a kill switch: the session ends."""
    session = await torn(life, "ticket.tag")

    async def away() -> None:
        raise Unavailable("the target did not answer")

    if hindrance == "away":
        life.target.fetching = away
    else:
        await life.stop("tool:ticket.tag")
    life.passed(seconds=SILENCE)
    await life.begin().round()
    assert [one["outcome"] for one in (await life.report(session))["acts"]] == ["unknown"]
    assert life.target.sends == 1


@pytest.mark.parametrize(
    ("silent", "outcome", "sends"), [(SILENCE, "succeeded", 1), (60, "skipped", 0)], ids=["within", "after"]
)
async def test_an_act_that_was_confirmed_and_not_claimed(
    life: GlassWorld, silent: int, outcome: str, sends: int
) -> None:
    """Its person's word was kept, then the process died: within the minute it is sent, as an agent's is."""
    session = await unclaimed(life, minutes=1)
    life.passed(seconds=silent)
    await life.begin().round()
    assert [one["outcome"] for one in (await life.report(session))["acts"]] == [outcome]
    assert life.target.sends == sends


@pytest.mark.parametrize("lost", ["key", "content"])
async def test_what_can_never_be_carried_to_its_end_is_unknown(life: GlassWorld, lost: str) -> None:
    """The key that signed the session was replaced, or its tenant forgotten: it ends all the same, and a
    person may still say what was done."""
    session = await torn(life, "ticket.close")
    if lost == "key":
        life.replace_key()
    else:
        life.world.contents.forget("acme")
        life.store._contents._kept.clear()
    life.passed(seconds=SILENCE)
    await life.begin().round()
    found = await life.session(session)
    assert (found["state"], [one["outcome"] for one in found["acts"]]) == ("closed", ["unknown"])
    path = f"/v1/sessions/{session['session_id']}/acts/{found['acts'][0]['act_id']}/outcome"
    said = {"outcome": "it_did", "reason": "The helpdesk shows it."}
    assert (await life.post(path, said, "grace")).json()["outcome"] == "succeeded"
    assert life.target.sends == 1


async def test_what_was_closed_by_hand_sends_nothing_more(life: GlassWorld) -> None:
    """Also where the end did not come about at once, and the rounds go on with it after a death."""
    session = await unclaimed(life)
    life.passed(seconds=SILENCE)
    ending = life.begin().parts.ending
    kept = ending.acts
    object.__setattr__(ending, "acts", Away())
    assert problem(await life.close(session)) == (503, "unavailable")
    object.__setattr__(ending, "acts", kept)
    await life.processes[-1].round()
    report = await life.report(session)
    assert (report["ended_by"], report["acts"][0]["outcome"]) == ("principal:grace", "skipped")
    assert life.target.sends == 0


async def test_an_unknown_act_of_a_dead_process_stays_unknown(life: GlassWorld) -> None:
    """It ended so before: a person has to say, and the session ends without asking its target."""
    session = await life.opened(tools=["ticket.mail"])
    life.target.answers = [Answer(outcome=Outcome.UNKNOWN, content="", text="no answer")]
    await life.confirm(session, (await life.propose(session, "ticket.mail")).json())
    await life.processes[-1].die()
    life.passed(seconds=SILENCE)
    await life.begin().round()
    assert [one["outcome"] for one in (await life.report(session))["acts"]] == ["unknown"]
