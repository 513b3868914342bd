"""One request is one run: sent fifty times at once, or to a gateway that dies on its way to Temporal."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from adapters.temporal import TemporalStarter
from cli import minting
from contracts.run import RunRecord
from embedded.seed import APP, CHANNEL, TEAM
from gateway.app import create
from gateway.build import build
from gateway.launcher import Launcher
from gateway.settings import Settings
from tests.acceptance.conftest import SCRIPTED, SECONDS, World


def _body(*turns: Any) -> dict[str, Any]:
    return {"route": SCRIPTED, "input": {"script": list(turns), "final": "Done."}}


def _reading(ticket: str) -> dict[str, Any]:
    return _body([{"tool": "tickets.get", "args": {"ticket_id": ticket}}])


async def _caller(world: World, key: str) -> dict[str, str]:
    token = await minting.mint(world.state, minting.caller("tests", "acme", "*"))
    return {"Authorization": f"Bearer {token}", "Idempotency-Key": key}


async def _send(world: World, body: Any, key: str) -> httpx.Response:
    return await world.gateway.post("/v1/runs", json=body, headers=await _caller(world, key))


async def _executions(world: World, run_id: str) -> list[str]:
    """Temporal's executions of this id, closed ones too, once it shows any."""
    until = time.monotonic() + SECONDS
    while True:
        found = [one.run_id async for one in world.temporal.list_workflows(f"WorkflowId = '{run_id}'")]
        if found:
            return found
        assert time.monotonic() < until, f"Temporal shows no execution of {run_id}"
        await asyncio.sleep(0.1)


async def _accepted(world: World, run_id: str) -> int:
    """Records of the audit that say that this run was accepted."""
    token = await minting.mint(world.state, minting.operator())
    answer = await world.gateway.get(
        "/v1/audit", params={"run_id": run_id}, headers={"Authorization": f"Bearer {token}"}
    )
    records = [one["record"] for one in answer.json()["records"]]
    return sum(record["kind"] == "run" and record["outcome"] == "accepted" for record in records)


async def test_fifty_starts_at_once_are_one_run(world: World) -> None:
    """Fifty equal answers, one of them new, one execution in Temporal, one record in the audit."""
    key, body = secrets.token_hex(8), _reading(next(world.tickets))
    answers = await asyncio.gather(*(_send(world, body, key) for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] * 49 + [202]
    (run_id,) = {answer.json()["run_id"] for answer in answers}
    run = await world.reaches(run_id, "completed")
    assert [action["tool"] for action in run["actions"]] == ["tickets.get"]
    assert len(await _executions(world, run_id)) == 1
    assert await _accepted(world, run_id) == 1


class _Dying(Launcher):
    """A gateway's launcher that is killed on its way, where a test says."""

    def __init__(self, launcher: Launcher, starter: TemporalStarter | None) -> None:
        vars(self).update(vars(launcher))
        self.dying = starter
        self.accepted: list[RunRecord] = []

    async def try_launch(self, record: RunRecord) -> RunRecord:
        self.accepted.append(record)
        if self.dying is not None:
            await self.dying.start(record)
        raise SystemError("killed here")


@asynccontextmanager
async def _dying(world: World, *, started: bool) -> AsyncIterator[tuple[httpx.AsyncClient, _Dying]]:
    """A second gateway over the same store and Temporal; it dies before or after it has started the run."""
    state = world.state
    app = await build(
        Settings(
            env="dev",
            store=state.store_url,
            temporal=world.endpoints.temporal,
            aws=state.directory / "aws" / "gateway.json",
            keyring=state.keyring,
            slack_team=TEAM,
            slack_app=APP,
            slack_channel=CHANNEL,
            slack_url=world.endpoints.slack,
            temporal_ui="",
            pages="",
        )
    )
    parts = app.state.parts
    launcher = _Dying(parts.launcher, parts.starter if started else None)
    transport = httpx.ASGITransport(app=create(replace(parts, launcher=launcher)))
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            yield http, launcher
    finally:
        for close in parts.closing:
            await close()


@pytest.mark.parametrize("started", [False, True], ids=["before the start", "after the start"])
async def test_a_run_whose_execution_was_never_recorded_is_started_once(world: World, started: bool) -> None:
    """A gateway that died between its row and its word to Temporal, or before it noted the execution."""
    async with _dying(world, started=started) as (http, launcher):
        body = _reading(next(world.tickets))
        key = secrets.token_hex(8)
        lost = await http.post("/v1/runs", json=body, headers=await _caller(world, key))
        assert lost.status_code == 500
    (record,) = launcher.accepted
    assert record.first_execution is None
    run = await world.reaches(record.run_id, "completed")
    assert [action["outcome"] for action in run["actions"]] == ["succeeded"]
    assert len(await _executions(world, record.run_id)) == 1
    assert await _accepted(world, record.run_id) == 1
    again = await _send(world, body, key)
    assert (again.status_code, again.json()) == (200, run)
