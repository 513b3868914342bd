"""The gateway's outbox: what was said reaches its run, whoever died in between; operators see the rest."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from adapters import schema
from adapters.audit_log import AuditQuery
from adapters.outbox import LetterQuery
from contracts.approval import ApprovalRecord
from contracts.errors import Refused
from gateway.build import LEASE_MS
from tests.integration.test_gateway_world import FakeTemporal, World, opened, problem, until


async def decided(world: World, approval: ApprovalRecord) -> None:
    path = f"/v1/approvals/{approval.approval_id}/decision"
    body = {"decision": "approve", "action_digest": approval.action_digest}
    assert (await world.http.post(path, json=body, headers=world.approver())).status_code == 200


async def audited(world: World) -> list[tuple[str, str, str]]:
    """(actor, outcome, reason) of what the audit says about letters."""
    return [
        (one.record["actor"], one.record["outcome"], one.record["reason"])
        for one in await world.audit.search(AuditQuery(tenant="acme"))
        if one.record["kind"] == "outbox"
    ]


class Dying(FakeTemporal):
    """The gateway dies before Temporal has heard of it, or just after that."""

    heard = True

    async def nudge(self, run_id: str, approval_id: str, grant_id: str) -> None:
        if self.heard:
            await super().nudge(run_id, approval_id, grant_id)
        raise asyncio.CancelledError


@pytest.mark.parametrize("heard", [False, True], ids=["before Temporal heard", "after Temporal heard"])
async def test_a_decision_outlives_the_gateway_that_took_it(store_url: str, heard: bool) -> None:
    """Another one tells the run when the lease has ended, under the same grant, which the run counts once."""
    async with opened(store_url) as world:
        approval = await world.asked()
        await decided(world, approval)
        dying = Dying(executions=world.temporal.executions)
        dying.heard = heard
        with pytest.raises(asyncio.CancelledError):
            await world.drainer(dying).drain_once()
        heir = world.drainer(world.temporal)
        assert await heir.drain_once() == 0
        world.clock.at_ms += LEASE_MS
        assert await heir.drain_once() == 1
        assert await heir.drain_once() == 0
        assert len({*world.temporal.nudged, *dying.nudged}) == 1


async def test_two_gateways_tell_each_run_once(store_url: str) -> None:
    """They share what is due: nobody is told twice, nothing is left."""
    async with opened(store_url) as world:
        approvals = [await world.asked(key=f"k-{number}") for number in range(5)]
        for approval in approvals:
            await decided(world, approval)
        told = await asyncio.gather(*(world.drainer(world.temporal).drain_once() for _ in range(2)))
        assert sum(told) == len(world.temporal.nudged) == 5
        assert await world.letters() == ()


class Refusing(FakeTemporal):
    """Says no, or breaks."""

    error: Exception = Refused("not this one")

    async def nudge(self, run_id: str, approval_id: str, grant_id: str) -> None:
        del run_id, approval_id, grant_id
        raise self.error


async def test_a_refused_letter_is_dead_audited_and_taken_up_again(store_url: str) -> None:
    """It is shown with its sentence and tried no more, until an operator says so; both are audited."""
    async with opened(store_url) as world:
        approval = await world.asked()
        await decided(world, approval)
        assert await world.drainer(Refusing()).drain_once() == 0
        (letter,) = await world.letters(dead=True)
        assert (letter.kind, letter.attempts, letter.error) == ("decision", 1, "not this one")
        world.clock.at_ms += 3_600_000
        assert await world.drain.drain_once() == 0
        path = f"/v1/outbox/{letter.outbox_id}/retry"
        again = await world.http.post(path, headers=world.operator())
        assert (again.status_code, again.json()["dead"], again.json()["attempts"]) == (200, False, 0)
        assert await world.drain.drain_once() == 1
        assert [run_id for run_id, _, _ in world.temporal.nudged] == [approval.run_id]
        assert await audited(world) == [
            ("outbox", "dead", f"{letter.outbox_id}: Refused"),
            ("op:local", "retried", letter.outbox_id),
        ]
        assert problem(await world.http.post(path, headers=world.operator())) == (404, "not-found")


async def test_our_own_mistake_holds_up_no_other_letter(tmp_path: Path) -> None:
    """An error that nobody foresaw is one letter's failure; its words may hold anything and are not kept."""
    async with opened(tmp_path) as world:
        await decided(world, await world.asked())
        broken = Refusing(executions=world.temporal.executions)
        broken.error = ValueError("planted-secret")
        canceled = (await world.start(key="other")).json()["run_id"]
        await world.runs.request_cancel(canceled, actor="svc:demo", reason="enough")
        assert await world.drainer(broken).drain_once() == 1
        assert broken.cancelled == [(canceled, "enough")]
        (letter,) = await world.letters()
        assert (letter.dead, letter.attempts) == (False, 1)
        assert "ValueError" in letter.error
        assert "planted" not in letter.error


async def test_a_forged_decision_is_a_dead_letter(tmp_path: Path) -> None:
    """A row that nobody with the grant key wrote wakes no run, and does not go unnoticed."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        await decided(world, approval)

        async def forge(connection: Any) -> None:
            await connection.execute(update(schema.decisions).values(token="a.b.c"))

        await world.store.write(forge)
        assert await world.drain.drain_once() == 0
        assert world.temporal.nudged == []
        assert [letter.kind for letter in await world.letters(dead=True)] == ["decision"]


async def test_another_environments_letters_stay(tmp_path: Path) -> None:
    """A gateway brings, shows and retries its own environment's letters alone."""
    async with opened(tmp_path) as world:
        await decided(world, await world.asked())

        async def move(connection: Any) -> None:
            await connection.execute(update(schema.runs).values(env="prod"))

        (letter,) = await world.letters()
        await world.store.write(move)
        assert await world.drain.drain_once() == 0
        assert await world.letters() == ()
        answer = await world.http.post(f"/v1/outbox/{letter.outbox_id}/retry", headers=world.operator())
        assert problem(answer) == (404, "not-found")


async def test_operators_see_what_their_token_reaches(tmp_path: Path) -> None:
    """Another tenant's letters, or another route's, are as absent as those that never were."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        await decided(world, approval)
        path = "/v1/outbox"
        shown = (await world.http.get(path, headers=world.operator())).json()
        kinds = [letter["kind"] for letter in shown["letters"]]
        assert (kinds, shown["cursor"]) == (["card", "decision"], None)
        assert {letter["run_id"] for letter in shown["letters"]} == {approval.run_id}
        assert (await world.http.get(f"{path}?dead=true", headers=world.operator())).json()["letters"] == []
        for foreign in (world.operator("globex"), world.operator(routes=["support/other"])):
            assert (await world.http.get(path, headers=foreign)).json()["letters"] == []
            answer = await world.http.post(
                f"{path}/{shown['letters'][1]['outbox_id']}/retry", headers=foreign
            )
            assert problem(answer) == (404, "not-found")
        assert problem(await world.http.get(path, headers=world.caller())) == (403, "forbidden")
        assert await audited(world) == []


async def test_a_long_list_is_read_page_by_page(tmp_path: Path) -> None:
    """Each letter once, in the order of the ids."""
    async with opened(tmp_path) as world:
        run_id = (await world.start()).json()["run_id"]
        letter = {"kind": "resume", "run_id": run_id, "next_ms": 0}

        async def fill(connection: Any) -> None:
            for number in range(203):
                await connection.execute(insert(schema.outbox).values(outbox_id=f"resume:{number}", **letter))

        await world.store.write(fill)
        seen, cursor = [], ""
        while cursor is not None:
            page = await world.http.get(
                f"/v1/outbox{cursor and '?cursor=' + cursor}", headers=world.operator()
            )
            seen += [one["outbox_id"] for one in page.json()["letters"]]
            cursor = page.json()["cursor"]
        assert len(seen) == 203
        assert seen == sorted(set(seen))


async def test_what_was_said_while_the_gateway_was_away_is_told_when_it_is_back(tmp_path: Path) -> None:
    """A start, a decision and a cancellation that only the rows know of leave as soon as a gateway serves."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        await decided(world, approval)
        cancelled = (await world.start(key="k-2")).json()["run_id"]
        await world.runs.request_cancel(cancelled, actor="svc:demo", reason="enough")
        world.temporal.down = True
        unstarted = (await world.start(key="k-3")).json()["run_id"]
        world.temporal.down = False
        world.clock.at_ms += 3_000
        async with world.app.router.lifespan_context(world.app):

            async def all_told() -> bool:
                return await world.letters() == ()

            await until(all_told)
        assert unstarted in world.temporal.executions
        assert world.temporal.cancelled == [(cancelled, "enough")]
        assert [run_id for run_id, _, _ in world.temporal.nudged] == [approval.run_id]


async def test_a_letter_and_what_it_tells_of_are_there_together(tmp_path: Path) -> None:
    """Whoever reads a decision's row finds its letter, until it has arrived; a refused click orders none."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        path = f"/v1/approvals/{approval.approval_id}/decision"
        body = {"decision": "approve", "action_digest": approval.action_digest}
        assert (await world.http.post(path, json=body, headers=world.approver("mallory"))).status_code == 403
        assert await world.letters() == ()
        await decided(world, approval)
        async with world.store.read() as connection:
            (grant_id,) = await connection.scalars(select(schema.decisions.c.grant_id))
        assert [letter.outbox_id for letter in await world.letters()] == [f"decision:{grant_id}"]
        found = await world.outbox.list(LetterQuery(tenant="globex"))
        assert found == ()
