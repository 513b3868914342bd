"""Limits on a real store: reads that race, a reference model of what counts, and rules that never widen."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.actions import StoreActions
from adapters.audit_log import AuditQuery
from adapters.ledger import StoreLedger
from adapters.limits import Counted, exceeded
from adapters.run_entry import RunEntry
from adapters.schema import actions, claims
from adapters.store import Store
from contracts.digest import digest
from contracts.errors import PermissionRefused
from contracts.ledger import Conclusion
from contracts.run import ActionRecord, Outcome, WarrantedRun
from contracts.tool import Catalogue, Effect, ToolSpec
from policies.route import Limit, Route
from tests.integration.approved_write import waiting
from tests.integration.test_gateway_world import CLOSE, ENV, World, opened, route
from tests.integration.test_races import WORKERS, stores

GET: Final = ToolSpec(
    name="http.get",
    version="1",
    address="web",
    effect=Effect.READ,
    description="Fetch a page.",
    schema={"type": "object"},
    credential="",
)
HOUR_MS: Final = 3_600_000
RACERS: Final = 12


def reading(**limit: Any) -> Route:
    """A route on which pages are fetched, under one limit."""
    known = {"tool": "http.get", "per": "run", "window": "1h"}
    return route(allow_tools=["http.get", "ticket.close"], limits=[{**known, **limit}])


@dataclass(frozen=True, kw_only=True)
class Reads:
    """A run and the pages that it wants to fetch."""

    world: World
    run: WarrantedRun

    async def propose(self, number: int, **arguments: Any) -> ActionRecord:
        action_id = f"{self.run.warrant.run_id}.1.{number}"
        row = _action(self.run, action_id, "http.get", arguments)

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(insert(actions).values(row))

        await self.world.store.write(work)
        return await self.actions.get(self.run, action_id)

    @property
    def actions(self) -> StoreActions:
        return StoreActions(self.world.stores["tools"], self.world.clock)

    async def admit(self, action: ActionRecord, store: Store | None = None) -> str:
        """``admitted``, or why not."""
        ledger = StoreLedger(
            store or self.world.stores["tools"], RunEntry(self.world.proofs), self.world.clock
        )
        try:
            await ledger.admit(self.run, action, GET)
        except PermissionRefused as refusal:
            return refusal.sentence if refusal.rules == ("limits[0]",) else f"by {refusal.rules}"
        return "admitted"


@asynccontextmanager
async def fetching(url: Path | str, rules: Route) -> AsyncIterator[Reads]:
    async with opened(url, rules) as world:
        catalogue = Catalogue(tools={tool.name: tool for tool in (GET, CLOSE)})
        await world.documents.publish(ENV, "catalogue", "catalogue", catalogue.document(), actor="op:test")
        yield await _reads(world, "k-1")


async def _reads(world: World, key: str) -> Reads:
    started = await world.start(key=key)
    return Reads(world=world, run=await world.warranted(started.json()["run_id"]))


def _action(run: WarrantedRun, action_id: str, tool: str, arguments: Any) -> dict[str, Any]:
    warrant = run.warrant
    return {
        "action_id": action_id,
        "run_id": warrant.run_id,
        "tenant": warrant.tenant,
        "env": warrant.env,
        "route": warrant.route,
        "step": 1,
        "place": int(action_id.rpartition(".")[2]),
        "tool": tool,
        "effect": "read",
        "decision": "allow",
        "reasons": "[]",
        "approvals": 0,
        "arguments": json.dumps(arguments),
        "arguments_digest": digest(action_id),
        "words": "",
        "call_id": "c",
        "created_ms": 1,
    }


async def test_of_reads_side_by_side_one_takes_the_last_place(store_url: str) -> None:
    """A limit of one and a dozen that want it: one page is fetched, the others are told when they may."""
    async with fetching(store_url, reading(calls=1)) as reads, stores(store_url) as workers:
        proposed = [await reads.propose(number) for number in range(RACERS)]
        raced = await asyncio.gather(
            *(reads.admit(action, workers[place % WORKERS]) for place, action in enumerate(proposed))
        )
        assert raced.count("admitted") == 1
        assert all(
            "1 are counted; there is room for it again at" in said for said in raced if said != "admitted"
        )


async def test_a_read_that_is_tried_again_keeps_its_place(tmp_path: Path) -> None:
    """Its retries are no further calls; its place is free a window after the last of them."""
    async with fetching(tmp_path, reading(calls=1)) as reads:
        first, second = await reads.propose(0), await reads.propose(1)
        assert await reads.admit(first) == "admitted"
        reads.world.clock.at_ms += HOUR_MS - 1
        assert await reads.admit(first) == "admitted"
        reads.world.clock.at_ms += HOUR_MS - 1
        assert await reads.admit(second) != "admitted"
        reads.world.clock.at_ms += 1
        assert await reads.admit(second) == "admitted"
        assert await reads.admit(first) != "admitted"


async def test_a_read_counts_from_when_it_left(tmp_path: Path) -> None:
    """Reads that were held up for longer than the window are counted when they leave, not when proposed."""
    async with fetching(tmp_path, reading(calls=2)) as reads:
        held = [await reads.propose(number) for number in range(4)]
        reads.world.clock.at_ms += 3 * HOUR_MS
        assert [await reads.admit(one) == "admitted" for one in held] == [True, True, False, False]


async def test_a_read_that_was_denied_later_still_has_left(store_url: str) -> None:
    """Its denial on a later try gives its place to nobody."""
    async with fetching(store_url, reading(calls=1)) as reads:
        first, second = await reads.propose(0), await reads.propose(1)
        assert await reads.admit(first) == "admitted"
        denied = Conclusion(outcome=Outcome.DENIED, content="no", text="no", duration_ms=0)
        ended = await reads.actions.conclude(reads.run, first.action_id, denied)
        assert ended.attempts == 1
        assert await reads.admit(second) != "admitted"


@pytest.mark.parametrize(("per", "other_run"), [("run", "admitted"), ("route", ""), ("tenant", "")])
async def test_reads_are_counted_for_the_run_the_route_or_the_tenant(
    tmp_path: Path, per: str, other_run: str
) -> None:
    """Another run of the route shares all but the run's own limit; another tenant shares nothing."""
    async with fetching(tmp_path, reading(per=per, sum={"argument": "/pages", "max": "2.5"})) as reads:
        world = reads.world
        assert await reads.admit(await reads.propose(0, pages="1.25")) == "admitted"
        assert await reads.admit(await reads.propose(1, pages=1)) == "admitted"
        assert "2.25 is used" in await reads.admit(await reads.propose(2, pages="0.26"))
        assert "must be a whole number" in await reads.admit(await reads.propose(3, pages=0.1))
        beside = await _reads(world, "k-2")
        assert (await beside.admit(await beside.propose(0, pages=1)) == "admitted") == bool(other_run)
        started = await world.start(world.caller(tenant="globex"), "k-3")
        elsewhere = Reads(world=world, run=await world.warranted(started.json()["run_id"]))
        assert await elsewhere.admit(await elsewhere.propose(0, pages=2)) == "admitted"


async def test_a_limit_that_was_widened_since_the_start_stays(tmp_path: Path) -> None:
    """A run keeps the limits that it began with, and gets those of the policy in force beside them."""
    async with fetching(tmp_path, reading(calls=1)) as reads:
        wider = reading(calls=100)
        await reads.world.documents.publish(ENV, "route", wider.name, wider.document(), actor="op:test")
        assert await reads.admit(await reads.propose(0)) == "admitted"
        assert (await reads.admit(await reads.propose(1))).startswith("as the run began with it, limits[0]")
        fresh = await _reads(reads.world, "k-2")
        assert [await fresh.admit(await fresh.propose(place)) for place in range(2)] == ["admitted"] * 2
        narrower = reading(calls=2)
        await reads.world.documents.publish(ENV, "route", narrower.name, narrower.document(), actor="op:test")
        assert (await fresh.admit(await fresh.propose(2))).startswith("limits[0]")


async def test_a_write_over_its_limit_is_refused_by_rule(store_url: str) -> None:
    """The claim names the limit, and the audit what it was."""
    async with waiting(store_url) as case:
        none = route(limits=[{"tool": "ticket.close", "per": "tenant", "window": "1h", "calls": 0}])
        await case.world.documents.publish(ENV, "route", none.name, none.document(), actor="op:test")
        await case.answer("approve")
        claim = await case.claim()
        assert (claim.say, claim.outcome, claim.rules) == ("refused", Outcome.DENIED, ("limits[0]",))
        assert "alone is more" in claim.sentence


@dataclass
class Model:
    """What counts, in the plainest words: every write that left within the window or may act yet."""

    #: ``(run, route, tenant, sent, state, amount)`` of each; an amount of None was forgotten.
    sent: list[list[Any]] = field(default_factory=list)

    def fits(self, limit: Limit, call: Counted, now_ms: int, amount: Decimal) -> bool:
        counted = [
            one
            for one in self.sent
            if one[4] not in ("failed", "refused")
            and (one[4] in ("claimed", "unknown") or one[3] > now_ms - limit.window_ms)
            and one[2] == call.tenant
            and (limit.per != "run" or one[0] == call.run_id)
            and (limit.per != "route" or one[1] == call.route)
        ]
        if limit.calls is not None:
            return len(counted) < limit.calls
        assert limit.sum is not None
        if any(one[5] is None for one in counted):
            return False
        return sum((one[5] for one in counted), amount) <= Decimal(limit.sum.max)


@pytest.mark.parametrize("seed", range(2))
async def test_what_counts_is_what_the_model_says(store_url: str, seed: int) -> None:
    """Writes of two tenants, routes and runs are sent, settled and forgotten in any order, as time passes."""
    chance = random.Random(seed)
    limits = [
        Limit.model_validate({"tool": "ticket.close", "per": per, "window": "1h", **what})
        for per in ("run", "route", "tenant")
        for what in ({"calls": 3}, {"sum": {"argument": "usd", "max": "20.5"}})
    ]
    async with opened(store_url, route(), route("support/other")) as world:
        runs = await _runs(world)
        model, now = Model(), 1_800_000_000_000
        for number in range(45):
            now += chance.choice([0, 1, HOUR_MS // 8, HOUR_MS // 2])
            run = chance.choice(runs)
            usd = chance.choice([0, 7, "0.5", "10.25", "20.5"])
            await _compare(world, limits, model, run, usd, now)
            if chance.random() < 0.6:
                await _send(world, model, run, usd, now, number)
            if model.sent and chance.random() < 0.5:
                await _settle(world, model, chance)


async def _runs(world: World) -> list[WarrantedRun]:
    found: list[WarrantedRun] = []
    for tenant in ("acme", "globex"):
        for name in ("support/close", "support/close", "support/other"):
            started = await world.start(world.caller(tenant=tenant), f"k-{len(found)}", route=name)
            found.append(await world.warranted(started.json()["run_id"]))
    return found


async def _compare(
    world: World, limits: list[Limit], model: Model, run: WarrantedRun, usd: Any, now: int
) -> None:
    warrant = run.warrant
    call = Counted(
        writes=True,
        tool="ticket.close",
        tenant=warrant.tenant,
        env=ENV,
        route=warrant.route,
        run_id=warrant.run_id,
        action_id="next",
        arguments={"usd": usd},
    )

    async def work(connection: AsyncConnection) -> list[bool]:
        return [
            await exceeded(connection, route(limits=[limit.model_dump()]), call, now) is None
            for limit in limits
        ]

    said = await world.store.look(work)
    assert said == [model.fits(limit, call, now, Decimal(str(usd))) for limit in limits]


async def _send(world: World, model: Model, run: WarrantedRun, usd: Any, now: int, number: int) -> None:
    warrant, mark = run.warrant, digest(number)
    action_id = f"{warrant.run_id}.1.{number}"
    row = _action(run, action_id, "ticket.close", {"usd": usd})
    claim = {name: row[name] for name in ("run_id", "tenant", "env", "route", "tool", "action_id")}
    claim |= {"key_hash": mark, "action_digest": mark, "idempotency_key": mark, "target": "T-1"}
    claim |= {"address": "helpdesk", "state": "claimed", "fence": 1, "holder": "one"}
    claim |= {"claimed_ms": now, "first_ms": now}

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(insert(actions).values(row))
        await connection.execute(insert(claims).values(claim))

    await world.store.write(work)
    model.sent.append(
        [warrant.run_id, warrant.route, warrant.tenant, now, "claimed", Decimal(str(usd)), action_id]
    )


async def _settle(world: World, model: Model, chance: random.Random) -> None:
    """One is settled; now and then its arguments are forgotten."""
    one = chance.choice(model.sent)
    one[4] = chance.choice(["succeeded", "failed", "refused", "unknown"])
    forgotten = chance.random() < 0.1
    if forgotten:
        one[5] = None

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(update(claims).where(claims.c.action_id == one[6]).values(state=one[4]))
        if forgotten:
            await connection.execute(
                update(actions).where(actions.c.action_id == one[6]).values(arguments="{}")
            )

    await world.store.write(work)


async def test_a_refused_read_is_audited_with_its_rule(tmp_path: Path) -> None:
    """The result's record names the limit and says when there is room again."""
    async with fetching(tmp_path, reading(calls=0)) as reads:
        action = await reads.propose(0)
        sentence = await reads.admit(action)
        denied = Conclusion(
            outcome=Outcome.DENIED, content=sentence, text=sentence, duration_ms=0, rules=("limits[0]",)
        )
        await reads.actions.conclude(reads.run, action.action_id, denied)
        found = await reads.world.audit.search(AuditQuery(tenant="acme"))
        (result,) = [one.record for one in found if one.record["kind"] == "result"]
        assert (result["outcome"], result["rules"]) == ("denied", ["limits[0]"])
