"""Laws of a start that is sent again: once accepted it stays that run, whatever has changed since."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.wire import Ending
from policies.people import People
from tests.integration.test_gateway_world import CATALOGUE, World, opened, problem, route

_WEEK_MS = 7 * 24 * 3_600_000


async def _withdrawn(world: World) -> None:
    await world.withdraw("route", "support/close")


async def _narrowed(world: World) -> None:
    narrow = route(budgets={"steps": 1, "seconds": 1, "usd": "0.01", "denials": 0})
    await world.documents.publish("dev", "route", narrow.name, narrow.document(), actor="op:test")


async def _other_input(world: World) -> None:
    other = route(input={"type": "object", "required": ["order_id"]})
    await world.documents.publish("dev", "route", other.name, other.document(), actor="op:test")


async def _unusable(world: World) -> None:
    await world.documents.publish("dev", "route", "support/close", {"no": "route"}, actor="op:test")


async def _nobody_left(world: World) -> None:
    await world.documents.publish("dev", "people", "people", People(people=()).document(), actor="op:test")


async def _other_catalogue(world: World) -> None:
    changed = {"tools": {}} | {name: value for name, value in CATALOGUE.document().items() if name != "tools"}
    await world.documents.publish("dev", "catalogue", "catalogue", changed, actor="op:test")


async def _no_catalogue(world: World) -> None:
    await world.withdraw("catalogue", "catalogue")


async def _a_week_on(world: World) -> None:
    world.clock.at_ms += _WEEK_MS


async def _ended(world: World) -> None:
    for run_id in world.temporal.executions:
        await world.runs.end(await world.warranted(run_id), Ending(state="completed"))


CHANGES: tuple[Callable[[World], Awaitable[None]], ...] = (
    _withdrawn,
    _narrowed,
    _other_input,
    _unusable,
    _nobody_left,
    _other_catalogue,
    _no_catalogue,
    _a_week_on,
    _ended,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
async def test_a_start_sent_again_is_its_run_whatever_changed(
    tmp_path: Path, change: Callable[[World], Awaitable[None]]
) -> None:
    """The same key and body: 200 and the run as it stands; another body: 422, and still one run."""
    async with opened(tmp_path) as world:
        body: dict[str, Any] = {"on_behalf_of": "user:ada", "budgets": {"steps": 20}}
        first = await world.start(**body)
        await change(world)
        again = await world.start(**body)
        assert (first.status_code, again.status_code) == (202, 200)
        assert again.json() == (await _read(world, first.json()["run_id"]))
        assert again.json()["policy_digest"] == first.json()["policy_digest"]
        other = await world.start(**body | {"budgets": {"steps": 19}})
        assert problem(other) == (422, "idempotency-key-reused")
        assert other.json()["field"] == "Idempotency-Key"
        assert len(world.temporal.executions) == 1


async def test_a_token_that_lost_the_route_gets_no_run_by_its_key(tmp_path: Path) -> None:
    """A replay proves nothing about rights: what the token does not reach is refused as ever."""
    async with opened(tmp_path) as world:
        await world.start()
        narrow = world.caller(routes=["support/other"])
        assert problem(await world.start(narrow)) == (403, "forbidden")


async def test_fifty_starts_at_once_with_one_key_are_one_accepted_run(tmp_path: Path) -> None:
    """One new run, fifty equal answers, one execution, one record in the audit."""
    async with opened(tmp_path) as world:
        answers = await asyncio.gather(*(world.start() for _ in range(50)))
        assert sorted(answer.status_code for answer in answers) == [200] * 49 + [202]
        assert len({answer.json()["run_id"] for answer in answers}) == 1
        path = "/v1/audit?tenant=acme"
        records = (await world.http.get(path, headers=world.operator())).json()["records"]
        assert [one["record"]["outcome"] for one in records] == ["accepted"]
        assert len(world.temporal.executions) == 1


async def _read(world: World, run_id: str) -> Any:
    return (await world.http.get(f"/v1/runs/{run_id}", headers=world.caller())).json()
