"""A session's own books: asked for, opened and ended, each once, and nothing of it untold."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

import pytest

from adapters.audit_log import AuditQuery
from adapters.holds import StoreHolds
from adapters.outbox import LetterQuery
from adapters.runs import StoreRuns
from contracts.alert import Severity
from contracts.audit import SYSTEM_TENANT
from contracts.break_glass import Overridden, SessionState
from contracts.break_glass_ports import End
from contracts.digest import digest
from contracts.errors import Conflict, PermissionRefused, Unavailable, Unknown
from contracts.run import Outcome
from contracts.wire import Ending
from tests.integration.break_glass.books.sessions import UNKNOWN, Act, Glass, Killed, seal
from tests.integration.test_gateway_world import ENV

LAPSED = End(state=SessionState.LAPSED, actor="break-glass", why="nobody consented in time")
CLOSED = End(state=SessionState.CLOSED, actor="principal:grace", why="it works again")


async def test_whoever_asks_is_written_down_and_everybody_is_told(glass: Glass) -> None:
    """Row, audit record and loud alert; the alert is the tenant's content, and says who, what and why."""
    opening = glass.opening()
    found = await glass.sessions.ask(opening)
    assert (found.state, found.opening, found.token) == (SessionState.WAITING, opening, None)
    (told,) = await glass.audited()
    assert (told["outcome"], told["actor"], told["run_id"]) == ("asked", opening.opener, opening.session_id)
    assert opening.reason in told["reason"]
    (alert,) = await glass.alerts()
    assert (alert.severity, alert.tenant, alert.whom) == (Severity.LOUD, "acme", None)
    assert alert.title == "Ada asks for break-glass on acme: ticket.close, 10 minutes"
    assert f"Because: {opening.reason}" in alert.lines


async def test_an_alert_of_a_tenant_is_sealed_and_forgotten_with_it(glass: Glass) -> None:
    """Its words are in no row that is readable, and when the tenant's key is gone there was an alert."""
    opening = glass.opening()
    await glass.sessions.ask(opening)
    async with glass.world.store.read() as connection:
        kept = (await connection.exec_driver_sql("SELECT title, lines FROM alerts")).one()
    assert all(text.startswith("sealed:") for text in kept)
    glass.world.contents.forget("acme")
    async with glass.restarted() as later:
        (alert,) = await later.alerts()
    assert alert.title == "An alert about acme"
    assert "forgotten" in alert.lines[0]


async def test_nobody_acts_on_a_forgotten_tenant(glass: Glass) -> None:
    """What is done to a tenant of whom nothing can be kept would be done untold."""
    glass.world.contents.forget("acme")
    with pytest.raises(PermissionRefused, match="forgotten"):
        await glass.sessions.ask(glass.opening())
    assert await glass.audited() == []


async def test_a_person_has_one_session_at_a_time(glass: Glass) -> None:
    """Two at once of one person leave one; another person's is let in beside it."""
    openings = [glass.opening() for _ in range(2)]
    asked = await asyncio.gather(*map(glass.sessions.ask, openings), return_exceptions=True)
    assert sorted(type(one).__name__ for one in asked) == ["Conflict", "SessionRecord"]
    await glass.sessions.ask(glass.opening(opener="principal:grace"))
    assert len(await glass.sessions.unended(ENV)) == 2


async def test_it_is_opened_once(glass: Glass) -> None:
    """Of two consents at once one opens it; there is one row among the runs, and one record."""
    opening = glass.opening()
    await glass.sessions.ask(opening)
    both = await asyncio.gather(*(glass.consented(opening) for _ in range(2)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in both) == ["Conflict", "WarrantedRun"]
    assert [one["outcome"] for one in await glass.audited()] == ["asked", "open"]
    found = await glass.sessions.get(opening.session_id)
    assert (found.state, found.consenter, found.told) == (
        SessionState.OPEN,
        "principal:grace",
        ("principal:linus",),
    )


async def test_whoever_is_skipped_is_told_by_name(glass: Glass) -> None:
    """Beside the channel's alert each skipped approver has one of their own."""
    await glass.open()
    opened = [alert for alert in await glass.alerts() if "asks for" not in alert.title]
    assert {alert.whom for alert in opened} == {None, "U0LINUS"}
    assert all(alert.severity is Severity.LOUD for alert in opened)


async def test_other_words_than_those_asked_for_are_not_opened(glass: Glass) -> None:
    """What was consented to is what was asked: the same session with more tools is a conflict."""
    opening = glass.opening()
    await glass.sessions.ask(opening)
    with pytest.raises(Conflict):
        await glass.consented(replace(opening, tools=("ticket.close", "ticket.purge")))
    assert (await glass.sessions.get(opening.session_id)).state is SessionState.WAITING


async def test_the_first_end_stands(glass: Glass) -> None:
    """Of two ends at once one is written down, with its report; again is nothing."""
    run = await glass.open()
    session_id = run.warrant.run_id
    await glass.proposed(run)
    await StoreHolds(glass.world.store, glass.world.clock).refused(session_id)
    ends = (CLOSED, replace(CLOSED, actor="principal:ada"))
    await asyncio.gather(*(glass.sessions.end(session_id, one) for one in ends))
    found = await glass.sessions.get(session_id)
    assert (found.state, found.report_digest) == (SessionState.CLOSED, digest(found.report))
    said = found.report["ended_by"], found.report["refused"], [one["text"] for one in found.report["acts"]]
    assert said == (found.ended_by, 1, ["the session ended before it was sent"])
    told = [one for one in await glass.audited() if one["outcome"] == "closed"]
    assert [one["actor"] for one in told] == [found.ended_by]
    assert told[0]["reason"] == f"it works again; report {found.report_digest}"
    assert sum("is over (closed)" in alert.title for alert in await glass.alerts()) == 1
    assert await glass.sessions.unended(ENV) == ()


async def test_a_report_is_forgotten_with_its_tenant_and_its_digest_stays(glass: Glass) -> None:
    """What was done to a tenant is its content; that something was, the audit keeps."""
    run = await glass.open()
    await glass.close(run)
    digest_before = (await glass.sessions.get(run.warrant.run_id)).report_digest
    glass.world.contents.forget("acme")
    async with glass.restarted() as later:
        found = await later.sessions.get(run.warrant.run_id)
    assert (found.report, found.report_digest) == (None, digest_before)


async def test_an_end_is_of_where_it_is(glass: Glass) -> None:
    """A consent that came in time is not lapsed by who looked before it, and what waits is not closed."""
    opening = glass.opening()
    await glass.sessions.ask(opening)
    with pytest.raises(Conflict):
        await glass.sessions.end(opening.session_id, CLOSED)
    await glass.consented(opening)
    with pytest.raises(Conflict):
        await glass.sessions.end(opening.session_id, LAPSED)
    assert (await glass.sessions.get(opening.session_id)).state is SessionState.OPEN


async def test_what_nobody_consented_to_lapses_and_opens_no_more(glass: Glass) -> None:
    """It has no row among the runs, no report, and a consent that comes late is a conflict."""
    opening = glass.opening()
    await glass.sessions.ask(opening)
    found = await glass.sessions.end(opening.session_id, LAPSED)
    assert (found.state, found.report_digest) == (SessionState.LAPSED, None)
    with pytest.raises(Conflict):
        await glass.consented(opening)
    assert [one["outcome"] for one in await glass.audited()] == ["asked", "lapsed"]


async def test_an_act_on_its_way_is_waited_for(glass: Glass) -> None:
    """A claim that stands holds the end up; settled, the session ends."""
    act = await glass.confirmed(await glass.open())
    claim = await act.claim()
    with pytest.raises(Unavailable):
        await glass.close(act.run)
    await act.settle(claim)
    await glass.close(act.run)


async def test_what_was_never_sent_is_skipped_at_the_end(glass: Glass) -> None:
    """A confirmed act that was not claimed ends with its session, and is announced as skipped."""
    act = await glass.confirmed(await glass.open())
    await glass.close(act.run)
    assert (await act.action()).outcome is Outcome.SKIPPED
    assert any("skipped: Ada, ticket.close on T-1" in alert.title for alert in await glass.alerts())
    assert not any("Undo" in line for alert in await glass.alerts() for line in alert.lines)
    assert (await act.claim()).outcome is Outcome.SKIPPED


async def test_a_session_is_no_run(glass: Glass) -> None:
    """Nobody finds, cancels, lists, resumes or undoes it as a run, while it is open and after."""
    run = await glass.open()
    session_id = run.warrant.run_id
    for act in (
        glass.world.runs.get(session_id),
        glass.world.runs.request_cancel(session_id, actor="op:x", reason="x"),
        glass.world.actions.of_run(session_id),
    ):
        with pytest.raises(Unknown):
            await act
    path = f"/v1/runs/{session_id}"
    assert (await glass.world.http.get(path, headers=glass.world.operator())).status_code == 404
    listed = await glass.world.http.get("/v1/runs", headers=glass.world.operator())
    assert listed.json()["runs"] == []
    assert await glass.world.runs.unended(ENV) == ()
    assert await glass.world.runs.halted(ENV) == ()
    assert await glass.world.outbox.list(LetterQuery(tenant="acme")) == ()


async def test_what_holds_is_what_may_be_overridden(glass: Glass) -> None:
    """A stop that was lifted, or ended by itself, is none."""
    await glass.switch("tool:ticket.close")
    stopped = glass.world.clock.now_ms()
    await glass.switch("all")
    await glass.switch("all", stopped=False)
    found = await glass.sessions.stops(ENV, ("all", "tool:ticket.close", "tenant:acme"))
    assert found == (Overridden(scope="tool:ticket.close", stopped_ms=stopped),)


async def test_everybody_whom_an_open_run_acts_for_is_named(glass: Glass) -> None:
    """Caller, subject and the whole chain behind them; not those of other tenants, nor of runs that ended."""
    token = glass.world.token(
        kind="caller", sub="svc:demo", tenant="acme", act={"sub": "svc:bot", "act": {"sub": "user:ada"}}
    )
    begun = await glass.world.start({"Authorization": f"Bearer {token}"}, on_behalf_of="user:u-1")
    assert begun.status_code == 202, begun.text
    await glass.world.start(glass.world.caller("globex", sub="svc:other"), key="k-2")
    await glass.open()
    named = await glass.sessions.acted_for("acme", ENV)
    assert {"user:u-1", "user:ada"} <= named
    assert not named & {"svc:other", "principal:ada"}
    run = await glass.world.warranted(begun.json()["run_id"])
    broker = StoreRuns(glass.world.stores["broker"], glass.world.clock)
    await broker.end(run, Ending(state="cancelled"))
    assert await glass.sessions.acted_for("acme", ENV) == frozenset()


async def test_what_is_refused_stands_in_the_systems_chain(glass: Glass) -> None:
    """Who is refused does not choose whose log it stands in, and the reason is readable without any key."""
    await glass.sessions.refuse(
        env=ENV, actor="svc:demo", session_id=None, what="open", reason="a service opens nothing"
    )
    kept = [one.record for one in await glass.world.audit.kept(AuditQuery(tenant=SYSTEM_TENANT))]
    (told,) = [one for one in kept if one["kind"] == "break_glass"]
    assert (told["outcome"], told["actor"]) == ("refused", "svc:demo")
    assert told["reason"] == "open: a service opens nothing"


async def test_all_of_a_step_is_written_down_or_nothing(glass: Glass) -> None:
    """A process that dies before it commits has neither changed a row, nor audited, nor told anybody."""
    opening = glass.opening()
    async with glass.dying() as dying:
        await _killed(glass, dying.sessions.ask(opening))
        await glass.sessions.ask(opening)
        await _killed(glass, dying.consented(opening))
        run = await glass.consented(opening)
        await _killed(glass, dying.proposed(run))
        frozen = await glass.frozen(run)
        confirm = (run, frozen.action_id, frozen.digest(), seal(frozen))
        await _killed(glass, dying.acts.confirmed(*confirm))
        await glass.acts.confirmed(*confirm)
        act = Act(glass=glass, run=run, frozen=frozen)
        await _killed(glass, dying.ledger.claim(act.request()))
        claim = await act.claim()
        await _killed(glass, dying.ledger.settle(act.request(), claim.fence, UNKNOWN))
        await act.settle(claim, UNKNOWN)
        word = dying.acts.settle(
            run.warrant.run_id, frozen.action_id, happened=True, actor="principal:grace", reason="I looked"
        )
        await _killed(glass, word)
        await _killed(glass, dying.close(run))


async def _killed(glass: Glass, step: Awaitable[object]) -> None:
    before = await glass.books()
    with pytest.raises(Killed):
        await step
    assert await glass.books() == before
