"""Acts as their person proposes and confirms them: one at a time, each in its own words."""

import asyncio

import pytest

from adapters import break_glass_acts
from contracts.break_glass_ports import NewAct
from contracts.errors import Conflict, Malformed, PermissionRefused
from contracts.run import Outcome
from contracts.tool import Effect
from tests.integration.break_glass.books.sessions import MINUTES, Glass, seal


async def test_an_act_is_an_action_of_its_session(glass: Glass) -> None:
    """Its ordinal is its step, its words are the session's reason, and its rule is break-glass."""
    run = await glass.open()
    act = await glass.proposed(run)
    assert (act.step, act.place, act.run_id) == (1, 0, run.warrant.run_id)
    assert (act.decision, act.approvals, act.reasons[0]["rule"]) == ("needs_approval", 1, "break-glass")
    assert act.words == "The agents close nothing since noon."
    assert await glass.acts.of(run.warrant.run_id) == (act,)


async def test_the_same_key_is_the_same_act(glass: Glass) -> None:
    """Twice at once is one act; with other arguments the key is refused."""
    run = await glass.open()
    both = await asyncio.gather(*(glass.proposed(run) for _ in range(2)))
    assert both[0] == both[1]
    with pytest.raises(Conflict):
        await glass.proposed(run, target="T-2")


async def test_nobody_hides_an_act_behind_a_thousand(glass: Glass, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each act is told to everybody, so a session has so many and no more; the same key is still the same."""
    monkeypatch.setattr(break_glass_acts, "MOST_ACTS", 2)
    run = await glass.open()
    for key in ("k-1", "k-2"):
        last = await glass.proposed(run, key)
    with pytest.raises(PermissionRefused, match="2 acts at most"):
        await glass.proposed(run, "k-3")
    assert await glass.proposed(run, "k-2") == last


async def test_what_was_not_confirmed_gives_way_to_the_next(glass: Glass) -> None:
    """Whoever thinks better of what the preview shows proposes something else; the first is skipped."""
    run = await glass.open()
    first = await glass.frozen(run)
    await glass.proposed(run, "k-2", target="T-2")
    acts = await glass.acts.of(run.warrant.run_id)
    assert [act.outcome for act in acts] == [Outcome.SKIPPED, None]
    assert [one["rules"] for one in await glass.audited("result")] == [["act.superseded"]]
    with pytest.raises(Conflict, match="ended already"):
        await glass.acts.confirmed(run, first.action_id, first.digest(), seal(first))


async def test_one_act_at_a_time(glass: Glass) -> None:
    """What was confirmed ends before anything else begins."""
    act = await glass.confirmed(await glass.open())
    with pytest.raises(Conflict, match="one act at a time"):
        await glass.proposed(act.run, "k-2", target="T-2")
    await act.settle(await act.claim())
    assert (await glass.proposed(act.run, "k-2", target="T-2")).step == 2


async def test_the_second_act_on_a_target_has_a_key_of_its_own(glass: Glass) -> None:
    """Its ordinal is in the key, so the target tells the two apart."""
    act = await glass.confirmed(await glass.open())
    await act.settle(await act.claim())
    again = await glass.confirmed(act.run, "k-2")
    assert again.frozen.idempotency_key == f"{act.frozen.idempotency_key}#2"
    assert (await again.claim()).say == "send"


@pytest.mark.parametrize("over", ["late", "closed", "forged"])
async def test_nothing_is_proposed_in_a_session_that_is_not_open(glass: Glass, over: str) -> None:
    """Past the minute, after the end, and in the name of a session that nobody signed."""
    run = await glass.open()
    match over:
        case "late":
            glass.world.clock.at_ms += MINUTES * 60_000
        case "closed":
            await glass.close(run)
        case _:
            glass.verifier = glass.world.verifier
    with pytest.raises(PermissionRefused):
        await glass.proposed(run)


async def test_what_two_parsers_may_read_differently_is_not_proposed(glass: Glass) -> None:
    """A float in a write's arguments has no exact meaning."""
    act = NewAct(key="k-1", tool="ticket.close", effect=Effect.WRITE, arguments={"amount": 0.1})
    with pytest.raises(Malformed):
        await glass.acts.propose(await glass.open(), act)


async def test_other_bytes_than_were_shown_are_not_confirmed(glass: Glass) -> None:
    """Neither another digest, nor what was never frozen."""
    run = await glass.open()
    action = await glass.proposed(run)
    with pytest.raises(Conflict):
        await glass.acts.confirmed(run, action.action_id, "sha256:" + "0" * 64, "seal")
    assert [one["outcome"] for one in await glass.audited()] == ["asked", "open"]


async def test_it_is_confirmed_once(glass: Glass) -> None:
    """The first seal stays, and one record says so."""
    act = await glass.confirmed(await glass.open())
    first = (await act.action()).seal
    await glass.acts.confirmed(act.run, act.frozen.action_id, act.frozen.digest(), "another")
    assert (await act.action()).seal == first
    told = [one for one in await glass.audited() if one["outcome"] == "confirmed"]
    assert [(one["actor"], one["action_digest"]) for one in told] == [("principal:ada", act.frozen.digest())]
