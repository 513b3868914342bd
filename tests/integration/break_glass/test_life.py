"""A session's whole life, over the real store and its own HTTP interface."""

import asyncio

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.alerts import read_alert
from adapters.schema import alerts
from contracts.alert import Alert
from contracts.digest import digest
from contracts.tokens import Purpose
from tests.integration.break_glass.glass_world import REASON, GlassWorld, glass
from tests.integration.test_gateway_world import problem


async def test_a_session_from_its_asking_to_its_report(store_url: str) -> None:
    """Asked, consented, acted in, closed, reported: each on record, and the write was sent once."""
    async with glass(store_url) as life:
        session = await life.opened()
        assert (session["state"], session["consenter"], session["told"]) == (
            "open",
            "principal:grace",
            ["principal:joan"],
        )
        proposed = await life.propose(session)
        act = proposed.json()
        assert (proposed.status_code, act["outcome"], life.target.sends) == (201, None, 0)
        assert act["preview"]["changes"] == [{"field": "status", "before": "open", "after": "closed"}]
        assert act["undo"] == {"tool": "ticket.reopen", "arguments": {"ticket_id": "T-1"}}
        done = (await life.confirm(session, act)).json()
        assert (done["outcome"], life.target.sends) == ("succeeded", 1)
        closed = await life.close(session, reason="Done.")
        assert (closed.json()["state"], closed.json()["ended_by"]) == ("closed", "principal:grace")
        report = await life.report(session)
        assert report["acts"][0] | {"proposed_at": "", "ended_at": ""} == {
            "ordinal": 1,
            "tool": "ticket.close",
            "target": "T-1",
            "idempotency_key": act["idempotency_key"],
            "action_digest": act["action_digest"],
            "outcome": "succeeded",
            "text": "done",
            "changes": [{"field": "status", "before": "open", "after": "closed"}],
            "undo": {"text": "", "tool": "ticket.reopen", "arguments": {"ticket_id": "T-1"}},
            "proposed_at": "",
            "ended_at": "",
        }
        assert (report["reason"], report["ended_why"], report["refused"]) == (REASON, "Done.", 0)
        assert closed.json()["report_digest"] == digest(report)
        outcomes = [(one["actor"], one["outcome"]) for one in await life.audited()]
        assert outcomes == [
            ("principal:ada", "asked"),
            ("principal:grace", "open"),
            ("principal:ada", "confirmed"),
            ("principal:grace", "closed"),
        ]
        assert (await life.audited())[-1]["reason"].endswith(f"report {closed.json()['report_digest']}")


async def test_each_step_is_announced_with_what_undoes_it(life: GlassWorld) -> None:
    """The asking, the opening, the one who is skipped, the act and the end: loud, each once."""
    session = await life.opened()
    await life.confirm(session, (await life.propose(session)).json())
    await life.close(session)

    async def read(connection: AsyncConnection) -> list[Alert]:
        rows = await connection.execute(select(alerts.c.alert_id).order_by(alerts.c.at_ms))
        return [await read_alert(connection, row.alert_id) for row in rows]

    told = await life.store.look(read)
    said = "\n".join("\n".join((one.title, *one.lines)) for one in told)
    assert len(told) == 5
    assert "ticket.reopen" in said
    assert "U0JOAN" in {one.whom for one in told}


async def test_the_same_key_is_the_same_act(life: GlassWorld) -> None:
    """Proposed again it is found; with another body its key is refused; its preview is read once."""
    session = await life.opened()
    first, second = await life.propose(session), await life.propose(session)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert life.target.requests == ["preview"]
    assert problem(await life.propose(session, ticket_id="T-2")) == (409, "conflict")


async def test_an_act_that_is_confirmed_twice_is_sent_once(life: GlassWorld) -> None:
    """Two tabs at once, and again later: one write, and everybody is told the same end."""
    session = await life.opened()
    act = (await life.propose(session)).json()
    life.target.answering = asyncio.Event()
    both = asyncio.gather(life.confirm(session, act), life.confirm(session, act))
    await life.writing()
    life.target.answering.set()
    answers = [*(await both), await life.confirm(session, act)]
    assert [one.json()["outcome"] for one in answers] == ["succeeded"] * 3
    assert life.target.sends == 1


async def test_one_act_at_a_time(life: GlassWorld) -> None:
    """While an act is in hand nothing else is proposed, nor confirmed."""
    session = await life.opened()
    act = (await life.propose(session)).json()
    life.target.answering = asyncio.Event()
    confirming = asyncio.ensure_future(life.confirm(session, act))
    await life.writing()
    assert problem(await life.propose(session, key="a-2")) == (409, "conflict")
    life.target.answering.set()
    assert (await confirming).json()["outcome"] == "succeeded"
    assert (await life.propose(session, key="a-2")).status_code == 201


async def test_what_was_proposed_and_not_confirmed_gives_way(life: GlassWorld) -> None:
    """A second proposal ends the first one, which cannot be confirmed any more."""
    session = await life.opened()
    first = (await life.propose(session)).json()
    await life.propose(session, key="a-2")
    assert (await life.confirm(session, first)).json()["outcome"] == "skipped"
    assert life.target.sends == 0


async def test_who_hangs_up_does_not_tear_the_write_off(life: GlassWorld) -> None:
    """The write that left is waited for and settled, whoever still listens."""
    session = await life.opened()
    act = (await life.propose(session)).json()
    life.target.answering = asyncio.Event()
    confirming = asyncio.ensure_future(life.confirm(session, act))
    await life.writing()
    confirming.cancel()
    await asyncio.gather(confirming, return_exceptions=True)
    life.target.answering.set()
    await life.processes[-1].parts.hands.rest()
    assert [one["outcome"] for one in (await life.session(session))["acts"]] == ["succeeded"]


async def test_a_session_that_is_closed_waits_for_the_act_in_hand(life: GlassWorld) -> None:
    """Its report has the act's own end; nothing else begins meanwhile."""
    session = await life.opened()
    act = (await life.propose(session)).json()
    life.target.answering = asyncio.Event()
    confirming = asyncio.ensure_future(life.confirm(session, act))
    await life.writing()
    closing = asyncio.ensure_future(life.close(session))
    await asyncio.sleep(0.05)
    assert not closing.done()
    life.target.answering.set()
    assert (await closing).json()["state"] == "closed"
    assert (await confirming).json()["outcome"] == "succeeded"
    assert [one["outcome"] for one in (await life.report(session))["acts"]] == ["succeeded"]
    assert problem(await life.propose(session, key="a-2")) == (409, "conflict")


async def test_what_was_refused_is_counted_in_the_report(life: GlassWorld) -> None:
    """Each call on the session that was not let through is audited, and the report says how many."""
    session = await life.opened()
    act = (await life.propose(session)).json()
    assert problem(await life.propose(session, name="grace")) == (403, "forbidden")
    assert problem(await life.propose(session, tool="ticket.reopen")) == (403, "forbidden")
    assert problem(await life.confirm(session, act, action_digest="sha256:" + "0" * 64)) == (409, "conflict")
    await life.close(session)
    assert (await life.report(session))["refused"] == 3
    assert len(await life.refused()) == 3


async def test_what_changed_since_it_was_shown_is_not_sent(life: GlassWorld) -> None:
    """A newer version of the target ends the act: it has to be proposed again."""
    session = await life.opened()
    act = (await life.propose(session)).json()
    life.target.version = '"2"'
    done = (await life.confirm(session, act)).json()
    assert (done["outcome"], life.target.sends) == ("failed", 0)
    assert "propose it again" in done["text"]


async def test_a_kill_switch_holds_an_act_back(life: GlassWorld) -> None:
    """Nothing waits for it: the act is denied with the switch's sentence, and another may be proposed."""
    session = await life.opened()
    act = (await life.propose(session)).json()
    await life.stop("tool:ticket.close")
    assert (await life.confirm(session, act)).json()["outcome"] == "denied"
    assert (await life.propose(session, key="a-2")).json()["outcome"] == "denied"
    assert life.target.sends == 0


async def test_a_session_goes_past_the_very_stop_that_it_names(life: GlassWorld) -> None:
    """Named in the opening it holds nothing back; stopped anew it does."""
    await life.stop("tool:ticket.close")
    session = await life.opened(overrides=["tool:ticket.close"])
    assert (await life.confirm(session, (await life.propose(session)).json())).json()[
        "outcome"
    ] == "succeeded"
    await life.stop("tool:ticket.close", stopped=False)
    await life.stop("tool:ticket.close")
    assert (await life.propose(session, key="a-2")).json()["outcome"] == "denied"


async def test_the_tool_s_service_is_sent_the_session_and_no_capability(life: GlassWorld) -> None:
    """What goes along is what the break-glass key signed."""
    session = await life.opened()
    await life.confirm(session, (await life.propose(session)).json())
    for token in life.target.tokens:
        assert life.verifier.verify(Purpose.BREAK_GLASS, token)["kind"] == "session"


async def test_a_session_that_is_closed_waits_for_the_preview_in_hand(life: GlassWorld) -> None:
    """What was read for it is in the report, and nothing begins behind the close."""
    session = await life.opened()
    reading, going_on = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        reading.set()
        await going_on.wait()

    life.target.fetching = slow
    proposing = asyncio.ensure_future(life.propose(session))
    await reading.wait()
    closing = asyncio.ensure_future(life.close(session))
    await asyncio.sleep(0.05)
    going_on.set()
    await proposing
    assert (await closing).json()["state"] == "closed"
    assert [(one["target"], one["outcome"]) for one in (await life.report(session))["acts"]] == [
        ("T-1", "skipped")
    ]
