"""Many workers at one store, each with connections of its own: one write, and books that hold."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest
from sqlalchemy import func, select

from adapters.audit_log import AuditQuery, StoreAuditLog
from adapters.ledger import StoreLedger
from adapters.run_entry import RunEntry
from adapters.schema import claims, consumed
from adapters.store import Store
from contracts.action import Frozen
from contracts.audit import GENESIS, AuditRecord, link
from contracts.errors import Unavailable
from contracts.ledger import Claim
from contracts.run import Outcome
from contracts.tool import Retry
from policies.route import Route
from tests.content_keys import HeldKeys
from tests.integration.approved_write import DONE, Case
from tests.integration.test_gateway_world import World, opened, route

EXECUTIONS = 64
#: Processes among which they are spread; a worker executes several at a time.
WORKERS = 8
LOOKUP, NONE = Retry(kind="lookup"), Retry()


@asynccontextmanager
async def stores(url: str) -> AsyncIterator[Sequence[Store]]:
    """One for each worker."""
    async with AsyncExitStack() as closing:
        made = [Store(url, HeldKeys()) for _ in range(WORKERS)]
        for store in made:
            closing.push_async_callback(store.close)
        yield made


@asynccontextmanager
async def approved(url: str, *routes: Route) -> AsyncIterator[Case]:
    async with opened(url, *routes) as world:
        yield await _approved(world, "k-1")


async def _approved(world: World, key: str) -> Case:
    approval = await world.asked(key=key)
    case = Case(
        world=world,
        ledger=StoreLedger(world.stores["tools"], RunEntry(world.proofs), world.clock),
        run=await world.warranted(approval.run_id),
        frozen=Frozen.read(approval.action),
        approval_id=approval.approval_id,
    )
    assert await case.answer("approve") == 200
    return case


def _ledger(case: Case, store: Store) -> StoreLedger:
    return StoreLedger(store, RunEntry(case.world.proofs), case.world.clock)


async def _claims(case: Case, workers: Sequence[Store], retry: Retry) -> list[Claim]:
    return await asyncio.gather(
        *(
            _ledger(case, workers[number % WORKERS]).claim(case.request(f"execution-{number}", retry))
            for number in range(EXECUTIONS)
        )
    )


async def _kept(world: World, *columns: Any) -> list[tuple[Any, ...]]:
    async with world.store.read() as connection:
        return [tuple(row) for row in await connection.execute(select(*columns))]


async def _unbroken(world: World, tenant: str) -> list[dict[str, Any]]:
    """The tenant's records, once each is found to follow from the one before it."""
    found = await StoreAuditLog(world.store).search(AuditQuery(tenant=tenant, limit=10_000))
    previous = GENESIS
    for place, one in enumerate(found, start=1):
        assert (one.seq, one.previous, one.hash) == (place, previous, link(previous, one.record))
        previous = one.hash
    return [dict(one.record) for one in found]


@pytest.mark.parametrize("retry", [NONE, LOOKUP])
async def test_of_sixty_four_executions_of_one_action_one_sends(store_url: str, retry: Retry) -> None:
    """One sends, the others wait for it; once it is settled all get its result; it is in the books once."""
    async with approved(store_url) as case, stores(store_url) as workers:
        raced = await _claims(case, workers, retry)
        assert sorted(claim.say for claim in raced) == ["send", *["wait"] * (EXECUTIONS - 1)]
        assert {claim.fence for claim in raced} == {1}
        await _ledger(case, workers[0]).settle(case.request(retry=retry), 1, DONE)
        later = await _claims(case, workers, retry)
        assert {claim.say for claim in later} == {"stored"}
        assert {claim.stored.outcome for claim in later if claim.stored} == {Outcome.SUCCEEDED}
        assert await _kept(case.world, claims.c.state, claims.c.fence) == [("succeeded", 1)]
        assert await _kept(case.world, func.count(consumed.c.grant_id)) == [(1,)]
        records = await _unbroken(case.world, "acme")
        assert [one["kind"] for one in records].count("attempt") == 1
        assert [one["kind"] for one in records].count("result") == 1


async def test_a_limit_holds_for_actions_that_race(store_url: str) -> None:
    """Eight approved actions claimed at once under a limit of three: three are claimed."""
    limited = route(limits=[{"tool": "ticket.close", "per": "tenant", "window": "1h", "calls": 3}])
    async with opened(store_url, limited) as world, stores(store_url) as workers:
        cases = [await _approved(world, f"k-{number}") for number in range(WORKERS)]
        raced = await asyncio.gather(
            *(_ledger(case, store).claim(case.request()) for case, store in zip(cases, workers, strict=True))
        )
        assert [claim.say for claim in raced].count("send") == 3
        assert await _kept(world, func.count(claims.c.key_hash)) == [(3,)]
        await _unbroken(world, "acme")


async def test_a_chain_does_not_fork(store_url: str) -> None:
    """Records appended by many at once stand one after the other, from the very first."""
    async with opened(store_url) as world, stores(store_url) as workers:
        await asyncio.gather(
            *(
                _append(StoreAuditLog(workers[number % WORKERS]), _record(number))
                for number in range(EXECUTIONS)
            )
        )
        records = await _unbroken(world, "initech")
        assert sorted(one["at_ms"] for one in records) == [*range(EXECUTIONS)]


async def _append(log: StoreAuditLog, record: AuditRecord) -> None:
    """As a caller does, who asks again where a slow machine let the others go first for too long."""
    while True:
        with suppress(Unavailable):
            await log.append(record)
            return


def _record(number: int) -> AuditRecord:
    return AuditRecord(kind="run", at_ms=number, tenant="initech", env="dev", actor="test", outcome="x")
