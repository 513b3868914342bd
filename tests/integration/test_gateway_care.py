"""How people approve, over HTTP and on the command line: from the books, for operators, within bounds."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, update
from typer.testing import CliRunner

from adapters.schema import approvals
from cli.approvals import app
from contracts.approval import ApprovalRecord
from contracts.errors import Malformed
from gateway.care import DAYS, MOST
from tests.integration.served_world import served
from tests.integration.test_gateway_world import World, opened, problem, route

DAY = 86_400


async def decide(
    world: World, key: str, name: str, decision: str, after_ms: int, **about: Any
) -> ApprovalRecord:
    """Somebody decides that long after it was asked."""
    approval = await world.asked(key=key, **about)
    world.clock.at_ms += after_ms
    await answer(world, approval, name, decision)
    return approval


async def answer(world: World, approval: ApprovalRecord, name: str, decision: str) -> None:
    body = {"decision": decision, "action_digest": approval.action_digest}
    path = f"/v1/approvals/{approval.approval_id}/decision"
    assert (await world.http.post(path, json=body, headers=world.approver(name))).status_code == 200


async def care(world: World, headers: dict[str, str] | None = None, **query: Any) -> Any:
    return await world.http.get("/v1/approvals/care", params=query, headers=headers or world.operator())


def ago(world: World, seconds: float) -> str:
    at = datetime.fromtimestamp(world.clock.at_ms / 1_000, tz=UTC) - timedelta(seconds=seconds)
    return at.isoformat(timespec="milliseconds")


async def test_each_person_s_care_is_counted_from_the_books(store_url: str) -> None:
    """Approved, denied, taken back, how fast, how many an hour, and how many sooner than they can be read."""
    async with opened(store_url) as world:
        await decide(world, "k-1", "ada", "approve", 100)
        await decide(world, "k-2", "ada", "approve", 20_000)
        await decide(world, "k-3", "ada", "deny", 100)
        await decide(world, "k-4", "grace", "deny", 30_000)
        taken_back = await decide(world, "k-5", "grace", "approve", 40_000)
        await answer(world, taken_back, "grace", "withdraw")
        found = (await care(world)).json()
        known = {"approved", "denied", "withdrawn", "share_approved", "busiest_hour", "fast"}
        told = {one["principal"]: {name: one[name] for name in known} for one in found["people"]}
        assert told == {
            "principal:ada": {
                "approved": 2,
                "denied": 1,
                "withdrawn": 0,
                "share_approved": 0.667,
                "busiest_hour": 3,
                "fast": 1,
            },
            "principal:grace": {
                "approved": 1,
                "denied": 1,
                "withdrawn": 1,
                "share_approved": 0.5,
                "busiest_hour": 2,
                "fast": 0,
            },
        }
        ada, grace = found["people"]
        assert (ada["median_seconds"], ada["fastest_seconds"]) == (0.1, 0.1)
        assert (grace["median_seconds"], grace["fastest_seconds"]) == (35.0, 30.0)


async def test_the_time_counts_from_when_it_could_be_read(tmp_path: Path) -> None:
    """From the card's moment in Slack; whoever decided elsewhere before it stood there, from the request."""
    async with opened(tmp_path) as world:
        early = await decide(world, "k-1", "ada", "deny", 50_000)
        late = await decide(world, "k-2", "grace", "deny", 50_000)
        for approval, shown_ms in ((early, 60_000), (late, 45_000)):

            async def show(
                connection: Any, approval: ApprovalRecord = approval, after: int = shown_ms
            ) -> None:
                own = update(approvals).where(approvals.c.approval_id == approval.approval_id)
                await connection.execute(own.values(shown_ms=approval.requested_ms + after))

            await world.store.write(show)
        ada, grace = (await care(world)).json()["people"]
        assert (ada["fastest_seconds"], grace["fastest_seconds"]) == (50.0, 5.0)


async def test_care_is_an_operator_s_within_the_token_s_reach(tmp_path: Path) -> None:
    """Neither callers nor approvers see it; a token shows its own tenant and routes alone."""
    async with opened(tmp_path, route(), route("support/other")) as world:
        await decide(world, "k-1", "ada", "deny", 20_000)
        await decide(world, "k-2", "ada", "deny", 20_000, route="support/other")
        await decide(world, "k-3", "linus", "deny", 20_000, headers=world.caller("globex"))
        for headers in (world.caller(), world.approver()):
            assert problem(await care(world, headers)) == (403, "forbidden")

        async def counted(headers: dict[str, str], **query: str) -> dict[str, int]:
            found = (await care(world, headers, **query)).json()["people"]
            return {one["principal"]: one["denied"] for one in found}

        assert await counted(world.operator()) == {"principal:ada": 2, "principal:linus": 1}
        assert await counted(world.operator(), tenant="acme") == {"principal:ada": 2}
        assert await counted(world.operator("globex")) == {"principal:linus": 1}
        assert await counted(world.operator(routes=["support/other"])) == {"principal:ada": 1}
        assert problem(await care(world, world.operator("globex"), tenant="acme")) == (403, "forbidden")


async def test_care_looks_back_within_bounds(tmp_path: Path) -> None:
    """A day where nothing is said, 31 at most, and the answer says so; a time to come has no answers."""
    async with opened(tmp_path) as world:
        await decide(world, "k-1", "ada", "deny", 20_000)
        world.clock.at_ms += 25 * 3_600_000
        assert (await care(world)).json()["people"] == []
        found = (await care(world, since=ago(world, DAYS * DAY))).json()
        assert [one["principal"] for one in found["people"]] == ["principal:ada"]
        longer = (await care(world, since="1970-01-01T00:00:00Z")).json()
        assert longer == found
        later = (await care(world, since=ago(world, -60))).json()
        assert (later["since"], later["people"]) == (later["until"], [])
        assert problem(await care(world, since="yesterday")) == (422, "invalid-request")


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    """What is asked of the store meanwhile."""
    said: list[str] = []
    engine = world.stores["gateway"]._engine.sync_engine

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield said
    event.remove(engine, "before_cursor_execute", note)


async def test_care_takes_as_many_queries_for_many_as_for_none(tmp_path: Path) -> None:
    """And each has an end: no more answers are read than are counted."""
    async with opened(tmp_path) as world:
        with statements(world) as none:
            await care(world)
        for number, name in enumerate(("ada", "grace", "ada")):
            await decide(world, f"k-{number}", name, "approve", 100)
        with statements(world) as many:
            assert len((await care(world)).json()["people"]) == 2
        assert many == none
        assert sum("LIMIT" in one for one in many) == 1


async def test_too_many_answers_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not counted whole is not counted: the caller asks for a shorter time."""
    assert MOST >= 10_000
    monkeypatch.setattr("gateway.care.MOST", 1)
    async with opened(tmp_path) as world:
        for number in range(2):
            await decide(world, f"k-{number}", "ada", "deny", 20_000)
        assert problem(await care(world)) == (422, "invalid-request")


async def test_care_hides_no_approval(tmp_path: Path) -> None:
    """Beside its path every approval is read as before, and what is none is not found."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        for name, status in ((approval.approval_id, 200), ("cares", 404), ("apr_care", 404)):
            answered = await world.http.get(f"/v1/approvals/{name}", headers=world.operator())
            assert answered.status_code == status


def test_the_command_line_shows_it(tmp_path: Path) -> None:
    """As one document for machines, and as a table for people."""
    with served(tmp_path) as gateway:
        gateway.do(decide(gateway.world, "k-1", "ada", "approve", 100))
        token = gateway.world.operator()["Authorization"].removeprefix("Bearer ")

        def said(*options: str) -> str:
            verb = [sys.executable, "-m", "cli.main", "approvals", "care", *options]
            reach = ["--gateway", gateway.url, "--token", token]
            wide = {**os.environ, "COLUMNS": "160"}
            done = subprocess.run([*verb, *reach], capture_output=True, text=True, env=wide, check=True)
            return done.stdout

        found = json.loads(said("--since", "31d", "--json"))
        assert [(one["principal"], one["fast"]) for one in found["people"]] == [("principal:ada", 1)]
        shown = said("--tenant", "acme")
        assert "principal:ada" in shown
        assert "100%" in shown


@pytest.mark.parametrize("since", ["yesterday", "99999999999d", ""])
def test_a_time_that_is_none_is_refused(since: str) -> None:
    """Before anything is asked of the gateway."""
    reach = ["--gateway", "http://127.0.0.1:9", "--token", "x"]
    assert isinstance(CliRunner().invoke(app, ["care", "--since", since, *reach]).exception, Malformed)
