"""Every role does its work in the store by its own login: what it needs, it may."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import select

from adapters import schema
from adapters.actions import StoreActions
from adapters.alerts import alert_id
from adapters.approvals import GRACE_MS, StoreApprovals
from adapters.audit_log import AuditQuery, StoreAuditLog
from adapters.documents import StoreDocuments
from adapters.leases import Leases
from adapters.runs import StoreRuns
from adapters.switches import StoreSwitches
from adapters.turns import StoreTurns
from contracts.alert import Alert, Severity
from contracts.approval import ApprovalState
from contracts.audit import SignedHead
from contracts.decision import Call, Decision, Reason, Ruling
from contracts.errors import Refused, Unavailable
from contracts.outbox import Held, LetterKind, Shown
from contracts.run import Outcome, RunState, WarrantedRun
from contracts.tool import Retry
from contracts.transcript import ModelTurn
from contracts.turns import NewTurn, Reservation
from contracts.wire import Ending
from policies.loop import made
from tests.integration.approved_write import DONE, Case
from tests.integration.test_gateway_world import CATALOGUE, CLOSE, ENV, World, opened
from tests.integration.test_races import approved


async def _started(world: World) -> WarrantedRun:
    return await world.warranted((await world.start()).json()["run_id"])


async def test_the_agent_reserves_records_denies_and_halts(store_url: str) -> None:
    """A turn with a denied call, an attempt that brought nothing, and a run that is halted."""
    async with opened(store_url) as world:
        run, store = await _started(world), world.stores["agent"]
        turns = StoreTurns(store, world.clock)
        lost = Reservation(attempt_id="lost", step=1, usd="0.01", seconds=1.0)
        assert await turns.reserve(run, lost) is None
        await turns.abandon(run, "lost", duration_ms=1, usd="0.01")
        await turns.reserve(run, replace(lost, attempt_id="kept"))
        call = Call(tool="ticket.erase", arguments={})
        denied = Decision(ruling=Ruling.DENY, reasons=(Reason(rule="deny_tools[0]", text="No."),))
        turn = NewTurn(
            attempt_id="kept",
            step=1,
            answer=ModelTurn(text="", calls=(call,)),
            calls=((call, denied),),
            usd="0.01",
            usage=None,
            duration_ms=1,
            stop=None,
            final=False,
        )
        recorded = await turns.record(run, turn, CATALOGUE)
        assert await turns.recorded(run, 1) == recorded
        said = await turns.transcript(run)
        assert [call.outcome for call in made(said)] == [Outcome.DENIED]
        assert len(said) == 3
        switches = StoreSwitches(store, world.clock)
        assert await switches.holding(env=ENV, tenant="acme", route="support/close", tool=None) is None
        await StoreDocuments(store, world.clock).document(run.warrant.policy_digest)
        await StoreRuns(store, world.clock).halt(run, "stopped")
        assert (await world.runs.get(run.warrant.run_id)).state is RunState.HALTED


async def test_the_broker_opens_expires_concludes_and_ends(store_url: str) -> None:
    """A run is begun, its approval expires, its action is concluded, it ends, and its chain is signed."""
    async with opened(store_url) as world:
        asked, store = await world.asked(), world.stores["broker"]
        run, runs = await world.warranted(asked.run_id), StoreRuns(store, world.clock)
        approvals, actions = (
            StoreApprovals(store, world.verifier, world.clock),
            StoreActions(store, world.clock),
        )
        await runs.begin(asked.run_id)
        await approvals.resume(asked.approval_id)
        world.clock.at_ms += 60_000 + GRACE_MS
        assert (await approvals.expire(asked.approval_id)).state is ApprovalState.EXPIRED
        await actions.conclude(run, asked.action_id, replace(DONE, outcome=Outcome.EXPIRED))
        leases = Leases(store, world.clock, env=ENV, kinds=[LetterKind.CARD], lease_ms=60_000)
        assert not await leases.failed(await _held(leases), Unavailable("away"))
        world.clock.at_ms += 60_000
        assert await leases.failed(await _held(leases), Refused("never"))
        await world.outbox.retry(f"card:{asked.approval_id}", actor="op:x")
        await leases.done(await _held(leases), Shown(channel="C", message_ts="1.1", version=99))
        assert await leases.due() == ()
        await runs.end(run, Ending(state="stopped", reason="approval_expired"))
        log = StoreAuditLog(store)
        for tenant, seq, hashed in await log.unsigned():
            await log.keep_head(SignedHead(tenant=tenant, seq=seq, hash=hashed, token="t"), 1)
        for head in await log.unanchored():
            await log.mark_anchored(head)
        assert (await world.runs.get(asked.run_id)).state is RunState.STOPPED


async def _held(leases: Leases) -> Held:
    (outbox_id,) = await leases.due()
    held = await leases.hold(outbox_id)
    assert held is not None
    return held


async def test_a_run_that_ends_leaves_its_claim_unknown(store_url: str) -> None:
    """The broker marks a claim that nobody settled; it can do nothing else to it."""
    async with approved(store_url) as case:
        await case.claim()
        await StoreRuns(case.world.stores["broker"], case.world.clock).end(
            case.run, Ending(state="cancelled")
        )
        async with case.world.store.read() as connection:
            assert await connection.scalar(select(schema.claims.c.state)) == "unknown"


async def test_the_tool_worker_seals_admits_claims_settles_and_halts(store_url: str) -> None:
    """From the frozen record to the settled claim, a read beside it, and a run that is halted."""
    async with approved(store_url) as case:
        store, clock = case.world.stores["tools"], case.world.clock
        actions = StoreActions(store, clock)
        await actions.seal(case.run, case.frozen, "seal")
        await _not_admitted(case, actions)
        claim = await case.claim(retry=Retry(kind="lookup"))
        assert await case.ledger.known(case.frozen.key_hash)
        case.lapse()
        again = await case.claim("two", Retry(kind="lookup"))
        assert (claim.say, again.say) == ("send", "lookup")
        await case.ledger.settle(case.request(), again.fence, DONE)
        await StoreRuns(store, clock).halt(case.run, "stopped")
        action = await actions.get(case.run, case.frozen.action_id)
        assert action.outcome is Outcome.SUCCEEDED


async def _not_admitted(case: Case, actions: StoreActions) -> None:
    """A write is not admitted as if it were a read."""
    action = await actions.get(case.run, case.frozen.action_id)
    with pytest.raises(Exception, match="no longer allows"):
        await case.ledger.admit(case.run, action, CLOSE)


async def test_the_gateway_cancels_stops_and_reads(store_url: str) -> None:
    """What callers and operators ask for: a cancellation, which leaves, a kill switch, the audit log."""
    async with opened(store_url) as world:
        run = await _started(world)
        for stopped in (True, False):
            await world.switches.set(
                env=ENV, scope="all", stopped=stopped, reason="r", actor="op:x", until_ms=None
            )
        await world.runs.request_cancel(run.warrant.run_id, actor="svc:demo", reason="enough")
        await world.outbox.resume([run.warrant.run_id])
        world.temporal.down = True
        assert await world.drain.drain_once() == 0
        world.temporal.down = False
        world.clock.at_ms += 3_000
        assert await world.drain.drain_once() == 2
        assert len(await world.switches.list(ENV)) == 1
        assert await world.audit.search(AuditQuery(tenant="acme"))
        assert await world.audit.tenants()
        page = (await world.http.get("/v1/audit?tenant=acme", headers=world.operator())).json()
        assert json.dumps(page["records"]).count("enough") == 1


async def test_the_operator_publishes_withdraws_and_verifies(store_url: str) -> None:
    """A document in force, out of force, and the whole log to be verified."""
    async with opened(store_url) as world:
        alert = Alert(
            alert_id=alert_id(),
            env=ENV,
            severity=Severity.INFO,
            title="A route is gone",
            lines=(),
            actor="op:test",
            at_ms=world.clock.now_ms(),
        )
        await world.withdraw("route", "support/close", alert)
        assert await world.documents.routes(ENV) == {}
        log = StoreAuditLog(world.stores["operator"])
        assert await log.tenants() == ("system",)
        assert await log.heads("system") == ()
        assert len(await log.search(AuditQuery(tenant="system"))) == 4
