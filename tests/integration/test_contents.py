"""Content in the store: nothing of it in the clear, and what is left of a tenant that was forgotten."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.actions import StoreActions
from adapters.approvals import StoreApprovals
from adapters.audit_log import AuditQuery, StoreAuditLog
from adapters.cards import render
from adapters.contents import FORGOTTEN
from adapters.rings import Ring, new_key, ring_of
from adapters.runs import StoreRuns
from adapters.schema import actions, metadata
from adapters.turns import StoreTurns
from contracts.audit import GENESIS, link
from contracts.errors import Malformed, PermissionRefused
from contracts.run import Outcome, RunState
from contracts.tool import Retry
from contracts.wire import Ending
from tests.integration.approved_write import DONE, Case, waiting
from tests.integration.test_gateway_world import World, route

TOLD = replace(DONE, content='{"note":"a zebra"}', text="closed for a giraffe")
SAID = (
    *("zebra", "giraffe", "an okapi", "a tapir", "1 customer"),
    *("Writes need a person", '{"ticket_id":"T-1"}', '"before":'),
)
"""Result, its text, a denial's reason, last words, preview, policy's reasons, arguments, changes."""


@pytest.fixture
async def case(store_url: str) -> AsyncIterator[Case]:
    async with waiting(store_url) as found:
        yield found


async def _dump(world: World, url: str) -> str:
    """Every value of every table but documents, which are policies; of SQLite the files' own bytes too."""
    async with world.store.read() as connection:
        tables = [table for table in metadata.sorted_tables if table.name not in ("documents", "rule_places")]
        rows = [row for table in tables for row in await connection.execute(select(table))]
    found = "\n".join(str(tuple(row)) for row in rows)
    if url.startswith("sqlite"):
        path = Path(url.partition(":///")[2])
        files = [path, path.with_name(f"{path.name}-wal")]
        found += "".join(file.read_bytes().decode("latin-1") for file in files if file.exists())
    return found


async def _forget(world: World, ring: Ring | None = None) -> None:
    """Delete acme's keys (or replace them), as every process knows it a minute later."""
    world.contents.changed["acme"] = ring or Ring()
    for store in (world.store, *world.stores.values()):
        store._contents._kept.clear()


async def _carried_out(case: Case, told: str = "a tapir") -> None:
    await case.answer("approve")
    claim = await case.claim()
    await case.ledger.settle(case.request(), claim.fence, TOLD)
    broker = StoreRuns(case.world.stores["broker"], case.world.clock)
    await broker.end(case.run, Ending(state="completed", text=told))


async def _unbroken(world: World) -> bool:
    """Whether acme's chain holds, recomputed without any key."""
    previous = GENESIS
    for one in await StoreAuditLog(world.store).kept(AuditQuery(tenant="acme", limit=10_000)):
        if one.previous != previous or link(previous, one.record) != one.hash:
            return False
        previous = one.hash
    return previous != GENESIS


async def test_nothing_of_a_tenants_content_lies_in_the_clear(case: Case, store_url: str) -> None:
    """After runs that succeeded, were denied and cancelled, a dump shows ids and digests, and no content."""
    await _carried_out(case)
    world = case.world
    denied = await world.asked(key="k-2")
    body = {"decision": "deny", "action_digest": denied.action_digest, "reason": "an okapi"}
    path = f"/v1/approvals/{denied.approval_id}/decision"
    assert (await world.http.post(path, json=body, headers=world.approver())).status_code == 200
    cancelled = (await world.start(key="k-3")).json()["run_id"]
    why = {"reason": "an okapi"}
    await world.http.post(f"/v1/runs/{cancelled}/cancel", json=why, headers=world.caller())
    dump = await _dump(world, store_url)
    assert case.run.warrant.run_id in dump
    assert case.frozen.digest() in dump
    assert [word for word in SAID if word in dump] == []
    shown = (await world.http.get(f"/v1/runs/{case.run.warrant.run_id}", headers=world.caller())).json()
    assert shown["result"]["text"] == "a tapir"
    assert shown["actions"][0]["outcome_text"] == "closed for a giraffe"
    records = (await world.http.get("/v1/audit?tenant=acme", headers=world.operator())).json()["records"]
    assert "a tapir" in {one["reason"] for one in records}


async def test_a_forgotten_run_shows_what_is_left(case: Case) -> None:
    """Ids, states, digests and a clear word in place of content, wherever it is read; never an error."""
    await _carried_out(case)
    world, run_id = case.world, case.run.warrant.run_id
    headers = world.operator()
    before = (await world.http.get(f"/v1/runs/{run_id}", headers=headers)).json()
    await _forget(world)
    for path in (
        f"/v1/runs/{run_id}",
        f"/v1/runs/{run_id}/why",
        f"/v1/runs/{run_id}/events?follow=false",
        "/v1/runs",
        f"/v1/approvals/{case.approval_id}",
        "/v1/approvals",
        "/v1/audit?tenant=acme",
    ):
        answer = await world.http.get(path, headers=headers)
        assert answer.status_code == 200, (path, answer.text)
        assert FORGOTTEN in answer.text, path
        assert [word for word in SAID[:5] if word in answer.text] == []
    after = (await world.http.get(f"/v1/runs/{run_id}", headers=headers)).json()
    assert after["result"]["text"] == FORGOTTEN
    for name in ("state", "request_id", "policy_digest", "spend", "ended_at"):
        assert after[name] == before[name]
    for name in ("tool", "outcome", "arguments_digest", "action_digest", "idempotency_key"):
        assert after["actions"][0][name] == before["actions"][0][name]
    asked = await world.approvals.get(case.approval_id)
    assert FORGOTTEN in str(render(asked, people={}, now_ms=world.clock.now_ms(), page_url=None).blocks)


async def test_the_audit_of_a_forgotten_tenant_verifies(case: Case) -> None:
    """The chain is over what is kept: it holds without a key, and goes on holding with what comes after."""
    await _carried_out(case)
    assert await _unbroken(case.world)
    await _forget(case.world)
    assert await _unbroken(case.world)
    await case.world.http.put(
        "/v1/switches/tenant:acme",
        json={"stopped": True, "reason": "forgotten"},
        headers=case.world.operator(),
    )
    assert await _unbroken(case.world)


async def test_a_forgotten_tenant_starts_no_run_until_it_has_a_new_key(case: Case) -> None:
    """Refused with a sentence, as no other tenant is; with a new key runs start, and what was stays gone."""
    world, run_id = case.world, case.run.warrant.run_id
    await _forget(world)
    refused = await world.start(key="k-9")
    assert refused.status_code == 403
    assert "was forgotten" in refused.json()["detail"]
    assert (await world.start(key="k-1")).json()["run_id"] == run_id
    assert (await world.start(world.caller("globex"), key="k-9")).status_code == 202
    await _forget(world, Ring.read(ring_of((new_key(), 0))))
    assert (await world.start(key="k-9")).status_code == 202
    assert (await world.runs.get(run_id)).input is None


async def test_a_run_of_a_forgotten_tenant_goes_no_further_and_ends(case: Case) -> None:
    """No model is told, no tool is called, no approved write is sent; the run can still be ended."""
    await case.answer("approve")
    world, run = case.world, case.run
    await _forget(world)
    turns = StoreTurns(world.stores["agent"], world.clock)
    with pytest.raises(PermissionRefused, match="forgotten"):
        await turns.transcript(run)
    with pytest.raises(PermissionRefused, match="forgotten"):
        await turns.recorded(run, 1)
    with pytest.raises(PermissionRefused, match="forgotten"):
        await StoreActions(world.stores["tools"], world.clock).get(run, case.frozen.action_id)
    await StoreRuns(world.stores["broker"], world.clock).end(run, Ending(state="failed", text="a tapir"))
    ended = await world.runs.get(run.warrant.run_id)
    assert ended.state is RunState.FAILED
    assert ended.result["text"] == FORGOTTEN


async def test_a_write_that_was_sent_is_settled_though_its_tenant_was_forgotten(case: Case) -> None:
    """What happened is written down without its words: a deleted key makes no write unknown."""
    await case.answer("approve")
    claim = await case.claim()
    await _forget(case.world)
    await case.ledger.settle(case.request(), claim.fence, TOLD)
    (action,) = await case.world.actions.of_run(case.run.warrant.run_id)
    assert (action.outcome, action.outcome_text) == (Outcome.SUCCEEDED, FORGOTTEN)
    again = await case.claim("two")
    assert again.say == "stored"
    assert again.stored is not None
    assert (again.stored.outcome, again.stored.content) == (Outcome.SUCCEEDED, FORGOTTEN)


async def test_people_can_say_what_a_forgotten_unknown_write_did(case: Case) -> None:
    """The question stays, whoever asked for the run may not answer it, and its target is free afterwards."""
    await case.answer("approve")
    await case.claim(retry=Retry(kind="none"))
    await _forget(case.world)
    await case.end_run()
    (question,) = await case.questions()
    assert question.caller == case.frozen.caller
    body = {"decision": "it_did", "action_digest": question.action_digest}
    path = f"/v1/approvals/{question.approval_id}/decision"
    said = await case.world.http.post(path, json=body, headers=case.world.approver("ada"))
    assert said.status_code == 200, said.text
    await case.settle(question.approval_id)
    (action,) = await case.world.actions.of_run(case.run.warrant.run_id)
    assert action.outcome is Outcome.SUCCEEDED


async def test_a_sum_over_forgotten_arguments_is_refused(store_url: str) -> None:
    """A limit that can no longer be counted holds back what it is there to limit."""
    limit = {"tool": "ticket.close", "per": "tenant", "window": "1h", "sum": {"argument": "cents", "max": 9}}
    async with waiting(store_url) as case:
        await case.answer("approve")
        await case.ledger.settle(case.request(), (await case.claim()).fence, DONE)
        await case.world.publish(route(limits=[limit]))
        await _forget(case.world, Ring.read(ring_of((new_key(), 0))))
        other = await case.beside("k-2")
        await other.answer("approve")
        claim = await other.claim()
        assert (claim.say, claim.outcome) == ("refused", Outcome.DENIED)


async def test_a_value_that_was_moved_between_runs_is_refused(case: Case) -> None:
    """Whoever writes the store cannot give one action the arguments, frozen record or words of another."""
    other = await case.beside("k-2")

    async def swap(connection: AsyncConnection) -> None:
        stolen = await connection.scalar(
            select(actions.c.frozen).where(actions.c.action_id == other.frozen.action_id)
        )
        await connection.execute(
            update(actions).where(actions.c.action_id == case.frozen.action_id).values(frozen=stolen)
        )

    await case.world.store.write(swap)
    with pytest.raises(Malformed, match="moved"):
        await case.action()


async def test_rotation_leaves_old_content_readable(case: Case) -> None:
    """A tenant's new key seals what comes; what lies there opens with the key that sealed it."""
    old, new = new_key(), new_key()
    await _forget(case.world, Ring.read(ring_of((old, 0))))
    first = await case.world.asked(key="k-2")
    await _forget(case.world, Ring.read(ring_of((old, 0), (new, 1))))
    second = await case.world.asked(key="k-3")
    approvals = StoreApprovals(case.world.stores["broker"], case.world.verifier, case.world.clock)
    for approval in (first, second):
        assert (await approvals.get(approval.approval_id)).action["preview"]["stakes"] == "1 customer"


async def test_a_store_of_an_earlier_version_still_reads(case: Case) -> None:
    """Rows that were written in the clear are read as they stand, beside sealed ones."""

    async def clear(connection: AsyncConnection) -> None:
        await connection.execute(
            update(actions).values(
                words="plain words",
                frozen=case.frozen.frozen_bytes().decode(),
                arguments='{"ticket_id":"T-1"}',
            )
        )

    await case.world.store.write(clear)
    action = await case.action()
    assert (action.words, action.arguments) == ("plain words", {"ticket_id": "T-1"})
    await case.answer("approve")
    assert (await case.claim()).say == "send"
