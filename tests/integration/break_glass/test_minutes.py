"""The minute passes, wherever a session is: nothing leaves after it, and it ends by itself."""

import asyncio

import pytest

from contracts.errors import Unavailable
from contracts.run import Outcome
from contracts.toolbox import Answer
from tests.integration.break_glass.glass_world import SLOW, Away, GlassWorld
from tests.integration.test_gateway_world import problem


async def test_nobody_consents_too_late(life: GlassWorld) -> None:
    """After its quarter of an hour it lapses by itself, and says so."""
    session = (await life.ask()).json()
    life.passed(minutes=15)
    assert problem(await life.consent(session)) == (403, "forbidden")
    await life.processes[-1].round()
    found = await life.session(session)
    assert (found["state"], found["ended_by"]) == ("lapsed", "break-glass")
    assert problem(await life.consent(session)) == (409, "conflict")


async def test_a_session_that_waits_is_refused_by_anybody_of_the_group(life: GlassWorld) -> None:
    """It has no report, since it was never open."""
    session = (await life.ask()).json()
    assert (await life.close(session, reason="Not today.")).json()["state"] == "refused"
    assert problem(await life.consent(session)) == (409, "conflict")
    answer = await life.get(f"/v1/sessions/{session['session_id']}/report")
    assert problem(answer) == (404, "not-found")


async def test_a_session_ends_by_itself_at_its_minute(life: GlassWorld) -> None:
    """A moment before it is open; then it has ended, with a report."""
    session = await life.opened(minutes=1)
    for _ in range(6):
        life.passed(seconds=9.9)
        await life.processes[-1].round()
    assert (await life.session(session))["state"] == "open"
    answer = await life.get(f"/v1/sessions/{session['session_id']}/report")
    assert problem(answer) == (409, "conflict")
    life.passed(seconds=0.6)
    await life.processes[-1].round()
    report = await life.report(session)
    assert (report["ended_by"], report["ended_why"]) == ("break-glass", "its minutes are over")


async def test_no_clock_that_is_put_back_lengthens_a_session(life: GlassWorld) -> None:
    """Its minutes are counted by a clock that nobody sets, too."""
    session = await life.opened(minutes=10)
    act = (await life.propose(session)).json()
    life.passed(minutes=-1)
    life.processes[-1].parts.ending.holding._own[session["session_id"]] -= 600
    assert problem(await life.confirm(session, act)) == (409, "conflict")
    await life.processes[-1].round()
    assert (await life.report(session))["ended_why"] == "its minutes are over"
    assert life.target.sends == 0


async def test_an_end_that_does_not_come_about_lets_nothing_more_begin(life: GlassWorld) -> None:
    """Whoever closes it has closed it: the rounds go on with it, in that person's name."""
    session, ending = await life.opened(), life.processes[-1].parts.ending
    kept = ending.acts
    object.__setattr__(ending, "acts", Away())
    assert problem(await life.close(session, reason="Enough.")) == (503, "unavailable")
    assert problem(await life.propose(session)) == (409, "conflict")
    object.__setattr__(ending, "acts", kept)
    await life.processes[-1].round()
    report = await life.report(session)
    assert (report["ended_by"], report["ended_why"]) == ("principal:grace", "Enough.")


async def test_nothing_is_proposed_or_confirmed_after_the_minute(life: GlassWorld) -> None:
    """Whether anybody has ended it yet or not."""
    session = await life.opened(minutes=1)
    act = (await life.propose(session)).json()
    life.passed(minutes=1)
    assert problem(await life.confirm(session, act)) == (409, "conflict")
    assert problem(await life.propose(session, key="a-2")) == (409, "conflict")
    await life.processes[-1].round()
    (told,) = (await life.report(session))["acts"]
    assert (told["outcome"], told["ended_at"]) == ("skipped", None)
    assert life.target.sends == 0


@pytest.mark.parametrize("step", ["fetching", "connecting"])
async def test_the_minute_passes_while_an_act_is_carried_out(life: GlassWorld, step: str) -> None:
    """While secrets are fetched, or between the claim and the first byte: nothing leaves."""
    session = await life.opened(minutes=1)
    act = (await life.propose(session)).json()

    async def stopped_meanwhile() -> None:
        life.passed(minutes=1)
        await asyncio.sleep(SLOW)

    setattr(life.target, step, stopped_meanwhile)
    done = (await life.confirm(session, act)).json()
    assert done["outcome"] in ("failed", "skipped", "denied")
    assert life.target.sends == 0


async def test_the_minute_passes_while_the_preview_is_read(life: GlassWorld) -> None:
    """There is nothing to confirm."""
    session = await life.opened(minutes=1)

    async def meanwhile() -> None:
        life.passed(minutes=1)
        await asyncio.sleep(SLOW)

    life.target.fetching = meanwhile
    assert (await life.propose(session)).json()["outcome"] == "denied"


async def test_an_act_in_hand_at_the_minute_has_its_own_end(life: GlassWorld) -> None:
    """It left in time; its answer is waited for and reported, and other sessions end meanwhile."""
    session = await life.opened(minutes=1)
    act = (await life.propose(session)).json()
    life.target.answering = asyncio.Event()
    confirming = asyncio.ensure_future(life.confirm(session, act))
    await life.writing()
    for _ in range(7):
        life.passed(seconds=9)
        await life.processes[-1].parts.ending.round()
    assert (await life.session(session))["state"] == "open"
    life.target.answering.set()
    assert (await confirming).json()["outcome"] == "succeeded"
    await life.processes[-1].round()
    assert [one["outcome"] for one in (await life.report(session))["acts"]] == ["succeeded"]


async def test_what_a_switch_holds_back_between_two_sends_is_not_waited_for(life: GlassWorld) -> None:
    """The first send may have happened: the act is unknown, and the session ends with it."""
    session = await life.opened()
    act = (await life.propose(session)).json()

    async def stop() -> None:
        await life.stop("tool:ticket.close")

    life.target.answers = [Answer(outcome=Outcome.UNKNOWN, content="", text="no answer")]
    life.target.connecting = stop
    done = (await life.confirm(session, act)).json()
    assert (done["outcome"], life.target.sends) == ("unknown", 1)
    await life.close(session)
    (told,) = (await life.report(session))["acts"]
    assert (told["outcome"], told["ended_at"] is None) == ("unknown", False)


async def test_an_unknown_act_is_settled_by_another_person(life: GlassWorld) -> None:
    """Long after the session; not by who acted, once, and with a reason."""
    session = await life.opened(tools=["ticket.mail"])
    life.target.answers = [Answer(outcome=Outcome.UNKNOWN, content="", text="no answer")]
    act = (await life.propose(session, "ticket.mail")).json()
    assert (await life.confirm(session, act)).json()["outcome"] == "unknown"
    await life.close(session)
    path = f"/v1/sessions/{session['session_id']}/acts/{act['act_id']}/outcome"
    said = {"outcome": "it_did", "reason": "The mail is in the log."}
    life.passed(seconds=10)
    assert problem(await life.post(path, said, "ada")) == (403, "forbidden")
    assert problem(await life.post(path, said, "linus")) == (404, "not-found")
    assert problem(await life.post(path, {"outcome": "it_did"}, "grace")) == (422, "invalid-request")
    assert (await life.post(path, said, "grace")).json()["outcome"] == "succeeded"
    assert problem(await life.post(path, said, "grace")) == (409, "conflict")
    assert ("principal:grace", "settled") in [(one["actor"], one["outcome"]) for one in await life.audited()]


async def test_a_neighbour_that_is_away_ends_an_act_that_was_not_sent(life: GlassWorld) -> None:
    """The target cannot be read before the claim: it failed, and nothing was sent."""
    session = await life.opened()
    act = (await life.propose(session)).json()

    async def away() -> None:
        raise Unavailable("the target did not answer")

    life.target.fetching = away
    done = (await life.confirm(session, act)).json()
    assert (done["outcome"], life.target.sends) == ("failed", 0)
    assert "nothing was sent" in done["text"]


async def test_a_preview_that_cannot_be_read_now_is_asked_for_again(life: GlassWorld) -> None:
    """The same key proposes it anew; the session is not stuck behind it."""
    session = await life.opened()

    async def away() -> None:
        raise Unavailable("the target did not answer")

    usual, life.target.fetching = life.target.fetching, away
    assert problem(await life.propose(session)) == (503, "unavailable")
    life.target.fetching = usual
    again = await life.propose(session)
    assert (again.status_code, again.json()["outcome"]) == (200, None)
    assert (await life.confirm(session, again.json())).json()["outcome"] == "succeeded"


async def test_a_session_of_a_tenant_that_was_forgotten_ends(life: GlassWorld) -> None:
    """Its minute is its end; of what was done nothing can be read any more."""
    session = await life.opened(minutes=1)
    act = (await life.propose(session)).json()
    life.world.contents.forget("acme")
    # As once the process has read the ring anew.
    life.store._contents._kept.clear()
    assert problem(await life.confirm(session, act)) == (403, "forbidden")
    assert problem(await life.propose(session, key="a-2")) == (403, "forbidden")
    life.passed(minutes=1)
    await life.processes[-1].round()
    assert (await life.session(session))["state"] == "closed"
    answer = await life.get(f"/v1/sessions/{session['session_id']}/report")
    assert problem(answer) == (404, "not-found")
    assert life.target.sends == 0
