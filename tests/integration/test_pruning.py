"""Retention on a real store: what ended long ago goes, and nothing that anybody still needs."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update
from typer.testing import CliRunner

from adapters import schema
from adapters.audit_log import AuditQuery
from adapters.migrations import migrate
from adapters.pruning import Pruning
from adapters.runs import StoreRuns
from cli.store import app
from contracts.errors import Malformed, PermissionRefused
from contracts.run import Outcome
from contracts.tool import Catalogue, Retry
from contracts.wire import Ending
from tests.integration.approved_write import DONE, Case, waiting
from tests.integration.test_gateway_world import CLOSE, ENV, route

DAY_MS = 86_400_000
KEPT = {
    *("documents", "published", "rule_places", "audit", "audit_tips", "audit_heads"),
    *("switches", "breakers", "alerts", "epochs", "openings"),
}
"""Tables that hold no run; what is kept of a session of break-glass stays."""


@pytest.fixture
async def case(store_url: str) -> AsyncIterator[Case]:
    async with waiting(store_url) as found:
        yield found


async def _prune(case: Case, keep: str = "400d", at_once: int = 50, **options: Any) -> int:
    pruning = Pruning(case.world.store, case.world.clock, at_once=at_once)
    return sum([done.removed async for done in pruning.rounds(keep, actor="op:ada", **options)])


async def _written(case: Case) -> None:
    """Approved, written, settled, and ended."""
    assert await case.answer("approve") == 200
    claim = await case.claim()
    await case.ledger.settle(case.request(), claim.fence, DONE)
    await case.end_run()


async def _rows(case: Case) -> dict[str, int]:
    async with case.world.store.read() as connection:
        counted = {
            name: await connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in schema.metadata.tables.items()
        }
    return {name: many for name, many in counted.items() if many}


async def test_a_run_that_ended_long_ago_goes_with_all_that_was_kept_of_it(case: Case) -> None:
    """No row of it is left in any table; the audit of it stays, and says who removed it."""
    await _click(case)
    await _written(case)
    case.world.clock.at_ms += 399 * DAY_MS
    assert await _prune(case) == 0
    case.world.clock.at_ms += 2 * DAY_MS
    assert {"claims", "consumed", "decisions", "clicks", "sessions", "turns"} <= set(await _rows(case))
    assert await _prune(case) == 1
    assert set(await _rows(case)) <= KEPT
    records = [one.record for one in await case.world.audit.search(AuditQuery(tenant="acme"))]
    assert any(one["run_id"] == case.frozen.run_id and one["kind"] == "attempt" for one in records)
    assert (records[-1]["kind"], records[-1]["outcome"], records[-1]["actor"]) == (
        "store",
        "pruned",
        "op:ada",
    )


async def _click(case: Case) -> None:
    async def work(connection: Any) -> None:
        now = case.world.clock.at_ms
        await connection.execute(insert(schema.clicks).values(proof="sha256:1", at_ms=now))
        known = {"session": "sha256:2", "principal": "principal:ada", "at_ms": now, "until_ms": now}
        await connection.execute(insert(schema.sessions).values(**known))

    await case.world.store.write(work)


async def test_every_table_that_names_a_run_is_pruned() -> None:
    """A new table is emptied with its runs, or is said to hold none."""
    assert {"attempts", "turns", "messages", "actions", "approvals", "decisions", "clicks", "claims"} | {
        "consumed",
        "outbox",
        "sessions",
        "undos",
        "runs",
    } == set(schema.metadata.tables) - KEPT


async def test_a_dry_run_removes_nothing(case: Case) -> None:
    """It counts what would go."""
    await _written(case)
    case.world.clock.at_ms += 401 * DAY_MS
    before = await _rows(case)
    assert await _prune(case, dry_run=True) == 1
    assert await _rows(case) == before


async def test_an_open_run_stays_however_old_it_is(case: Case) -> None:
    """An approval that may wait for ever is never pruned away under the people who are asked."""
    case.world.clock.at_ms += 4_000 * DAY_MS
    assert await _prune(case) == 0
    assert (await case.world.approvals.get(case.approval_id)).state == "waiting"


async def test_an_unknown_write_and_its_question_stay(case: Case) -> None:
    """Until a person says what it did; then the run goes like any other."""
    assert await case.answer("approve") == 200
    await case.claim()
    await case.end_run()
    assert (await case.action()).outcome is Outcome.UNKNOWN
    case.world.clock.at_ms += 401 * DAY_MS
    assert await _prune(case) == 0
    (question,) = await case.questions()
    assert await case.answer("it_did", approval_id=question.approval_id) == 200
    assert await _prune(case) == 0, "what was said is not settled yet"
    await case.settle(question.approval_id)
    assert await _prune(case) == 1


async def test_a_run_that_is_being_undone_stays(case: Case) -> None:
    """Until the run that undoes its write has ended; then both go, each at its own time."""
    await _written(case)
    case.world.clock.at_ms += 401 * DAY_MS
    undoing = (await case.world.start(key="undo")).json()["run_id"]
    await _undone(case, undoing)
    assert await _prune(case) == 0
    runs = StoreRuns(case.world.stores["broker"], case.world.clock)
    await runs.end(await case.world.warranted(undoing), Ending(state="completed"))
    assert await _prune(case) == 1
    assert (await case.world.runs.get(undoing)).state == "completed"


async def _undone(case: Case, by: str) -> None:
    async def work(connection: Any) -> None:
        values = {"run_id": by, "place": 0, "action_id": case.frozen.action_id, "by_action": f"{by}.1.0"}
        await connection.execute(insert(schema.undos).values(**values))

    await case.world.store.write(work)


async def test_a_claim_stays_as_long_as_its_target_knows_the_key(store_url: str) -> None:
    """A target that deduplicates for 500 days would answer a later run's write with this one's result."""
    async with waiting(store_url) as case:
        await _written(case)
        await _retained(case, 500)
        case.world.clock.at_ms += 401 * DAY_MS
        assert await _prune(case) == 0
        case.world.clock.at_ms += 100 * DAY_MS
        assert await _prune(case) == 1


async def _retained(case: Case, days: int) -> None:
    """The run's pinned catalogue says that the target knows keys for so long."""
    native = Retry(kind="native", retention_seconds=days * 86_400)
    document = Catalogue(tools={CLOSE.name: replace(CLOSE, retry=native)}).document()
    identity, _ = await case.world.documents.publish(ENV, "catalogue", "catalogue", document, actor="op:test")

    async def work(connection: Any) -> None:
        await connection.execute(update(schema.runs).values(catalogue_digest=identity))

    await case.world.store.write(work)


async def test_more_runs_than_one_transaction_takes_all_go(store_url: str) -> None:
    """Round after round, those that stay in between are passed over."""
    async with waiting(store_url) as case:
        world = case.world
        runs = StoreRuns(world.stores["broker"], world.clock)
        for number in range(7):
            run_id = (await world.start(key=f"many-{number}")).json()["run_id"]
            await runs.end(await world.warranted(run_id), Ending(state="completed"))
        world.clock.at_ms += 401 * DAY_MS
        assert await _prune(case, at_once=3) == 7
        assert (await _rows(case))["runs"] == 1


@pytest.mark.parametrize("keep", ["29d", "1h", "for ever", "0d"])
async def test_too_short_a_time_is_refused(case: Case, keep: str) -> None:
    """Less than the least, or no duration: a sentence, and nothing is removed."""
    await _written(case)
    case.world.clock.at_ms += 401 * DAY_MS
    with pytest.raises(Malformed, match="--keep"):
        await _prune(case, keep)
    assert (await _rows(case))["runs"] == 1


async def test_writes_that_a_limit_still_counts_are_kept(case: Case) -> None:
    """A limit's window is longer than what would be kept: refused, naming the route."""
    await case.world.publish(
        route(limits=[{"tool": CLOSE.name, "per": "tenant", "window": "90d", "calls": 5}])
    )
    with pytest.raises(Malformed, match=r"support/close limits ticket\.close within 90d"):
        await _prune(case, "60d")
    assert await _prune(case, "90d") == 0


async def test_a_start_with_the_key_of_a_pruned_run_is_a_new_run(case: Case) -> None:
    """Nothing is known of the first one but in the audit: a new run, of the same request id."""
    await _written(case)
    case.world.clock.at_ms += 401 * DAY_MS
    assert await _prune(case) == 1
    again = await case.world.start(key="k-1")
    assert again.status_code == 202
    run = again.json()
    assert run["run_id"] != case.frozen.run_id
    assert run["request_id"] == case.frozen.request_id


async def test_no_role_may_prune(case: Case) -> None:
    """On PostgreSQL the owner removes runs, and no login that serves, nor the operator's."""
    await _written(case)
    case.world.clock.at_ms += 401 * DAY_MS
    for role, store in case.world.stores.items():
        if not store.sqlite:
            with pytest.raises(PermissionRefused):
                [done async for done in Pruning(store, case.world.clock).rounds("400d", actor=f"op:{role}")]
    assert (await _rows(case))["runs"] == 1


def test_the_command_says_what_went(tmp_path: Path) -> None:
    """One JSON document; a foreign name for the operator is refused."""
    migrate(f"sqlite+aiosqlite:///{tmp_path / 'store.db'}")
    environment = {"INTERLOCK_STORE": f"sqlite+aiosqlite:///{tmp_path / 'store.db'}"}
    done = CliRunner().invoke(app, ["prune", "--json"], env=environment)
    assert json.loads(done.stdout) == {"keep": "400d", "dry_run": False, "removed": 0, "stay": 0}
    assert CliRunner().invoke(app, ["prune", "--as", "ada"], env=environment).exit_code != 0
