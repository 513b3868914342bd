"""The tool worker's activities over a real store, by its own login, and a target that counts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities import boundary
from activities.act import Acting
from activities.ask import Asking
from activities.guard import Guard
from activities.open import Mint
from activities.prepare import Preparing
from activities.undoing import Undoing
from activities.warranted import Warrants
from adapters.actions import StoreActions
from adapters.approvals import StoreApprovals
from adapters.audit_log import AuditQuery
from adapters.documents import StoreDocuments
from adapters.leaving import StoreLeaving
from adapters.ledger import StoreLedger
from adapters.run_entry import RunEntry
from adapters.runs import StoreRuns
from adapters.turns import StoreTurns
from contracts.action import Frozen, Prepared
from contracts.decision import Call
from contracts.digest import Json, digest_bytes
from contracts.errors import InterlockError
from contracts.run import Outcome, WarrantedRun
from contracts.tool import Catalogue, Effect, Retry, ToolSpec
from contracts.toolbox import Answer, Gate, Scope
from contracts.transcript import ModelTurn
from contracts.turns import NewTurn, Reservation
from contracts.wire import Acted, ActionRef, ApprovalRef, Asked, Frost, Verdict
from policies.decide import decide
from policies.route import Route
from tests.integration.test_gateway_world import CLOSE, ENV, PREVIEW, World, opened, route

READ = replace(CLOSE, name="tickets.get", effect=Effect.READ, description="Read a ticket.")
TOOLS = Catalogue(tools={tool.name: tool for tool in (replace(CLOSE, retry=Retry(kind="native")), READ)})
ALLOWED = ["ticket.close", "tickets.get"]
DONE = Answer(outcome=Outcome.SUCCEEDED, content="{}", text="done")

Between = Callable[[], Awaitable[None]]


async def nothing() -> None:
    """Nothing happens in between."""


@dataclass
class Target:
    """Implements ``Toolbox`` and ``Armed``: each request of it leaves once its gate lets it."""

    version: str = '"1"'
    requests: list[str] = field(default_factory=list)
    #: What happens while a secret is fetched, and while a write connects.
    fetching: Between = nothing
    connecting: Between = nothing
    #: How many requests a read is.
    parts: int = 1

    async def read(self, spec: ToolSpec, arguments: Json, scope: Scope) -> Answer:  # noqa: ARG002  the port's
        for _part in range(self.parts):
            await self.fetching()
            await self._leaves("read", scope.gate)
        return DONE

    async def prepare(self, spec: ToolSpec, arguments: Json, scope: Scope) -> Prepared:  # noqa: ARG002  the port's
        await self.fetching()
        await self._leaves("preview", scope.gate)
        return Prepared(preview=PREVIEW, version=self.version)

    async def arm(self, spec: ToolSpec, frozen: Frozen, scope: Scope) -> "Target":  # noqa: ARG002  the port's
        await self.fetching()
        await self._leaves("version", scope.gate)
        return self

    async def send(self, gate: Gate) -> Answer:
        await self.connecting()
        try:
            await self._leaves("write", gate)
        except InterlockError as no:
            return Answer(outcome=Outcome.FAILED, content=no.sentence, text=no.sentence, held=True)
        return DONE

    async def find(self) -> Answer | None:
        raise NotImplementedError

    async def _leaves(self, what: str, gate: Gate) -> None:
        await gate()
        self.requests.append(what)


@dataclass
class Stage:
    """One run with one proposed call, and what the workflow would have done to it."""

    world: World
    target: Target
    run: WarrantedRun
    ref: ActionRef
    #: The approval that was asked for last.
    asked: str = ""

    async def prepare(self) -> Frost:
        found: Frost = await self._inside(self._preparing().prepare, await self.reads())
        return found

    async def read(self) -> Acted:
        found: Acted = await self._inside(self._acting().read, await self.reads())
        return found

    async def write(self, token: str) -> Acted:
        found: Acted = await self._inside(self._acting().write, token)
        return found

    async def approved(self) -> str:
        """Ask, have Ada approve, and collect: the write's capability."""
        asked: Asked = await self._inside(self._asking().ask, "")
        approval = await self.world.approvals.get(asked.approval_id)
        answer = await self.world.http.post(
            f"/v1/approvals/{asked.approval_id}/decision",
            json={"decision": "approve", "action_digest": approval.action_digest},
            headers=self.world.approver(),
        )
        assert answer.status_code == 200, answer.text
        self.asked = asked.approval_id
        return await self.permitted()

    async def permitted(self) -> str:
        """Collect what people said last: the write's capability."""
        collected = ApprovalRef(approval_id=self.asked)
        verdict: Verdict = await self._environment().run(self._asking().collect, collected)
        assert verdict.token is not None
        return verdict.token

    async def waived(self) -> str:
        """Ask, where an exception says that nobody need be: the write's capability."""
        asked: Asked = await self._inside(self._asking().ask, "")
        assert asked.token is not None
        return asked.token

    async def switch(self, scope: str, *, stopped: bool = True) -> None:
        await self.world.switches.set(
            env=ENV, scope=scope, stopped=stopped, reason="test", actor="op:x", until_ms=None
        )
        # What is decided from here on is later than the stop.
        self.world.clock.at_ms += 1

    async def publish(self, changed: Route) -> None:
        await self.world.documents.publish(ENV, "route", changed.name, changed.document(), actor="op:x")

    async def state(self) -> str:
        return (await self.world.runs.get(self.run.warrant.run_id)).state

    async def outcome(self) -> Outcome | None:
        return (await self._actions().get(self.run, self.ref.action_id)).outcome

    async def rules(self, outcome: str) -> list[list[str]]:
        """The rules of each audit record of this run with that outcome."""
        records = await self.world.audit.search(AuditQuery(tenant="acme"))
        return [one.record["rules"] for one in records if one.record["outcome"] == outcome]

    async def reads(self) -> str:
        """The capability of the run's reads."""
        return (await self._mint().reads(self.run)).token

    async def _inside(self, activity: Callable[..., Awaitable[Any]], token: str) -> Any:
        async def presenting(ref: ActionRef) -> Any:
            boundary._PRESENTED.set(token)
            return await activity(ref)

        return await self._environment().run(presenting, self.ref)

    def _environment(self) -> ActivityEnvironment:
        inside = ActivityEnvironment()
        inside.info = replace(inside.info, workflow_id=self.run.warrant.run_id)
        return inside

    def _mint(self) -> Mint:
        world = self.world
        return Mint(signer=world.signer, documents=world.documents, clock=world.clock)

    def _actions(self) -> StoreActions:
        return StoreActions(self.world.stores["tools"], self.world.clock)

    def _guard(self) -> Guard:
        world, store = self.world, self.world.stores["tools"]
        return Guard(
            verifier=world.verifier,
            actions=self._actions(),
            documents=StoreDocuments(store, world.clock),
            leaving=StoreLeaving(store, world.clock),
        )

    def _warrants(self) -> Warrants:
        return Warrants(
            runs=StoreRuns(self.world.stores["tools"], self.world.clock), verifier=self.world.verifier
        )

    def _preparing(self) -> Preparing:
        world, guard = self.world, self._guard()
        return Preparing(
            warrants=self._warrants(),
            guard=guard,
            runs=StoreRuns(world.stores["tools"], world.clock),
            actions=guard.actions,
            documents=guard.documents,
            undoing=Undoing(verifier=world.verifier, actions=guard.actions),
            toolbox=self.target,
            signer=world.signer,
            clock=world.clock,
        )

    def _acting(self) -> Acting:
        world, guard = self.world, self._guard()
        store = world.stores["tools"]
        return Acting(
            warrants=self._warrants(),
            guard=guard,
            runs=StoreRuns(store, world.clock),
            actions=guard.actions,
            ledger=StoreLedger(store, RunEntry(world.proofs), world.clock),
            toolbox=self.target,
        )

    def _asking(self) -> Asking:
        world, store = self.world, self.world.stores["broker"]
        return Asking(
            warrants=Warrants(runs=StoreRuns(store, world.clock), verifier=world.verifier),
            verifier=world.verifier,
            actions=StoreActions(store, world.clock),
            approvals=StoreApprovals(store, world.verifier, world.clock),
            documents=StoreDocuments(store, world.clock),
            mint=self._mint(),
            clock=world.clock,
        )


@asynccontextmanager
async def proposing(store_url: str, tool: str, **rules: Any) -> AsyncIterator[Stage]:
    """A run whose model proposed one call of that tool, on a route that has these rules too."""
    permitting = route(allow_tools=ALLOWED, **rules)
    async with opened(store_url, permitting) as world:
        await world.documents.publish(ENV, "catalogue", "catalogue", TOOLS.document(), actor="op:x")
        run = await world.warranted((await world.start()).json()["run_id"])
        run = replace(run, warrant_digest=digest_bytes(run.record.warrant.encode()))
        call = Call(tool=tool, arguments={"ticket_id": "T-1"})
        decision = decide(permitting, TOOLS, call, now_ms=world.clock.now_ms())
        turns = StoreTurns(world.stores["agent"], world.clock)
        await turns.reserve(run, Reservation(attempt_id="one", step=1, usd="0", seconds=1.0))
        turn = NewTurn(
            attempt_id="one",
            step=1,
            answer=ModelTurn(text="", calls=(call,)),
            calls=((call, decision),),
            usd="0",
            usage=None,
            duration_ms=1,
            stop=None,
            final=False,
        )
        recorded = await turns.record(run, turn, TOOLS)
        ref = ActionRef(action_id=recorded.calls[0].action_id)
        yield Stage(world=world, target=Target(), run=run, ref=ref)


def slowly(then: Between) -> Between:
    """That happens, and then it takes longer than a look is good for."""

    async def between() -> None:
        await then()
        await asyncio.sleep(0.51)

    return between
