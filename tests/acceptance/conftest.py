"""One embedded stack per test process, and the world as its tests see it: ways in, and the target's logs."""

import asyncio
import json
import secrets
import shutil
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowHistory

from adapters.keys import AwsIdentity, KeyRing, PrivateKeys
from adapters.temporal import connect
from cli import minting
from cli.state import State
from contracts.denial import REASON
from contracts.wire import RunStart
from embedded.endpoints import Endpoints
from embedded.helpdesk.database import Database
from embedded.helpdesk.seed import world as seeded
from embedded.helpdesk.tickets import save
from embedded.stack import running_stack, shipped_policies, shipped_tools
from tests.acceptance.leaks import left_behind
from tests.browsing import Browser, signed
from tests.passkeys import DEVICES, with_passkeys

SECONDS: Final = 45.0
"""Within which anything here happens."""

APPROVE: Final = "interlock.approve"
DENY: Final = "interlock.deny"
SCRIPTED: Final = "support/script"
QUICK: Final = "support/quick"
TWO: Final = "support/two"
MAILS: Final = "support/mails"
FOR_TWO: Final = "ticket.close_for_two"
ONCE: Final = "ticket.close_once"
TICKETS: Final = 500
FIRST_ADDED: Final = 90_000
"""Far from the seeded ones."""
ADA, GRACE, MALLORY = "U0ADA", "U0GRACE", "U0MALLORY"

_ENDED: Final = ("completed", "stopped", "failed", "cancelled")
_LOOK: Final = 0.1


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A run that waits for one approval of one close."""

    run_id: str
    ticket: str
    approval_id: str
    action_digest: str
    key: str

    @property
    def button(self) -> str:
        return f"{self.approval_id}|{self.action_digest}"


@dataclass(frozen=True, kw_only=True)
class World:
    """Everybody and everything outside Interlock."""

    endpoints: Endpoints
    gateway: httpx.AsyncClient
    slack: httpx.AsyncClient
    helpdesk: httpx.AsyncClient
    temporal: Client
    tickets: Iterator[str] = field(repr=False)
    _tokens: dict[minting.Ask, str] = field(default_factory=dict, repr=False)

    @property
    def state(self) -> State:
        return State(directory=Path(self.endpoints.state))

    async def start(self, route: str = SCRIPTED, on_behalf_of: str = "user:u-1042") -> tuple[str, str]:
        """A run that reads a ticket of acme's, then proposes to close it; its id and the ticket's."""
        ticket = next(self.tickets)
        script = [
            [{"tool": "tickets.get", "args": {"ticket_id": ticket}}],
            [
                {
                    "tool": FOR_TWO if route == TWO else "ticket.close",
                    "args": {"ticket_id": ticket, "reason": "The customer says it works."},
                }
            ],
        ]
        given = {"script": script, "final": "Done."}
        return await self.submit(route, given, on_behalf_of=on_behalf_of), ticket

    async def submit(
        self,
        route: str,
        given: Mapping[str, Any],
        *,
        tenant: str = "acme",
        on_behalf_of: str = "user:u-1042",
        token: str = "",
    ) -> str:
        """A run of any route with this input; its id. ``token``: the caller's, where a test has one."""
        token = token or await minting.mint(self.state, minting.caller("tests", tenant, "*"))
        answer = await self.gateway.post(
            "/v1/runs",
            json={"route": route, "input": given, "on_behalf_of": on_behalf_of},
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": secrets.token_hex(8)},
        )
        assert answer.status_code == 202, answer.text
        return str(answer.json()["run_id"])

    async def scripted(self, *turns: list[dict[str, Any]]) -> str:
        """A run whose model makes these calls, turn by turn; its id."""
        return await self.submit(SCRIPTED, {"script": turns, "final": "Done."})

    async def asked(self, run_id: str, ticket: str, unlike: str = "") -> Waiting:
        """The approval of a write to that ticket, once the run waits for it alone and its card is posted."""
        until = time.monotonic() + SECONDS
        while True:
            run = await self.run(run_id)
            waiting = [action for action in run["actions"] if action["approval_id"] and not action["outcome"]]
            assert len(waiting) <= 1, "more than one approval is asked for at a time"
            if waiting and f":{ticket}" in waiting[0]["idempotency_key"]:
                found = of_action(run_id, ticket, waiting[0], waiting[0]["approval_id"])
                if found.approval_id != unlike:
                    await self.card(found)
                    return found
            assert run["state"] not in _ENDED, run["actions"]
            assert time.monotonic() < until, run["actions"]
            await asyncio.sleep(_LOOK)

    async def questioned(self, run_id: str, ticket: str) -> Waiting:
        """The question about an unknown write to that ticket, once the run waits for its answer."""
        run = await self.reaches(run_id, "waiting_reconciliation")
        (action,) = [action for action in run["actions"] if action["outcome"] == "unknown"]
        return of_action(run_id, ticket, action, action["reconciliation_id"])

    async def fault(self, operation: str, mode: str, times: int = 1, seconds: float = 0) -> None:
        """Order a fault at the helpdesk."""
        order = {"operation": operation, "mode": mode, "times": times, "seconds": seconds}
        (await self.helpdesk.put("/control/faults", json=order)).raise_for_status()

    async def cancel(self, run_id: str, reason: str = "no longer needed") -> None:
        """An operator cancels the run."""
        headers = await self.bearer(minting.operator())
        answer = await self.gateway.post(
            f"/v1/runs/{run_id}/cancel", json={"reason": reason}, headers=headers
        )
        assert answer.status_code == 202, answer.text

    async def switch(self, scope: str, *, stopped: bool) -> None:
        """An operator stops the scope, or lifts that."""
        answer = await self.gateway.put(
            f"/v1/switches/{scope}",
            json={"stopped": stopped, "reason": "a test"},
            headers=await self.bearer(minting.operator()),
        )
        assert answer.is_success, answer.text

    async def touch(self, ticket: str) -> None:
        """A colleague changes the ticket."""
        (await self.helpdesk.post(f"/control/touch/{ticket}")).raise_for_status()

    async def waiting(self, route: str = SCRIPTED, on_behalf_of: str = "user:u-1042") -> Waiting:
        """A new run, once it waits and its card is in the channel."""
        run_id, ticket = await self.start(route, on_behalf_of)
        return await self.asked(run_id, ticket)

    async def run(self, run_id: str) -> dict[str, Any]:
        answer = await self.gateway.get(f"/v1/runs/{run_id}", headers=await self.bearer(minting.operator()))
        return _document(answer)

    async def reaches(self, run_id: str, state: str) -> dict[str, Any]:
        """The run once it is in that state; an end in another one fails the test."""
        until = time.monotonic() + SECONDS
        while True:
            run = await self.run(run_id)
            if run["state"] == state:
                return run
            assert run["state"] not in _ENDED, json.dumps(run["actions"], indent=1)
            assert time.monotonic() < until, run
            await asyncio.sleep(_LOOK)

    async def approval(self, approval_id: str) -> dict[str, Any]:
        answer = await self.gateway.get(
            f"/v1/approvals/{approval_id}", headers=await self.bearer(minting.operator())
        )
        return _document(answer)

    async def decide(self, on: Waiting, principal: str, decision: str, digest: str = "") -> httpx.Response:
        """A decision over HTTP with the token of that approver."""
        return await self.gateway.post(
            f"/v1/approvals/{on.approval_id}/decision",
            json={"decision": decision, "action_digest": digest or on.action_digest},
            headers=await self.bearer(minting.approver(principal)),
        )

    async def sign(self, on: Waiting, principal: str = "grace") -> httpx.Response:
        """Approve on the full page, where that person's device signs."""
        origin = self.endpoints.gateway.replace("127.0.0.1", "localhost")
        async with httpx.AsyncClient(base_url=origin, trust_env=False, timeout=SECONDS) as http:
            browser = Browser(http=http, origin=origin)
            await browser.sign_in(await minting.mint(self.state, minting.Login(principal=principal)))
            assertion = signed(DEVICES[principal].sign(on.action_digest, origin))
            return await browser.decide(on, "approve", assertion=assertion)

    async def messages(self) -> list[dict[str, Any]]:
        """Everything that was posted to Slack."""
        found: list[dict[str, Any]] = _document(await self.slack.get("/control/messages"))["messages"]
        return found

    async def card(self, on: Waiting) -> Mapping[str, Any]:
        """The message of this approval, as it is now."""
        until = time.monotonic() + SECONDS
        while True:
            for message in await self.messages():
                if on.approval_id in json.dumps(message["blocks"]):
                    found: Mapping[str, Any] = message
                    return found
            assert time.monotonic() < until, f"no card of {on.approval_id}"
            await asyncio.sleep(_LOOK)

    async def click(
        self,
        on: Waiting,
        user: str,
        *,
        action: str = APPROVE,
        value: str | None = None,
        stale: bool = True,
    ) -> dict[str, Any]:
        """Press a button of that card as that person. ``stale``: as the card was, if it has none now."""
        card = await self.card(on)
        body = {
            "channel": card["channel"],
            "ts": card["ts"],
            "user": user,
            "action_id": action,
            "value": value,
            "stale": stale,
        }
        return _document(await self.slack.post("/control/click", json=body))

    async def deny(self, on: Waiting, user: str, reason: str = "Not this ticket.") -> None:
        """Press Deny on that card and send off the form that asks why."""
        await self.click(on, user, action=DENY)
        form = await self._form(on, user)
        values = {REASON: {REASON: {"type": "plain_text_input", "value": reason}}}
        body = {"view_id": form["id"], "user": user, "values": values}
        sent = _document(await self.slack.post("/control/submit", json=body))
        assert (sent["acknowledged"], sent["body"]) == (True, ""), sent

    async def _form(self, on: Waiting, user: str) -> Mapping[str, Any]:
        """The form about this approval that is open in front of that person."""
        until = time.monotonic() + SECONDS
        while True:
            for view in _document(await self.slack.get("/control/views", params={"user": user}))["views"]:
                if on.approval_id in view["private_metadata"]:
                    found: Mapping[str, Any] = view
                    return found
            assert time.monotonic() < until, f"no form about {on.approval_id} opened"
            await asyncio.sleep(_LOOK)

    async def told(self, user: str) -> list[str]:
        """What only that person was told, oldest first."""
        found = _document(await self.slack.get("/control/ephemerals", params={"user": user}))
        return [message["text"] for message in found["ephemerals"]]

    async def refused(self, on: Waiting, user: str, **click: Any) -> str:
        """Click, and return the sentence that this person alone is told in answer."""
        before = len(await self.told(user))
        delivery = await self.click(on, user, **click)
        assert delivery["status"] == 200, delivery
        return await self.next_told(user, before)

    async def next_told(self, user: str, before: int) -> str:
        """The newest of what only that person was told, once there is more than before."""
        until = time.monotonic() + SECONDS
        while len(told := await self.told(user)) <= before:
            assert time.monotonic() < until, f"{user} was told nothing"
            await asyncio.sleep(_LOOK)
        return told[-1]

    async def post_interaction(self, body: str, headers: Mapping[str, str]) -> httpx.Response:
        """What anybody who reaches the gateway can send it."""
        return await self.gateway.post("/slack/interactions", content=body, headers=dict(headers))

    async def writes(self, ticket: str) -> list[dict[str, Any]]:
        """The helpdesk's own log of executed writes to this ticket, by whatever key."""
        found = _document(await self.helpdesk.get("/control/writes"))["writes"]
        return [write for write in found if write["ticket"] == ticket]

    async def mails(self, ticket: str) -> list[dict[str, Any]]:
        """The mails about this ticket that the helpdesk sent."""
        found = _document(await self.helpdesk.get("/control/mails"))["mails"]
        return [mail for mail in found if mail["ticket"] == ticket]

    async def all_writes(self) -> int:
        return len(_document(await self.helpdesk.get("/control/writes"))["writes"])

    async def all_requests(self) -> list[dict[str, Any]]:
        """Requests that came to the helpdesk with any tenant's key, oldest first."""
        found: list[dict[str, Any]] = _document(await self.helpdesk.get("/control/requests"))["requests"]
        return found

    def workflow(self, run_id: str) -> WorkflowHandle[Any, Any]:
        return self.temporal.get_workflow_handle(run_id)

    async def history(self, run_id: str) -> WorkflowHistory:
        """An ended run's whole history as Temporal keeps it: nothing here decrypts it."""
        handle = self.workflow(run_id)
        async with asyncio.timeout(SECONDS):
            while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:  # noqa: ASYNC110  another process sets no event
                await asyncio.sleep(0.05)
        return await handle.fetch_history()

    async def warrant_of(self, run_id: str) -> str:
        """The warrant with which the gateway started this run, out of Temporal's history."""
        async for event in self.workflow(run_id).fetch_history_events():
            payloads = event.workflow_execution_started_event_attributes.input.payloads
            (start,) = await self.temporal.data_converter.decode(payloads, [RunStart])
            return str(start.warrant)
        raise AssertionError("a history without events")

    async def bearer(self, ask: minting.Ask) -> dict[str, str]:
        if ask not in self._tokens:
            self._tokens[ask] = await minting.mint(self.state, ask)
        return {"Authorization": f"Bearer {self._tokens[ask]}"}


def of_action(run_id: str, ticket: str, action: Mapping[str, Any], approval_id: str) -> Waiting:
    """What is asked about an action of a run."""
    return Waiting(
        run_id=run_id,
        ticket=ticket,
        approval_id=approval_id,
        action_digest=action["action_digest"],
        key=action["idempotency_key"],
    )


def _document(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


def scripted_policies(directory: Path) -> Path:
    """The shipped ones, and routes whose model says what the run's input tells it to."""
    shutil.copytree(shipped_policies(), directory)
    shipped = yaml.safe_load((directory / "routes/support/close.yaml").read_text())
    # Many of their runs fail on purpose.
    del shipped["breaker"]
    scripted = shipped | {
        "model": {"name": "scripted"},
        "input": {"type": "object"},
        "allow_tools": [*shipped["allow_tools"], ONCE, "ticket.update"],
    }
    quick = shipped["approval"] | {"deadline": "1s"}
    for name, route in {
        SCRIPTED: scripted,
        QUICK: scripted | {"approval": quick},
        MAILS: scripted | {"allow_tools": ["email.send"], "deny_tools": [], "limits": []},
        TWO: scripted | {"allow_tools": ["tickets.get", FOR_TWO], "limits": []},
    }.items():
        (directory / f"routes/{name}.yaml").write_text(json.dumps(route))
    return with_passkeys(directory)


def scripted_tools(path: Path) -> Path:
    """The shipped ones, and the close once more for two people, and as one that no retry makes safe."""
    shipped = yaml.safe_load(shipped_tools().read_text())
    shipped["tools"][FOR_TWO] = shipped["tools"]["ticket.close"] | {"effect": "destructive"}
    shipped["tools"][ONCE] = shipped["tools"]["ticket.close"] | {"retry": "none"}
    path.write_text(json.dumps(shipped))
    return path


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """The whole stack, kept by an event loop of its own for as long as the tests of this process run."""
    root = tmp_path_factory.mktemp("stack")
    policies, tools = scripted_policies(root / "policies"), scripted_tools(root / "tools.yaml")
    ready: Future[tuple[Endpoints, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def keep() -> None:
        stop = asyncio.Event()
        async with running_stack(root / "state", policies=policies, tools=tools, headless=True) as endpoints:
            ready.set_result((endpoints, asyncio.get_running_loop(), stop))
            await stop.wait()

    def supervise() -> None:
        try:
            asyncio.run(keep())
        except BaseException as error:
            # The test process waits for an answer, whatever it is.
            if ready.done():
                raise
            ready.set_exception(error)

    thread = threading.Thread(target=supervise, name="stack")
    thread.start()
    endpoints, loop, stop = ready.result(timeout=120)
    try:
        yield endpoints
        assert asyncio.run(left_behind(root / "state")) == []
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=60)
    assert not thread.is_alive(), "the stack did not stop"


@pytest.fixture(scope="session")
def tickets(stack: Endpoints) -> Iterator[str]:
    """Open tickets of acme's, each given out once; more than all tests of one stack use up."""
    return iter(added_tickets(Path(stack.state), TICKETS))


def added_tickets(state: Path, number: int) -> list[str]:
    """Ids of so many open tickets of acme's beside the seeded ones, which stay as they are."""
    patterns = cycle(ticket for ticket in seeded().tickets["acme"] if ticket.status == "open")
    added = [replace(next(patterns), id=f"T-{FIRST_ADDED + place}") for place in range(number)]
    with closing(Database(state / "helpdesk.db")) as database, database.writing() as connection:
        for ticket in added:
            save(connection, "acme", ticket)
    return [ticket.id for ticket in added]


@pytest.fixture
async def world(stack: Endpoints, tickets: Iterator[str]) -> AsyncIterator[World]:
    async with world_of(stack, tickets) as found:
        yield found
        # Of a test that failed before its fault struck, the next one shall not suffer.
        (await found.helpdesk.delete("/control/faults")).raise_for_status()


@asynccontextmanager
async def world_of(stack: Endpoints, tickets: Iterator[str]) -> AsyncIterator[World]:
    """Everybody outside the stack that runs there."""
    state = State(directory=Path(stack.state))
    keys = PrivateKeys(AwsIdentity.load(state.identity), "dev", KeyRing.load(state.keyring))
    temporal = await connect(stack.temporal, await keys.payload_keys(), identity="tests")
    async with (
        httpx.AsyncClient(base_url=stack.gateway, timeout=30, trust_env=False) as gateway,
        _controlled(stack.slack, state.slack_control()) as slack,
        _controlled(stack.helpdesk, state.helpdesk_control()) as helpdesk,
    ):
        yield World(
            endpoints=stack,
            gateway=gateway,
            slack=slack,
            helpdesk=helpdesk,
            temporal=temporal,
            tickets=tickets,
        )


def _controlled(address: str, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
    )
