"""Undo over HTTP: what is accepted, what is refused, and what an undo run then proposes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from activities.undoing import Undoing
from adapters import schema
from adapters.actions import StoreActions
from adapters.audit_log import AuditQuery
from adapters.runs import StoreRuns
from adapters.turns import StoreTurns
from contracts.action import Change, Frozen, Prepared, Preview, Undo
from contracts.budget import Usage
from contracts.decision import Call, Decision, Reason, Ruling
from contracts.digest import Json, canonical
from contracts.errors import PermissionRefused, TokenRefused
from contracts.ledger import Conclusion
from contracts.run import Outcome, WarrantedRun
from contracts.tokens import FrozenSeal, Purpose
from contracts.tool import Catalogue
from contracts.transcript import ModelTurn
from contracts.turns import NewTurn, Reservation
from contracts.wire import Ending, Turn
from tests.integration.test_gateway_world import CLOSE, ENV, World, opened, problem, route

REOPEN = replace(CLOSE, name="ticket.reopen", description="Reopen a ticket.", undo="ticket.close")
CATALOGUE = Catalogue(tools={CLOSE.name: replace(CLOSE, undo=REOPEN.name), REOPEN.name: REOPEN})
BOTH = ["ticket.close", "ticket.reopen"]
BACK = Undo(tool=REOPEN.name, arguments={"ticket_id": "T-1", "reason": "Closing it was undone."})


@dataclass(frozen=True, kw_only=True)
class Case:
    """A world in which runs have closed tickets."""

    world: World

    async def closed(
        self,
        *tickets: str,
        key: str = "k-1",
        undo: bool = True,
        outcome: Outcome = Outcome.SUCCEEDED,
        end: str | None = "completed",
        **body: Any,
    ) -> WarrantedRun:
        """A run that closed these tickets, each frozen and sealed with its undo, and ended."""
        answer = await self.world.start(key=key, **body)
        run = await self.world.warranted(answer.json()["run_id"])
        calls = [Call(tool=CLOSE.name, arguments={"ticket_id": ticket}) for ticket in tickets]
        turn = await self.record(run, *calls)
        for proposal, ticket in zip(turn.calls, tickets, strict=True):
            back = Undo(tool=REOPEN.name, arguments=BACK.arguments | {"ticket_id": ticket})
            await self.written(run, proposal.action_id, back if undo else None, outcome)
        if end is not None:
            await self.end(run, end)
        return run

    async def record(self, run: WarrantedRun, *calls: Call) -> Turn:
        decision = Decision(
            ruling=Ruling.NEEDS_APPROVAL, reasons=(Reason(rule="default", text="A person."),), approvals=1
        )
        turns = StoreTurns(self.world.stores["agent"], self.world.clock)
        attempt = f"{run.warrant.run_id}:1"
        await turns.reserve(run, Reservation(attempt_id=attempt, step=1, usd="0", seconds=1.0))
        turn = NewTurn(
            attempt_id=attempt,
            step=1,
            answer=ModelTurn(text="", calls=calls),
            calls=tuple((call, decision) for call in calls),
            usd="0",
            usage=Usage(input_tokens=1, output_tokens=1),
            duration_ms=5,
            stop=None,
            final=False,
        )
        return await turns.record(run, turn, CATALOGUE)

    async def written(
        self, run: WarrantedRun, action_id: str, undo: Undo | None, outcome: Outcome = Outcome.SUCCEEDED
    ) -> Frozen:
        """Freeze, seal and conclude an action, as the tool worker does."""
        actions = StoreActions(self.world.stores["tools"], self.world.clock)
        action = await actions.get(run, action_id)
        original = await self.undoing("tools").original(run, action)
        preview = Preview(
            target="T-1",
            changes=(Change(field="status", before="open", after="closed"),),
            stakes="1 customer",
        )
        spec = CATALOGUE.tools[action.tool]
        frozen = await actions.freeze(
            run, action, spec, Prepared(preview=preview, version='"1"'), undo=undo, undoes=original
        )
        seal = FrozenSeal(run_id=frozen.run_id, action_id=action_id, action_digest=frozen.digest())
        await actions.seal(run, frozen, self.world.signer.sign(Purpose.FROZEN, seal.claims()))
        done = Conclusion(outcome=outcome, content="{}", text="done", duration_ms=1, attempts=1)
        await actions.conclude(run, action_id, done)
        return frozen

    async def end(self, run: WarrantedRun, state: str = "completed", text: str = "Done.") -> None:
        await StoreRuns(self.world.stores["broker"], self.world.clock).end(
            run, Ending(state=state, text=text)
        )

    def undoing(self, role: str = "agent") -> Undoing:
        store = self.world.stores[role]
        return Undoing(verifier=self.world.verifier, actions=StoreActions(store, self.world.clock))

    async def ask(
        self,
        run: WarrantedRun | str,
        key: str = "u-1",
        headers: dict[str, str] | None = None,
        **body: Any,
    ) -> httpx.Response:
        run_id = run if isinstance(run, str) else run.warrant.run_id
        return await self.world.http.post(
            f"/v1/runs/{run_id}/undo",
            json=body,
            headers={**(headers or self.world.caller()), "Idempotency-Key": key},
        )

    async def undo(self, run: WarrantedRun, key: str = "u-1", **body: Any) -> WarrantedRun:
        answer = await self.ask(run, key, **body)
        assert answer.status_code == 202, answer.text
        return await self.world.warranted(answer.json()["run_id"])

    async def proposed(self, run: WarrantedRun) -> list[Call]:
        assert run.warrant.undoes is not None
        return list((await self.undoing().turn(run, run.warrant.undoes, 1)).calls)

    async def play(self, run: WarrantedRun, outcome: Outcome = Outcome.SUCCEEDED) -> None:
        """The undo run to its end, each of its writes with that outcome."""
        turn = await self.record(run, *await self.proposed(run))
        for proposal in turn.calls:
            await self.written(run, proposal.action_id, None, outcome)
        await self.end(run)

    async def read(self, run: WarrantedRun) -> dict[str, Any]:
        path = f"/v1/runs/{run.warrant.run_id}"
        found: dict[str, Any] = (await self.world.http.get(path, headers=self.world.caller())).json()
        return found

    async def alter(self, action_id: str, **values: Any) -> None:
        """What somebody who writes the store can do to an action."""

        async def work(connection: Any) -> None:
            await connection.execute(
                update(schema.actions).where(schema.actions.c.action_id == action_id).values(**values)
            )

        await self.world.store.write(work)


@asynccontextmanager
async def _opened(where: Path | str) -> AsyncIterator[Case]:
    async with opened(where, route(allow_tools=BOTH), route("support/other", allow_tools=BOTH)) as world:
        await world.documents.publish(ENV, "catalogue", "catalogue", CATALOGUE.document(), actor="op:test")
        yield Case(world=world)


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[Case]:
    async with _opened(tmp_path) as found:
        yield found


@pytest.fixture
async def each(store_url: str) -> AsyncIterator[Case]:
    """On both databases, by each role's own login."""
    async with _opened(store_url) as found:
        yield found


def key_of(run: WarrantedRun, ticket: str = "T-1") -> str:
    return f"{run.warrant.request_id}:ticket.close:{ticket}"


async def test_an_undo_is_a_new_run_with_a_warrant_that_says_whose_undo_it_is(case: Case) -> None:
    """Same tenant, route and subject; pinned anew; it names the actions last first, and nothing sent."""
    run = await case.closed("T-1", "T-2", on_behalf_of="user:ada")
    undo = await case.undo(run, reason="Wrong tickets.")
    claims, ids = undo.warrant, [f"{run.warrant.run_id}.1.{place}" for place in (1, 0)]
    assert claims.undoes is not None
    assert (claims.undoes.run_id, list(claims.undoes.actions)) == (run.warrant.run_id, ids)
    assert (claims.tenant, claims.route, claims.on_behalf_of) == ("acme", "support/close", "user:ada")
    assert claims.request_id != run.warrant.request_id
    calls = await case.proposed(undo)
    assert [(call.tool, call.arguments["ticket_id"]) for call in calls] == [
        ("ticket.reopen", "T-2"),
        ("ticket.reopen", "T-1"),
    ]
    assert {call.words for call in calls} == {"Wrong tickets."}
    records = await case.world.audit.search(AuditQuery(tenant="acme", run_id=claims.run_id))
    assert records[0].reason == f"to undo run {run.warrant.run_id}: Wrong tickets."


async def test_the_same_key_and_body_is_the_same_undo(case: Case) -> None:
    """200 and the same run, whatever has become of it; another body, or a start's key, is refused."""
    run = await case.closed("T-1")
    first = await case.undo(run)
    await case.play(first)
    again = await case.ask(run)
    assert (again.status_code, again.json()["run_id"]) == (200, first.warrant.run_id)
    assert problem(await case.ask(run, reason="Other.")) == (422, "idempotency-key-reused")
    assert problem(await case.ask(run, "k-1")) == (422, "idempotency-key-reused")


async def test_an_action_is_undone_once(each: Case) -> None:
    """While an undo is open, and once it succeeded, another is refused and told which run has it."""
    run = await each.closed("T-1")
    undo = await each.undo(run)
    for actions in (None, [key_of(run)]):
        answer = await each.ask(run, "u-2", actions=actions)
        assert problem(answer) == (409, "conflict")
        assert undo.warrant.run_id in answer.json()["detail"]
    await each.play(undo)
    answer = await each.ask(run, "u-3", actions=[key_of(run)])
    assert problem(answer) == (409, "conflict")
    assert f"was undone by run {undo.warrant.run_id}" in answer.json()["detail"]


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.FAILED, Outcome.REFUSED, Outcome.EXPIRED])
async def test_an_undo_that_came_to_nothing_may_be_asked_for_again(case: Case, outcome: Outcome) -> None:
    """What was not undone can be: the new undo has approvals of its own."""
    run = await case.closed("T-1")
    await case.play(await case.undo(run), outcome)
    assert (await case.ask(run, "u-2")).status_code == 202


async def test_an_undo_of_which_nobody_knows_stands(case: Case) -> None:
    """An unknown undo may have happened: it is not repeated by another run."""
    run = await case.closed("T-1")
    undo = await case.undo(run)
    await case.play(undo)
    await case.alter(f"{undo.warrant.run_id}.1.0", outcome="unknown")
    assert problem(await case.ask(run, "u-2")) == (409, "conflict")


async def test_racing_undos_of_one_action_are_one_run(each: Case) -> None:
    """However many at once and under whatever keys: one is accepted."""
    run = await each.closed("T-1")
    answers = await asyncio.gather(*(each.ask(run, f"u-{number}") for number in range(6)))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 5


async def test_an_undo_can_be_undone(case: Case) -> None:
    """The undo run is a run like any: what it wrote has an undo of its own."""
    undo = await case.undo(await case.closed("T-1"))
    turn = await case.record(undo, *await case.proposed(undo))
    back = Undo(tool=CLOSE.name, arguments={"ticket_id": "T-1", "reason": "As it was."})
    await case.written(undo, turn.calls[0].action_id, back)
    await case.end(undo)
    again = await case.undo(undo, "u-2")
    assert [(call.tool, call.arguments) for call in await case.proposed(again)] == [
        (CLOSE.name, back.arguments)
    ]


async def test_a_run_that_has_not_ended_is_not_undone(case: Case) -> None:
    """It may write yet: a sentence says to wait or to cancel."""
    answer = await case.ask(await case.closed("T-1", end=None))
    assert problem(answer) == (409, "conflict")
    assert "has not ended" in answer.json()["detail"]


@pytest.mark.parametrize("state", ["completed", "stopped", "failed", "cancelled"])
async def test_any_ended_run_is_undone(case: Case, state: str) -> None:
    """However it ended, what it wrote stands."""
    assert (await case.ask(await case.closed("T-1", end=state))).status_code == 202


async def test_an_unknown_write_is_settled_before_anything_is_undone(case: Case) -> None:
    """Nobody undoes what may not have happened; the sentence says how to settle it."""
    run = await case.closed("T-1")
    await case.alter(f"{run.warrant.run_id}.1.0", outcome="unknown")
    answer = await case.ask(run)
    assert problem(answer) == (409, "conflict")
    assert "approvals decide" in answer.json()["detail"]


async def test_a_write_without_an_undo_says_so(case: Case) -> None:
    """Named it is 422 at its field, and a run of such writes alone has nothing to undo."""
    run = await case.closed("T-1", undo=False)
    answer = await case.ask(run, actions=[key_of(run)])
    assert problem(answer) == (422, "invalid-request")
    assert answer.json()["field"] == "/actions"
    assert "has no undo" in answer.json()["detail"]
    assert problem(await case.ask(run)) == (409, "conflict")
    assert (await case.read(run))["actions"][0]["undo"] is None


async def test_some_actions_are_undone_by_their_keys(case: Case) -> None:
    """Only those that are named; a key of another run, or one that was not done, is refused."""
    run = await case.closed("T-1", "T-2")
    failed = await case.closed("T-3", key="k-2", outcome=Outcome.FAILED)
    assert problem(await case.ask(run, actions=[key_of(failed, "T-3")])) == (422, "invalid-request")
    assert problem(await case.ask(failed, actions=[key_of(failed, "T-3")])) == (422, "invalid-request")
    undo = await case.undo(run, actions=[key_of(run, "T-2")])
    assert [call.arguments["ticket_id"] for call in await case.proposed(undo)] == ["T-2"]
    assert [call.arguments["ticket_id"] for call in await case.proposed(await case.undo(run, "u-2"))] == [
        "T-1"
    ]


async def test_an_undo_that_the_route_does_not_allow_starts_nothing(case: Case) -> None:
    """The policy in force counts, not the one that the run was pinned to; the sentence names its rule."""
    run = await case.closed("T-1")
    before = len(case.world.temporal.executions)
    await case.world.documents.publish(
        ENV, "route", "support/close", route(allow_tools=["ticket.close"]).document(), actor="op:test"
    )
    answer = await case.ask(run)
    assert problem(answer) == (403, "policy-denied")
    assert "no rule of the route allows `ticket.reopen`" in answer.json()["detail"]
    assert len(case.world.temporal.executions) == before
    assert (await case.read(run))["actions"][0]["undo"]["run_id"] is None


async def test_a_foreign_tenant_or_route_gets_nothing(case: Case) -> None:
    """As absent as a run that never was; an operator and an approver start no undo."""
    run = await case.closed("T-1")
    world = case.world
    for headers in (world.caller("globex"), world.caller(routes=["support/other"])):
        assert problem(await case.ask(run, headers=headers)) == (404, "not-found")
    for headers in (world.operator(), world.approver()):
        assert problem(await case.ask(run, headers=headers)) == (403, "forbidden")
    assert problem(await case.ask("run_" + "0" * 24)) == (404, "not-found")
    assert (await case.read(run))["actions"][0]["undo"] == {
        "tool": "ticket.reopen",
        "run_id": None,
        "done": False,
    }


async def test_a_body_says_which_actions_for_whom_and_why_and_no_more(case: Case) -> None:
    """Arguments, tenant and anything else unknown are refused at their field."""
    run = await case.closed("T-1")
    bodies: list[tuple[dict[str, Any], str]] = [
        ({"arguments": {"ticket_id": "T-9"}}, "/arguments"),
        ({"actions": []}, "/actions"),
        ({"actions": ["k"] * 17}, "/actions"),
        ({"actions": ["a\n"]}, "/actions/0"),
        ({"actions": [1]}, "/actions/0"),
        ({"on_behalf_of": "ada"}, "/on_behalf_of"),
        ({"reason": ""}, "/reason"),
        ({"tenant": "globex"}, "/tenant"),
    ]
    for body, field in bodies:
        answer = await case.ask(run, **body)
        assert problem(answer) == (422, "invalid-request")
        assert answer.json()["field"] == field


async def test_a_run_says_which_run_undid_it(each: Case) -> None:
    """Each action names its undo and who is at it; the undo run names the run that it undoes."""
    run = await each.closed("T-1")
    undo = await each.undo(run)
    shown = {"tool": "ticket.reopen", "run_id": undo.warrant.run_id}
    assert (await each.read(run))["actions"][0]["undo"] == shown | {"done": False}
    await each.play(undo)
    assert (await each.read(run))["actions"][0]["undo"] == shown | {"done": True}
    assert ((await each.read(run))["undoes"], (await each.read(undo))["undoes"]) == (None, run.warrant.run_id)
    for path in ("why", "events?follow=false"):
        answer = await each.world.http.get(
            f"/v1/runs/{run.warrant.run_id}/{path}", headers=each.world.caller()
        )
        assert undo.warrant.run_id in answer.text


async def test_a_record_that_was_not_sealed_so_is_not_undone(case: Case) -> None:
    """Whoever writes the store cannot make an undo of another call, nor of a record of the first format."""
    run = await case.closed("T-1")
    action_id = f"{run.warrant.run_id}.1.0"
    (action,) = await case.world.actions.of_run(run.warrant.run_id)
    evil = {"tool": "ticket.reopen", "arguments": {"ticket_id": "T-9", "reason": "x"}}
    for forged in (action.frozen | {"undo": evil}, action.frozen | {"format": 1}):
        await case.alter(action_id, frozen=canonical(forged).decode())
        assert problem(await case.ask(run))[0] in (409, 422)
    await case.alter(action_id, frozen=canonical(action.frozen).decode(), seal=None)
    assert problem(await case.ask(run)) == (409, "conflict")


async def test_an_undo_run_proposes_from_sealed_records_of_its_own_tenant_alone(case: Case) -> None:
    """A warrant is believed for what it names; the record behind it must hold when it is played."""
    run = await case.closed("T-1")
    undo = await case.undo(run)
    action_id = f"{run.warrant.run_id}.1.0"
    (action,) = await case.world.actions.of_run(run.warrant.run_id)
    moved = replace(undo, warrant=replace(undo.warrant, tenant="globex"))
    with pytest.raises(PermissionRefused, match="another tenant"):
        await case.proposed(moved)
    await case.alter(action_id, outcome="failed")
    with pytest.raises(PermissionRefused, match="no action that was done"):
        await case.proposed(undo)
    forged = action.frozen | {"undo": {"tool": "ticket.reopen", "arguments": {"ticket_id": "T-9"}}}
    await case.alter(action_id, outcome="succeeded", frozen=canonical(forged).decode())
    with pytest.raises(TokenRefused, match="not what the tool worker sealed"):
        await case.proposed(undo)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("ticket.reopen", {"ticket_id": "T-9", "reason": "Closing it was undone."}),
        ("ticket.reopen", {"ticket_id": "T-1", "reason": "Closing it was undone.", "x": 1}),
        ("ticket.close", BACK.arguments),
    ],
)
async def test_the_tool_worker_prepares_nothing_but_the_sealed_undo(
    case: Case, tool: str, arguments: Json
) -> None:
    """An agent worker that was taken over cannot have an undo run write anything else."""
    undo = await case.undo(await case.closed("T-1"))
    turn = await case.record(undo, Call(tool=tool, arguments=arguments))
    with pytest.raises(PermissionRefused, match="not the call that was sealed"):
        await case.written(undo, turn.calls[0].action_id, None)


async def test_the_tool_worker_says_what_is_undone(case: Case) -> None:
    """The frozen record, and so the card, names the run and the action, by the warrant alone."""
    run = await case.closed("T-1")
    undo = await case.undo(run)
    turn = await case.record(undo, *await case.proposed(undo), BACK_AGAIN)
    frozen = await case.written(undo, turn.calls[0].action_id, None)
    assert frozen.undoes is not None
    assert (frozen.undoes.run_id, frozen.undoes.tool, frozen.undoes.target) == (
        run.warrant.run_id,
        "ticket.close",
        "T-1",
    )
    with pytest.raises(PermissionRefused, match="does nothing else"):
        await case.written(undo, turn.calls[1].action_id, None)


BACK_AGAIN = Call(tool=BACK.tool, arguments=BACK.arguments)


async def test_the_last_turn_says_what_was_undone_and_what_not(case: Case) -> None:
    """In the words of the original actions, with why."""
    run = await case.closed("T-1", "T-2")
    undo = await case.undo(run)
    turn = await case.record(undo, *await case.proposed(undo))
    await case.written(undo, turn.calls[0].action_id, None)
    await case.written(undo, turn.calls[1].action_id, None, Outcome.REJECTED)
    assert undo.warrant.undoes is not None
    text = (await case.undoing().turn(undo, undo.warrant.undoes, 2)).text
    assert text.splitlines() == [
        f"1 of 2 actions of run {run.warrant.run_id} undone.",
        "Undone: ticket.close T-2, by ticket.reopen.",
        "Not undone: ticket.close T-1, by ticket.reopen (rejected: done).",
    ]


async def test_a_cancelled_run_says_what_it_had_done_and_what_undoes_it(case: Case) -> None:
    """Its text ends with its writes; a run that wrote nothing says that."""
    run = await case.closed("T-1", end=None)
    await case.end(run, "cancelled", "Wrong ticket.")
    assert (await case.read(run))["result"]["text"].splitlines() == [
        "Wrong ticket.",
        "It had done: ticket.close T-1 (ticket.reopen undoes it).",
    ]
    idle = await case.closed(key="k-2", end="cancelled")
    assert (await case.read(idle))["result"]["text"] == "Done.\nIt had written nothing."
