"""No write without a valid approval of exactly this action, held against the target's own log."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from temporalio.client import WorkflowFailureError

from adapters.keys import KeyRing, SigningKey
from adapters.tokens import JwtSigner, JwtVerifier
from contracts import names
from contracts.tokens import Purpose, Warrant
from contracts.wire import Nudge, RunStart
from embedded.endpoints import Endpoints
from tests.acceptance.conftest import (
    ADA,
    GRACE,
    MALLORY,
    QUICK,
    SECONDS,
    TWO,
    Waiting,
    World,
    of_action,
    world_of,
)

#: Longer than a decided run takes to write.
_LONGER: Final = 2.0
_MOMENT: Final = 0.3


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is looked at once more when the last test of this file is long over."""

    #: Nobody decided these.
    waiting: list[Waiting] = field(default_factory=list)
    #: Tickets that were written to.
    written: list[str] = field(default_factory=list)

    async def check(self, world: World) -> None:
        for on in self.waiting:
            await _waits(world, on)
        assert [len(await world.writes(ticket)) for ticket in self.written] == [1] * len(self.written)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing(stack: Endpoints, tickets: Iterator[str]) -> AsyncIterator[Standing]:
    """Whatever these tests leave as it should be is still so after longer than any write takes."""
    found = Standing()
    yield found
    await asyncio.sleep(_LONGER)
    async with world_of(stack, tickets) as world:
        await found.check(world)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def expired(stack: Endpoints, tickets: Iterator[str]) -> Waiting:
    """An approval whose deadline passed without a decision."""
    async with world_of(stack, tickets) as world:
        run_id, ticket = await world.start(QUICK)
        run = await world.reaches(run_id, "stopped")
        return of_action(run_id, ticket, run["actions"][-1], run["actions"][-1]["approval_id"])


async def _waits(world: World, on: Waiting) -> None:
    assert (await world.run(on.run_id))["state"] == "waiting_approval", on
    assert (await world.approval(on.approval_id))["state"] == "waiting", on
    assert await world.writes(on.ticket) == [], on


async def _still_waits(world: World, standing: Standing, *on: Waiting) -> None:
    """Whatever came in was no approval: nothing is written, now or later, and a person may still decide."""
    await asyncio.sleep(_MOMENT)
    for one in on:
        await _waits(world, one)
    standing.waiting.extend(on)


async def test_what_is_approved_is_written_once(world: World) -> None:
    """The chain that the other tests break in one place each: one click, one write, by the approved key."""
    on = await world.waiting()
    assert await world.writes(on.ticket) == []
    await world.click(on, ADA)
    run = await world.reaches(on.run_id, "completed")
    assert run["actions"][-1]["outcome"] == "succeeded"
    assert [write["idempotency_key"] for write in await world.writes(on.ticket)] == [on.key]


async def test_no_write_for_an_approval_never_given(world: World, expired: Waiting) -> None:
    """A deadline that passes without a decision stops the run, which says so."""
    run = await world.run(expired.run_id)
    assert (run["state"], run["stop_reason"]) == ("stopped", "approval_expired")
    assert run["actions"][-1]["outcome_text"]
    assert await world.writes(expired.ticket) == []


async def test_no_write_for_an_approval_refused(world: World) -> None:
    """A denial is final: the run goes on with its reason, without the write; nobody can approve it then."""
    on = await world.waiting()
    await world.deny(on, GRACE, "It is another customer's.")
    run = await world.reaches(on.run_id, "completed")
    assert run["actions"][-1]["outcome_text"] == "principal:grace denied it: It is another customer's."
    assert "already denied" in await world.refused(on, ADA)
    assert await world.writes(on.ticket) == []


async def test_no_write_for_an_approval_given_late(world: World, expired: Waiting) -> None:
    """A click after the deadline counts for nothing, in Slack and over HTTP, and its person is told."""
    assert "The time to decide this action ended" in await world.refused(expired, ADA)
    answer = await world.decide(expired, "grace", "approve")
    assert answer.status_code == 410
    assert "The time to decide this action ended" in answer.json()["detail"]
    assert await world.writes(expired.ticket) == []


async def test_no_write_for_an_approval_by_a_stranger(world: World, standing: Standing) -> None:
    """Whoever is not in the route's group, or approves for another tenant, approves nothing."""
    on = await world.waiting()
    assert "Only people in support-leads can decide this" in await world.refused(on, MALLORY)
    assert "You don't approve for acme" in await world.refused(on, "U0LINUS")
    answer = await world.decide(on, "nobody", "approve")
    assert answer.status_code in (403, 404)
    assert answer.json()["detail"]
    await _still_waits(world, standing, on)


async def test_no_write_for_an_approval_by_the_requester(world: World, standing: Standing) -> None:
    """Nobody approves what runs for themselves, though they are in the group."""
    on = await world.waiting(on_behalf_of="user:u-1001")
    assert "somebody else has to decide" in await world.refused(on, ADA)
    answer = await world.decide(on, "ada", "approve")
    assert answer.status_code == 403
    assert "somebody else has to decide" in answer.json()["detail"]
    await _still_waits(world, standing, on)


async def test_no_write_for_an_approval_given_twice(world: World, standing: Standing) -> None:
    """Where two people are needed, one person twice is one, in Slack and over HTTP."""
    on = await world.waiting(TWO)
    await world.click(on, ADA)
    assert "You already approved this action" in await world.refused(on, ADA)
    answer = await world.decide(on, "ada", "approve")
    assert answer.status_code == 409
    assert "You already approved this action" in answer.json()["detail"]
    await _still_waits(world, standing, on)


async def test_no_second_write_for_an_approval_given_twice(world: World, standing: Standing) -> None:
    """A second approval of what was approved is refused, and the write stays the only one."""
    on = await world.waiting()
    await world.click(on, ADA)
    await world.reaches(on.run_id, "completed")
    assert "already approved" in await world.refused(on, GRACE)
    await asyncio.sleep(_MOMENT)
    assert len(await world.writes(on.ticket)) == 1
    standing.written.append(on.ticket)


async def test_no_write_for_an_approval_forged(world: World, standing: Standing) -> None:
    """A click that Slack did not sign is refused, though its signature is Slack's for another one."""
    on = await world.waiting()
    real = await world.click(on, MALLORY)
    forged = real["body_sent"].replace(MALLORY, ADA)
    assert forged != real["body_sent"]
    wrong = real["headers_sent"] | {"X-Slack-Signature": "v0=" + "0" * 64}
    unsigned: dict[str, str] = {}
    for headers in (real["headers_sent"], wrong, unsigned):
        answer = await world.post_interaction(forged, _form(headers))
        assert answer.status_code == 401
        assert answer.json()["detail"]
    await _still_waits(world, standing, on)


async def test_no_write_for_an_approval_replayed(world: World, standing: Standing) -> None:
    """A click counts once: sent again after its person withdrew it, it approves nothing."""
    on = await world.waiting(TWO)
    first = await world.click(on, ADA)
    assert (await world.decide(on, "ada", "withdraw")).status_code == 200
    told = len(await world.told(ADA))
    answer = await world.post_interaction(first["body_sent"], first["headers_sent"])
    assert answer.status_code == 200
    assert "received before; nothing changed" in await world.next_told(ADA, told)
    await world.click(on, GRACE)
    await _still_waits(world, standing, on)


async def test_no_second_write_for_an_approval_replayed(world: World, standing: Standing) -> None:
    """The click that led to the write leads to no other when it is sent again."""
    on = await world.waiting()
    click = await world.click(on, ADA)
    await world.reaches(on.run_id, "completed")
    await world.post_interaction(click["body_sent"], click["headers_sent"])
    await asyncio.sleep(_MOMENT)
    assert len(await world.writes(on.ticket)) == 1
    standing.written.append(on.ticket)


async def test_no_write_for_an_approval_for_another_run(world: World, standing: Standing) -> None:
    """A button that names another run's approval works on neither: not on its card, not on this one."""
    here, there = await world.waiting(), await world.waiting()
    sentence = await world.refused(here, ADA, value=there.button)
    assert "did not come from the card" in sentence
    mixed = await world.refused(here, ADA, value=f"{here.approval_id}|{there.action_digest}")
    assert "about another action" in mixed
    await _still_waits(world, standing, here, there)


async def test_no_write_for_an_approval_for_other_arguments(world: World, standing: Standing) -> None:
    """An approval of another digest than the frozen one's is refused, in Slack and over HTTP."""
    on = await world.waiting()
    other = "sha256:" + secrets.token_hex(32)
    assert "about another action" in await world.refused(on, ADA, value=f"{on.approval_id}|{other}")
    answer = await world.decide(on, "grace", "approve", digest=other)
    assert answer.status_code in (409, 422)
    assert "about another action" in answer.json()["detail"]
    await _still_waits(world, standing, on)


async def test_no_write_for_an_approval_sent_straight_to_temporal_as_an_update(
    world: World, standing: Standing
) -> None:
    """An update wakes the run, which looks at the signed grants, finds none, and waits on."""
    on = await world.waiting()
    nudge = Nudge(approval_id=on.approval_id, grant_id="gr_" + secrets.token_hex(12))
    await world.workflow(on.run_id).execute_update(names.DECIDED, nudge)
    await _still_waits(world, standing, on)


async def test_no_write_for_an_approval_sent_straight_to_temporal_as_a_signal(
    world: World, standing: Standing
) -> None:
    """A signal wakes the run, which looks at the signed grants, finds none, and waits on."""
    on = await world.waiting()
    nudge = Nudge(approval_id=on.approval_id, grant_id="gr_" + secrets.token_hex(12))
    await world.workflow(on.run_id).signal(names.DECIDED, nudge)
    await _still_waits(world, standing, on)


async def test_a_run_started_in_temporal_without_a_warrant_reads_and_writes_nothing(world: World) -> None:
    """What the gateway accepted no run for fails before it opens anything."""
    for warrant in ("", "warrant", "a.b.c"):
        await _fails(world, warrant, _new_id())


async def test_a_run_started_in_temporal_with_another_runs_warrant_reads_and_writes_nothing(
    world: World,
    standing: Standing,
) -> None:
    """A warrant is of one execution: not of a new id, nor of another run's, nor of its own again."""
    done, other = await world.waiting(), await world.waiting()
    await world.deny(done, GRACE)
    await world.reaches(done.run_id, "completed")
    await world.workflow(done.run_id).result()
    theirs, own = await world.warrant_of(other.run_id), await world.warrant_of(done.run_id)
    await _fails(world, theirs, _new_id())
    await _fails(world, theirs, done.run_id)
    await _fails(world, own, done.run_id)
    await _still_waits(world, standing, other)


@pytest.mark.parametrize(
    "claim", [{"tenant": "globex"}, {"route": "support/close"}, {"policy_digest": "sha256:" + "0" * 64}]
)
async def test_a_run_started_in_temporal_with_another_tenant_route_or_policy_reads_and_writes_nothing(
    world: World, claim: Mapping[str, Any]
) -> None:
    """A warrant that the gateway did not sign says nothing, whether its run was accepted or not."""
    run_id = await world.scripted([{"tool": "tickets.get", "args": {"ticket_id": next(world.tickets)}}])
    await world.reaches(run_id, "completed")
    await world.workflow(run_id).result()
    ring = KeyRing.load(world.state.keyring)
    true = _claims(ring, await world.warrant_of(run_id))
    signer = JwtSigner(
        [
            SigningKey(
                purpose=Purpose.WARRANT, kid=ring.kid(Purpose.WARRANT), private=Ed25519PrivateKey.generate()
            )
        ]
    )
    forged = signer.sign(Purpose.WARRANT, {**true, **claim})
    await _fails(world, forged, run_id)
    fresh = _new_id()
    await _fails(world, signer.sign(Purpose.WARRANT, {**true, **claim, "run_id": fresh}), fresh)


async def test_a_second_execution_of_an_open_run_reads_and_writes_nothing(world: World) -> None:
    """Ended behind the gateway's back, a run's own id and warrant do not make another execution that run."""
    on = await world.waiting()
    warrant = await world.warrant_of(on.run_id)
    await world.workflow(on.run_id).terminate()
    await _fails(world, warrant, on.run_id)
    await world.click(on, GRACE)
    assert await world.writes(on.ticket) == []


async def _fails(world: World, warrant: str, run_id: str) -> None:
    """Started past the gateway, it ends in a failure that says why; the helpdesk heard nothing of it."""
    heard, written = len(await world.all_requests()), await world.all_writes()
    started = await world.temporal.start_workflow(
        names.WORKFLOW, RunStart(warrant=warrant), id=run_id, task_queue=names.AGENT_QUEUE
    )
    with pytest.raises(WorkflowFailureError) as failure:
        await asyncio.wait_for(started.result(), SECONDS)
    assert _sentence(failure.value)
    assert (len(await world.all_requests()), await world.all_writes()) == (heard, written)


def _sentence(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error)


def _claims(ring: KeyRing, token: str) -> dict[str, Any]:
    return Warrant.read(JwtVerifier(ring).verify(Purpose.WARRANT, token)).claims()


def _new_id() -> str:
    return f"run_{secrets.token_hex(12)}"


def _form(headers: Mapping[str, str]) -> dict[str, str]:
    return {"Content-Type": "application/x-www-form-urlencoded", **headers}
