"""Circuit breakers on a real store: brokers and runs that race, what counts, and what an open one does."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import event, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.audit_log import AuditQuery
from adapters.breaker_counts import Counting, counts
from adapters.breaker_rounds import BreakerRounds
from adapters.documents import StoreDocuments
from adapters.ledger import StoreLedger
from adapters.run_entry import RunEntry
from adapters.runs import StoreRuns
from adapters.schema import actions, alerts, attempts, runs
from adapters.store import Store
from adapters.turns import StoreTurns
from contracts.breaker import BreakerRecord, BreakerState
from contracts.run import StopReason
from contracts.turns import Reservation
from contracts.wire import Ending
from policies.breaker import Counts
from policies.route import Route
from tests.integration.approved_write import Case
from tests.integration.test_gateway_world import ENV, World, opened, problem, route
from tests.integration.test_races import _approved as approved_run
from tests.integration.test_races import stores

OPEN_MS: Final = 300_000


def broken(**keys: Any) -> Route:
    known = {"window": "10m", "min_runs": 3, "failure_ratio": 0.5, "open_for": "5m"}
    return route(breaker={**known, **keys})


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A world whose route has a breaker, and a broker that minds it."""

    world: World

    def rounds(self, store: Store | None = None) -> BreakerRounds:
        at = store or self.world.stores["broker"]
        return BreakerRounds(at, StoreDocuments(at, self.world.clock), self.world.clock, ENV)

    async def fail(self, count: int, state: str = "failed", reason: str | None = None) -> None:
        """So many runs of the route end like this."""
        for _ in range(count):
            await self.end(await self.start(), state, reason)

    async def start(self, key: str | None = None, tenant: str = "acme") -> str:
        self.world.clock.at_ms += 1
        started = await self.world.start(
            self.world.caller(tenant=tenant), key or f"k-{self.world.clock.at_ms}"
        )
        assert started.status_code == 202, started.text
        return str(started.json()["run_id"])

    async def end(self, run_id: str, state: str = "failed", reason: str | None = None) -> None:
        broker = StoreRuns(self.world.stores["broker"], self.world.clock)
        await broker.end(await self.world.warranted(run_id), Ending(state=state, reason=reason))

    async def open(self) -> None:
        await self.fail(3)
        await self.rounds().look()
        assert (await self.record()).state is BreakerState.OPEN

    async def record(self) -> BreakerRecord:
        (one,) = await self.world.breakers.list()
        return one.record

    async def counts(self) -> Counts:
        (one,) = await self.world.breakers.list()
        return one.counts

    async def told(self) -> list[tuple[str, str]]:
        """(actor, outcome) of each of the breaker's records in the audit."""
        found = await self.world.audit.search(AuditQuery(tenant="system"))
        return [
            (one.record["actor"], one.record["outcome"])
            for one in found
            if one.record["kind"] == "breaker" and one.record["reason"]
        ]

    async def alerted(self) -> list[tuple[str, str]]:
        async with self.world.store.read() as connection:
            found = await connection.execute(
                select(alerts.c.severity, alerts.c.title).order_by(alerts.c.at_ms)
            )
            return [(row.severity, row.title.rpartition(" ")[2]) for row in found]


@asynccontextmanager
async def staged(url: Path | str, **keys: Any) -> AsyncIterator[Stage]:
    async with opened(url, broken(**keys)) as world:
        yield Stage(world=world)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """On SQLite."""
    async with staged(tmp_path) as found:
        yield found


@pytest.fixture
async def each(store_url: str) -> AsyncIterator[Stage]:
    """On both databases."""
    async with staged(store_url) as found:
        yield found


async def test_of_brokers_that_look_at_once_one_opens_it(each: Stage, store_url: str) -> None:
    """It is opened, audited and announced once, and says why."""
    await each.fail(2)
    await each.rounds().look()
    assert (await each.record()).state is BreakerState.CLOSED
    await each.fail(1)
    async with stores(store_url) as brokers:
        await asyncio.gather(*(each.rounds(one).look() for one in brokers))
    record = await each.record()
    assert (record.state, record.until_ms) == (BreakerState.OPEN, each.world.clock.at_ms + OPEN_MS)
    assert record.reason == "3 of 3 runs failed within 10m"
    assert await each.told() == [("breaker", "opened")]
    assert await each.alerted() == [("loud", "opened")]


async def test_an_open_breaker_refuses_new_runs_and_says_until_when(stage: Stage) -> None:
    """503 with its own type, seconds and a reason; a start that was accepted before still answers its run."""
    first = await stage.start("k-first")
    await stage.open()
    refused = await stage.world.start(key="k-new")
    assert problem(refused) == (503, "breaker-open")
    assert refused.headers["Retry-After"] == "300"
    assert "3 of 3 runs failed within 10m" in refused.json()["detail"]
    again = await stage.world.start(key="k-first")
    assert (again.status_code, again.json()["run_id"]) == (200, first)
    stage.world.clock.at_ms += OPEN_MS - 1
    assert (await stage.world.start(key="k-new")).headers["Retry-After"] == "1"


async def test_after_a_while_one_run_may_try(each: Stage, store_url: str) -> None:
    """Of many starts at once exactly one is accepted; it completes, and all may start again."""
    await each.open()
    each.world.clock.at_ms += OPEN_MS
    started = await asyncio.gather(*(each.world.start(key=f"k-{number}") for number in range(8)))
    assert sorted(one.status_code for one in started) == [202, *[503] * 7]
    (probe,) = [one.json()["run_id"] for one in started if one.status_code == 202]
    assert (await each.record()).probe_run == probe
    await each.rounds().look()
    assert (await each.record()).state is BreakerState.HALF_OPEN
    await each.end(probe, "completed")
    async with stores(store_url) as brokers:
        await asyncio.gather(*(each.rounds(one).look() for one in brokers))
    record = await each.record()
    assert (record.state, record.since_ms) == (BreakerState.CLOSED, each.world.clock.at_ms)
    assert await each.told() == [("breaker", one) for one in ("opened", "half_open", "closed")]
    assert await each.alerted() == [("loud", "opened"), ("info", "closed")]
    await each.rounds().look()
    assert (await each.record()).state is BreakerState.CLOSED
    await each.start()


@pytest.mark.parametrize(
    ("state", "reason"), [("failed", None), ("stopped", "budget_steps"), ("cancelled", None)]
)
async def test_a_probe_that_does_not_complete_opens_it_again(
    stage: Stage, state: str, reason: str | None
) -> None:
    """Only a completed run shows that the route works."""
    await stage.open()
    stage.world.clock.at_ms += OPEN_MS
    await stage.end(await stage.start(), state, reason)
    await stage.rounds().look()
    record = await stage.record()
    assert (record.state, record.until_ms) == (BreakerState.OPEN, stage.world.clock.at_ms + OPEN_MS)
    assert problem(await stage.world.start(key="k-new")) == (503, "breaker-open")


async def test_a_probe_that_takes_too_long_lets_another_try(stage: Stage) -> None:
    """Each of them tried: an earlier one that failed decides nothing, the first that completes closes it."""
    await stage.open()
    stage.world.clock.at_ms += OPEN_MS
    slow = await stage.start()
    assert problem(await stage.world.start(key="k-new")) == (503, "breaker-open")
    stage.world.clock.at_ms += OPEN_MS
    slower = await stage.start()
    stage.world.clock.at_ms += OPEN_MS
    other = await stage.start()
    await stage.end(slow, "failed")
    await stage.rounds().look()
    record = await stage.record()
    assert (record.state, record.probe_run) == (BreakerState.HALF_OPEN, other)
    await stage.end(slower, "completed")
    await stage.rounds().look()
    assert (await stage.record()).state is BreakerState.CLOSED


async def test_what_ran_before_it_opened_closes_nothing(stage: Stage) -> None:
    """A run that was under way tried nothing: that it completes says nothing of what went wrong since."""
    early = await stage.start()
    await stage.open()
    stage.world.clock.at_ms += OPEN_MS
    await stage.start()
    await stage.end(early, "completed")
    await stage.rounds().look()
    assert (await stage.record()).state is BreakerState.HALF_OPEN


async def _approved(stage: Stage, count: int) -> list[Case]:
    return [await approved_run(stage.world, f"k-approved-{number}") for number in range(count)]


async def test_writes_of_running_runs_wait_and_one_of_them_tries(each: Stage, store_url: str) -> None:
    """An open breaker halts every claim by its rule; after a while exactly one goes through."""
    cases = await _approved(each, 6)
    await each.open()
    for case in cases:
        claim = await case.claim()
        assert (claim.say, claim.rules) == ("halted", ("breaker",))
        assert "3 of 3 runs failed" in claim.sentence
    each.world.clock.at_ms += OPEN_MS
    async with stores(store_url) as workers:
        raced = await asyncio.gather(
            *(
                StoreLedger(workers[place], RunEntry(each.world.proofs), each.world.clock).claim(
                    case.request()
                )
                for place, case in enumerate(cases)
            )
        )
    assert sorted(claim.say for claim in raced) == ["halted"] * 5 + ["send"]
    probe = cases[[claim.say for claim in raced].index("send")].run.warrant.run_id
    assert (await each.record()).probe_run == probe
    assert problem(await each.world.start(key="k-new")) == (503, "breaker-open")


async def test_a_claim_by_the_tool_workers_own_login_takes_the_probe(each: Stage) -> None:
    """Its rights are enough, and what its claim could not take otherwise is given back."""
    (case,) = await _approved(each, 1)
    await each.open()
    each.world.clock.at_ms += OPEN_MS
    none = broken().model_copy(update={"deny_tools": ("ticket.close",)})
    await each.world.documents.publish(ENV, "route", none.name, none.document(), actor="op:test")
    assert (await case.claim()).say == "refused"
    assert (await each.record()).state is BreakerState.OPEN
    await each.world.documents.publish(ENV, "route", none.name, broken().document(), actor="op:test")
    assert (await case.claim()).say == "send"
    assert (await each.record()).probe_run == case.run.warrant.run_id


async def test_what_was_claimed_before_is_carried_to_its_end(stage: Stage) -> None:
    """A write that may have left is not held back by a breaker that opened since."""
    (case,) = await _approved(stage, 1)
    claim = await case.claim()
    await stage.open()
    assert await case.ledger.confirm(case.request(), claim.fence)


async def test_halted_runs_are_told_when_it_lets_them(stage: Stage) -> None:
    """Not while it holds; when one may try, and again when it is closed."""
    (case,) = await _approved(stage, 1)
    run_id = case.run.warrant.run_id
    await stage.open()
    resumer = stage.world.parts.resumer
    await resumer.look()
    await StoreRuns(stage.world.stores["tools"], stage.world.clock).halt(case.run, "the breaker")
    stage.world.clock.at_ms += 31_000
    await resumer.look()
    assert await _resumed(stage) == []
    stage.world.clock.at_ms += OPEN_MS
    await resumer.look()
    assert await _resumed(stage) == [run_id]


async def _resumed(stage: Stage) -> list[str]:
    await stage.world.drain.drain_once()
    return list(stage.world.temporal.resumed)


async def test_only_what_is_the_routes_fault_is_a_failure(stage: Stage) -> None:
    """Failed runs, and those stopped by denials, a loop, the model or a stopped question."""
    for state in ("completed", "cancelled"):
        await stage.fail(1, state)
    for reason in StopReason:
        await stage.fail(1, "stopped", reason)
    await stage.fail(1)
    assert await stage.counts() == Counts(runs=12, failed=5)


async def test_other_routes_environments_and_times_do_not_count(stage: Stage) -> None:
    """Of every tenant, and within the window."""
    await stage.end(await stage.start(tenant="globex"))
    await stage.fail(3)

    long_ago = stage.world.clock.at_ms - 600_000
    changes: list[dict[str, Any]] = [{"env": "other"}, {"route": "support/other"}, {"ended_ms": long_ago}]

    async def elsewhere(connection: AsyncConnection) -> None:
        rows = list(await connection.scalars(select(runs.c.run_id).order_by(runs.c.created_ms)))
        for run_id, change in zip(
            rows[1:],
            changes,
            strict=True,
        ):
            await connection.execute(update(runs).where(runs.c.run_id == run_id).values(**change))

    await stage.world.store.write(elsewhere)
    assert await stage.counts() == Counts(runs=1, failed=1)


async def test_denied_unknown_and_spent_are_counted(store_url: str) -> None:
    """Denied calls, writes without an answer (also once a person has given one), and dollars charged."""
    async with staged(store_url, usd="5", denials=100, unknowns=100) as stage:
        (case,) = await _approved(stage, 1)
        first = await case.claim()
        await case.end_run()
        (question,) = await case.questions()
        assert first.say == "send"
        assert (await stage.counts()).unknowns == 1
        assert await case.answer("it_did_not", approval_id=question.approval_id) == 200
        await case.settle(question.approval_id)
        await stage.world.store.write(_deny_all)
        await _spend(stage, await stage.start(), charged="1.25", reserved="3")
        counted = await stage.counts()
        assert (counted.unknowns, counted.denials, counted.usd) == (1, 1, Decimal("1.25"))
        await _spend(stage, await stage.start(), charged="3.75", reserved="4")
        await stage.rounds().look()
        assert (await stage.record()).reason == "5.00 US dollars were spent within 10m"


async def _deny_all(connection: AsyncConnection) -> None:
    await connection.execute(update(actions).values(outcome="denied"))


async def _spend(stage: Stage, run_id: str, *, charged: str, reserved: str) -> None:
    """One attempt that is settled, and one that is open still."""
    turns = StoreTurns(stage.world.stores["agent"], stage.world.clock)
    run = await stage.world.warranted(run_id)
    for step in (1, 2):
        attempt = f"{run_id}:{step}"
        reservation = Reservation(
            attempt_id=attempt, step=step, usd="0.1" if step == 1 else reserved, seconds=1.0
        )
        if step == 1:
            await turns.reserve(run, reservation)
            await turns.abandon(run, attempt, duration_ms=1, usd=charged)
            continue
        row = {"attempt_id": attempt, "run_id": run_id, "step": 2, "usd": reserved, "limit_ms": 1_000}

        async def work(connection: AsyncConnection, row: dict[str, Any] = row) -> None:
            await connection.execute(
                insert(attempts).values(**row, open=True, started_ms=stage.world.clock.at_ms)
            )

        await stage.world.store.write(work)


async def test_an_operator_resets_it_with_a_reason(each: Stage) -> None:
    """It closes at once, audited and announced; what happened before opens it no more."""
    await each.open()
    reset = await _reset(each, each.world.operator(), reason="The helpdesk is back.")
    shown = reset.json()
    assert (reset.status_code, shown["state"], shown["actor"]) == (200, "closed", "op:local")
    assert shown["counts"] == {"runs": 0, "failed": 0, "denials": 0, "unknowns": 0, "usd": "0"}
    await each.rounds().look()
    assert (await each.record()).state is BreakerState.CLOSED
    assert await each.told() == [("breaker", "opened"), ("op:local", "reset")]
    assert await each.alerted() == [("loud", "opened"), ("info", "reset")]
    await each.start()


async def _reset(
    stage: Stage, headers: dict[str, str], name: str = "support/close", **body: Any
) -> httpx.Response:
    path = f"/v1/breakers/{name}/reset"
    return await stage.world.http.post(path, json=body or {"reason": "r"}, headers=headers)


async def test_who_does_not_reach_it_resets_nothing(stage: Stage) -> None:
    """A tenant's operator, another route's, a caller, no reason, no such route: each is refused."""
    await stage.open()
    operator = stage.world.operator
    assert problem(await _reset(stage, operator("acme"))) == (403, "forbidden")
    assert problem(await _reset(stage, operator(routes=["support/other"]))) == (403, "forbidden")
    assert problem(await _reset(stage, stage.world.caller())) == (403, "forbidden")
    assert problem(await _reset(stage, operator(), reason="")) == (422, "invalid-request")
    assert problem(await _reset(stage, operator(), "support/none")) == (404, "not-found")
    assert (await stage.record()).state is BreakerState.OPEN
    assert await stage.told() == [("breaker", "opened")]


async def test_breakers_are_listed_to_operators_of_their_routes(stage: Stage) -> None:
    """With what they count, for who reaches every tenant; without, for a tenant's own; not for others."""
    await stage.open()
    (shown,) = await _listed(stage, stage.world.operator())
    assert (shown["route"], shown["state"], shown["counts"]["failed"]) == ("support/close", "open", 3)
    assert shown["until"] is not None
    (part,) = await _listed(stage, stage.world.operator("acme"))
    assert (part["state"], part["counts"]) == ("open", None)
    assert await _listed(stage, stage.world.operator(routes=["support/other"])) == []
    refused = await stage.world.http.get("/v1/breakers", headers=stage.world.caller())
    assert problem(refused) == (403, "forbidden")


async def _listed(stage: Stage, headers: dict[str, str]) -> Sequence[dict[str, Any]]:
    answer = await stage.world.http.get("/v1/breakers", headers=headers)
    found: Sequence[dict[str, Any]] = answer.json()["breakers"]
    return found


async def test_a_route_published_without_its_breaker_runs(stage: Stage) -> None:
    """New runs start at once, and the broker closes what was open."""
    await stage.open()
    await stage.world.documents.publish(ENV, "route", "support/close", route().document(), actor="op:test")
    await stage.start()
    await stage.rounds().look()
    assert await stage.told() == [("breaker", "opened"), ("breaker", "closed")]


async def test_any_number_of_routes_is_counted(stage: Stage) -> None:
    """More than SQLite takes in one query; each route has its own counts."""
    await stage.fail(2)
    breaker = broken().breaker
    assert breaker is not None
    names = [*(f"other/{number}" for number in range(501)), "support/close"]
    wanted = [Counting(route=name, breaker=breaker, since_ms=0) for name in names]
    async with stage.world.stores["broker"].read() as connection:
        found = await counts(connection, ENV, wanted)
    assert [name for name in names if found[name] != Counts()] == ["support/close"]
    assert found["support/close"].failed == 2


async def test_a_round_asks_the_store_few_questions(stage: Stage) -> None:
    """One for what is in force, one for the breakers, and one more for each route's counts."""
    await stage.rounds().look()
    asked: list[str] = []
    engine = stage.world.stores["broker"]._engine.sync_engine

    def count(*call: Any) -> None:
        asked.append(call[2])

    event.listen(engine, "before_cursor_execute", count)
    rounds = stage.rounds()
    await rounds.look()
    asked.clear()
    await rounds.look()
    assert sum("SELECT" in one for one in asked) == 3
