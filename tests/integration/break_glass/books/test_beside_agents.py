"""Sessions beside runs, in one store: what binds both, and what is kept apart."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.sql.schema import Table

from adapters.break_glass_sessions import StoreOpenings
from adapters.breaker_counts import Counting, counts
from adapters.pruning import Pruning
from adapters.recorded_calls import RecordedCalls
from adapters.restoring import restored
from adapters.schema import actions, claims, openings, outbox, runs
from contracts.break_glass import SessionState
from contracts.run import Outcome
from policies.route import Breaker
from tests.integration.approved_write import Case, case_in
from tests.integration.break_glass.books.sessions import NATIVE, UNKNOWN, Glass
from tests.integration.test_gateway_world import ENV, route

DAY_MS = 86_400_000


async def test_what_an_agent_left_unknown_no_person_writes_over(glass: Glass) -> None:
    """Its target waits until somebody says what happened, for people too."""
    case = await _approved(glass)
    await case.ledger.settle(case.request(), (await case.claim()).fence, UNKNOWN)
    act = await glass.confirmed(await glass.open())
    claim = await act.claim()
    assert (claim.say, claim.rules) == ("refused", ("target.unknown",))


async def test_what_a_person_left_unknown_no_agent_writes_over(glass: Glass) -> None:
    """The other way round, until somebody of the group settles it; the end of the session settles nothing."""
    act = await glass.confirmed(await glass.open())
    await act.settle(await act.claim(), UNKNOWN)
    await glass.close(act.run)
    case = await _approved(glass)
    claim = await case.claim()
    assert (claim.say, claim.rules) == ("refused", ("target.unknown",))
    await glass.acts.settle(
        act.run.warrant.run_id,
        act.frozen.action_id,
        happened=False,
        actor="principal:grace",
        reason="I looked",
    )
    assert (await case.claim()).say == "send"


@pytest.mark.parametrize(("per", "said"), [("tenant", "refused"), ("route", "send"), ("run", "send")])
async def test_a_tenants_limit_counts_acts_with_the_agents_writes(glass: Glass, per: str, said: str) -> None:
    """What a person wrote is used up for the tenant; the limits of a route and of a run are their own."""
    act = await glass.confirmed(await glass.open(), target="T-9")
    await act.settle(await act.claim())
    limited = route(limits=[{"tool": "ticket.close", "per": per, "window": "1h", "calls": 1}])
    await glass.world.documents.publish(ENV, "route", limited.name, limited.document(), actor="op:test")
    assert (await (await _approved(glass)).claim()).say == said


async def test_no_breaker_counts_what_people_do(glass: Glass) -> None:
    """A doubtful act of a session opens no route's breaker."""
    act = await glass.confirmed(await glass.open())
    await act.settle(await act.claim(), UNKNOWN)
    breaker = Breaker(window="10m", min_runs=1, failure_ratio="0.5", open_for="5m", unknowns=1)
    wanted = [Counting(route="support/close", breaker=breaker, since_ms=0)]
    async with glass.world.store.read() as connection:
        found = (await counts(connection, ENV, wanted))["support/close"]
    assert (found.runs, found.unknowns) == (0, 0)


async def test_no_policy_is_replayed_on_what_people_did(glass: Glass) -> None:
    """Recorded calls are the agents': a session's were decided by no policy."""
    await glass.proposed(await glass.open())
    calls = RecordedCalls(glass.world.stores["operator"], ENV)
    assert [one async for one in calls.between(0, glass.world.clock.now_ms() + 1)] == []


async def test_a_session_is_pruned_with_its_acts_and_its_report_stays(glass: Glass) -> None:
    """Rows among runs, actions and claims go as a run's do; what came of it is kept."""
    act = await glass.confirmed(await glass.open())
    claim = await act.claim("one", NATIVE)
    await act.settle(claim, UNKNOWN)
    await glass.close(act.run)
    glass.world.clock.at_ms += 401 * DAY_MS
    assert await _pruned(glass) == 0
    await glass.acts.settle(
        act.run.warrant.run_id,
        act.frozen.action_id,
        happened=True,
        actor="principal:grace",
        reason="I looked",
    )
    assert await _pruned(glass) == 1
    assert [await _many(glass, table) for table in (runs, actions, claims, openings)] == [0, 0, 0, 1]
    kept = (await glass.sessions.get(act.run.warrant.run_id)).report
    assert [one["tool"] for one in kept["acts"]] == ["ticket.close"]


async def test_a_restore_ends_a_session_and_doubts_its_acts(glass: Glass) -> None:
    """What was claimed or frozen may have been sent since the backup; nothing goes on, and no run is told."""
    act = await glass.confirmed(await glass.open())
    await act.claim()
    waiting = glass.opening(opener="principal:grace")
    await glass.sessions.ask(waiting)
    letters = await _many(glass, outbox)
    assert await restored(glass.world.store, glass.world.clock, env=ENV, actor="op:test", reason="disk") == 1
    assert (await act.action()).outcome is Outcome.UNKNOWN
    assert (await act.claim("two", NATIVE)).say == "unknown"
    states = [(await glass.sessions.get(one)).state for one in (act.run.warrant.run_id, waiting.session_id)]
    assert states == [SessionState.CLOSED, SessionState.LAPSED]
    assert await glass.sessions.unended(ENV) == ()
    ends = [one["actor"] for one in await glass.audited() if one["outcome"] in ("closed", "lapsed")]
    assert ends == ["op:test", "op:test"]
    report = (await glass.sessions.get(act.run.warrant.run_id)).report
    assert (report["ended_by"], [one["outcome"] for one in report["acts"]]) == ("op:test", ["unknown"])
    async with glass.world.store.read() as connection:
        kinds = set(await connection.scalars(select(outbox.c.kind)))
    # The act's end, the session's, and the one that waited: three alerts, and no letter to anybody else.
    assert (kinds, await _many(glass, outbox)) == ({"alert"}, letters + 3)
    case = await _approved(glass)
    assert (await case.claim()).rules == ("target.unknown",)


async def test_what_was_only_proposed_before_a_backup_is_skipped(glass: Glass) -> None:
    """An act that was never frozen cannot have been sent."""
    run = await glass.open()
    act = await glass.proposed(run)
    await restored(glass.world.store, glass.world.clock, env=ENV, actor="op:test", reason="disk")
    assert (await glass.actions.get(run, act.action_id)).outcome is Outcome.SKIPPED


async def test_the_gateway_reads_sessions_and_no_more(glass: Glass) -> None:
    """Its own login shows what there is, and an agents' process that is none of it sees nothing."""
    run = await glass.open()
    gateway = StoreOpenings(glass.world.stores["gateway"], glass.world.clock)
    assert [one.opening.session_id for one in await gateway.list(ENV)] == [run.warrant.run_id]
    assert await gateway.list("prod") == ()


async def _approved(glass: Glass) -> Case:
    """An agent's write on T-1 that people approved."""
    case = await case_in(glass.world, "k-1")
    assert await case.answer("approve") == 200
    return case


async def _pruned(glass: Glass) -> int:
    pruning = Pruning(glass.world.store, glass.world.clock)
    return sum([done.removed async for done in pruning.rounds("400d", actor="op:ada")])


async def _many(glass: Glass, table: Table) -> int:
    async with glass.world.store.read() as connection:
        return await connection.scalar(select(func.count()).select_from(table)) or 0
