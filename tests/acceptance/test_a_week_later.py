"""Everything is stopped while a run waits, and started again a week later as a new version of itself.

The clocks of all our processes are moved, so that whatever they hold of the week before has run out: leases,
tokens, signatures. Temporal's and AWS's are not: that a server keeps what it wrote is not shown here.
"""

import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from cli import minting
from contracts import names
from embedded.stack import running_stack
from tests.acceptance.a_week_on import WEEK, later
from tests.acceptance.conftest import ADA, SCRIPTED, World, scripted_policies, scripted_tools, world_of
from tests.acceptance.stack_world import open_tickets

PATIENT: Final = "support/patient"
LAUNCHER: Final = str(Path(__file__).with_name("a_week_on.py"))


def _policies(directory: Path) -> Path:
    """A route that gives people thirty days."""
    scripted_policies(directory)
    route = json.loads((directory / f"routes/{SCRIPTED}.yaml").read_text())
    route["approval"] |= {"deadline": "30d"}
    (directory / f"routes/{PATIENT}.yaml").write_text(json.dumps(route))
    return directory


@asynccontextmanager
async def _stack(root: Path) -> AsyncIterator[World]:
    policies, tools = root / "policies", root / "tools.yaml"
    async with (
        running_stack(root / "state", policies=policies, tools=tools, headless=True) as endpoints,
        world_of(endpoints, iter(())) as world,
    ):
        yield world


def _children_a_week_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """In every process that is started from here on."""

    def module(name: str, *arguments: str) -> list[str]:
        return [sys.executable, LAUNCHER, name, *arguments]

    monkeypatch.setattr("embedded.commands.module", module)


async def _audit(world: World, run_id: str) -> list[dict[str, Any]]:
    answer = await world.gateway.get(
        "/v1/audit", params={"run_id": run_id}, headers=await world.bearer(minting.operator())
    )
    found: list[dict[str, Any]] = answer.raise_for_status().json()["records"]
    return found


def _no_gap(records: list[dict[str, Any]]) -> None:
    """Place after place, each linked to the one before, though a week lies between two of them."""
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    assert all(after["previous"] == before["hash"] for before, after in pairwise(records))
    times = [record["record"]["at_ms"] for record in records]
    assert max(after - before for before, after in pairwise(times)) >= WEEK * 1000


async def _builds(world: World, run_id: str) -> list[str]:
    """The builds of the agent worker that served the run, in order."""
    found: dict[str, None] = {}
    async for event in world.workflow(run_id).fetch_history_events():
        done = event.workflow_task_completed_event_attributes
        if done.deployment_version.build_id:
            found[done.deployment_version.build_id] = None
    return list(found)


async def _openings(world: World, run_id: str) -> int:
    """How often the run was given a capability for its reads."""
    return sum(
        [
            event.activity_task_scheduled_event_attributes.activity_type.name == names.OPEN
            async for event in world.workflow(run_id).fetch_history_events()
        ]
    )


def _verified(state: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "cli.main", "audit", "verify", "--state", str(state), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def test_the_click_on_a_card_of_last_week_makes_one_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped, deployed anew and started a week later: the run goes on, and the audit has no gap."""
    ticket = open_tickets()[0]
    read = {"tool": "tickets.get", "args": {"ticket_id": ticket}}
    close = {"tool": "ticket.close", "args": {"ticket_id": ticket, "reason": "It works again."}}
    _policies(tmp_path / "policies")
    scripted_tools(tmp_path / "tools.yaml")
    monkeypatch.setenv("INTERLOCK_BUILD", "last-week")
    async with _stack(tmp_path) as world:
        run_id = await world.submit(PATIENT, {"script": [[read], [close], [read]], "final": "Done."})
        asked = await world.asked(run_id, ticket)
        card = await world.card(asked)
    monkeypatch.setenv("INTERLOCK_BUILD", "this-week")
    _children_a_week_on(monkeypatch)
    async with _stack(tmp_path) as world:
        # Only now: whether its workers poll, the stack asks of Temporal, whose clock did not move.
        monkeypatch.setattr(time, "time", later(time.time))
        assert (await world.run(run_id))["state"] == "waiting_approval"
        assert (await world.card(asked))["ts"] == card["ts"]
        await world.click(asked, ADA, stale=False)
        run = await world.reaches(run_id, "completed")
        assert [action["outcome"] for action in run["actions"]] == ["succeeded"] * 3
        assert [write["idempotency_key"] for write in await world.writes(ticket)] == [asked.key]
        assert await _builds(world, run_id) == ["last-week", "this-week"]
        assert await _openings(world, run_id) == 2, "no lease of the week before had run out"
        _no_gap(await _audit(world, run_id))
        assert _verified(tmp_path / "state")["verified"] is True
