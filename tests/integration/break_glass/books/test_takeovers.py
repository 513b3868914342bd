"""An act whose process died: carried on as an agent's write is; past its minute nothing more is sent."""

from dataclasses import replace

import pytest

from contracts.errors import Conflict, Unavailable
from contracts.run import Outcome
from contracts.tool import Retry
from tests.integration.break_glass.books.sessions import MINUTES, NATIVE, UNKNOWN, Glass

LOOKUP = Retry(kind="lookup")
KINDS = {"native": NATIVE, "lookup": LOOKUP, "none": Retry()}


@pytest.mark.parametrize(("kind", "said"), [("native", "send"), ("lookup", "lookup"), ("none", "unknown")])
async def test_a_taken_act_goes_on_as_its_tool_allows(glass: Glass, kind: str, said: str) -> None:
    """Sent again, looked up first, or unknown: what the tool declares decides, as for agents."""
    act = await glass.confirmed(await glass.open())
    await act.claim("one", KINDS[kind])
    assert (await act.claim("two", KINDS[kind])).say == "wait"
    act.lapse()
    assert (await act.claim("two", KINDS[kind])).say == said


@pytest.mark.parametrize(("kind", "said"), [("native", "unknown"), ("lookup", "find"), ("none", "unknown")])
async def test_past_the_minute_it_is_only_looked_for(glass: Glass, kind: str, said: str) -> None:
    """A process that comes back late sends nothing more, whatever the target would forgive."""
    act = await glass.confirmed(await glass.open())
    await act.claim("one", KINDS[kind])
    glass.world.clock.at_ms += MINUTES * 60_000
    assert (await act.claim("two", KINDS[kind])).say == said


async def test_what_surely_was_not_sent_and_may_not_be_has_failed(glass: Glass) -> None:
    """Its own holder, past the minute, with no byte out: failed, not unknown, and its key is free."""
    act = await glass.confirmed(await glass.open())
    await act.claim("one", NATIVE)
    glass.world.clock.at_ms += MINUTES * 60_000
    claim = await glass.ledger.claim(replace(act.request("one", NATIVE), unsent=True))
    assert claim.stored is not None
    assert (await act.action()).outcome is Outcome.FAILED
    assert not await glass.ledger.known(act.frozen.key_hash)


async def test_what_has_an_end_is_not_confirmed_again(glass: Glass) -> None:
    """An act whose outcome nobody knows is settled by people, and by no second confirmation."""
    act = await glass.confirmed(await glass.open())
    await act.settle(await act.claim(), UNKNOWN)
    with pytest.raises(Conflict):
        await glass.acts.confirmed(act.run, act.frozen.action_id, act.frozen.digest(), "again")


@pytest.mark.parametrize(("happened", "outcome"), [(True, Outcome.SUCCEEDED), (False, Outcome.FAILED)])
async def test_a_person_settles_what_nobody_knows(glass: Glass, happened: bool, outcome: Outcome) -> None:
    """Act, claim, audit and alert together say what the person says, also when the session is over."""
    act = await glass.confirmed(await glass.open())
    await act.settle(await act.claim(), UNKNOWN)
    await glass.close(act.run)
    settled = await glass.acts.settle(
        act.run.warrant.run_id,
        act.frozen.action_id,
        happened=happened,
        actor="principal:grace",
        reason="I looked",
    )
    assert (settled.outcome, "Grace looked" in settled.outcome_text) == (outcome, True)
    (told,) = [one for one in await glass.audited() if one["outcome"] == "settled"]
    assert (told["actor"], told["tool"]) == ("principal:grace", "ticket.close")
    assert (await glass.alerts())[-1].actor == "principal:grace"
    assert told["reason"].endswith("I looked")
    with pytest.raises(Conflict):
        await glass.acts.settle(
            act.run.warrant.run_id,
            act.frozen.action_id,
            happened=not happened,
            actor="principal:grace",
            reason="again",
        )


async def test_a_persons_word_waits_for_who_asks_the_target(glass: Glass) -> None:
    """While a process has the act in hand the target's answer is worth more."""
    act = await glass.confirmed(await glass.open())
    await act.settle(await act.claim("one", NATIVE), UNKNOWN)
    assert (await act.claim("two", NATIVE)).say == "send"
    with pytest.raises(Unavailable):
        await glass.acts.settle(
            act.run.warrant.run_id,
            act.frozen.action_id,
            happened=False,
            actor="principal:grace",
            reason="I looked",
        )
