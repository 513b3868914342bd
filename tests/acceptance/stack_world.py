"""What the acceptance tests do to a whole running stack: start runs by a script, click, kill, look."""

import asyncio
import json
import os
import secrets
import shutil
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import httpx

from adapters.keys import AwsIdentity, KeyRing, PrivateKeys
from adapters.tokens import JwtSigner
from cli import minting
from cli.state import State
from contracts.break_glass import GROUP
from contracts.tokens import Purpose
from embedded import endpoints
from embedded.helpdesk.seed import world
from embedded.seed import CHANNEL, ENV
from embedded.stack import running_stack, shipped_policies
from tests.acceptance.leaks import searched
from tests.passkeys import with_passkeys

Json: TypeAlias = dict[str, Any]
#: The calls of each turn of the scripted model.
Script: TypeAlias = Sequence[Sequence[Json]]

SCRIPTED: Final = "support/script"
TENANT: Final = "acme"
MEMBERS: Final = ("rosalind", "emmy", "lise", "chien", "maria")
"""Of break-glass, where that runs."""
ENDED: Final = frozenset({"completed", "stopped", "failed", "cancelled"})

ROUTE: Final = """
description: Do what the run's input says.
model: {name: scripted, max_output_tokens: 800}
prompt: Do what the input says.
input: {type: object, properties: {}}
allow_tools: [kb.search, tickets.get, ticket.close]
budgets: {steps: 25, seconds: 600, usd: "1.00", denials: 3}
loop: 3
approval: {group: support-leads, deadline: 4h}
on_denied: tell_model
on_expired: stop
on_exhausted: stop
audit: {enabled: true}
"""


def read(ticket: str) -> Json:
    return {"tool": "tickets.get", "args": {"ticket_id": ticket}}


def close(ticket: str, reason: str = "The customer confirmed the fix.") -> Json:
    return {"tool": "ticket.close", "args": {"ticket_id": ticket, "reason": reason}}


@cache
def open_tickets() -> list[str]:
    """Ids of the tenant's tickets that nobody has closed on the first day."""
    return [ticket.id for ticket in world().tickets[TENANT] if ticket.status == "open"]


@dataclass(frozen=True, kw_only=True)
class World:
    """One running stack, seen by a caller and by a person in Slack."""

    state: Path
    http: httpx.AsyncClient
    #: The caller's, signed by the embedded stack's operator.
    token: str = field(repr=False)
    _slack: Json = field(repr=False)

    async def start(self, script: Script) -> str:
        """Start a scripted run; its id."""
        return await self.start_on(SCRIPTED, {"script": script, "final": "done"})

    async def start_on(self, route: str, given: Json) -> str:
        """Start a run with this input; its id."""
        answer = await self.http.post(
            self.at("gateway") + "/v1/runs",
            headers={"Authorization": f"Bearer {self.token}", "Idempotency-Key": secrets.token_hex(8)},
            json={"route": route, "input": given},
        )
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        return str(answer.json()["run_id"])

    async def cancel(self, run_id: str) -> None:
        answer = await self.http.post(
            f"{self.at('gateway')}/v1/runs/{run_id}/cancel",
            headers={"Authorization": f"Bearer {self.token}"},
            json={"reason": "no longer needed"},
        )
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text

    async def run(self, run_id: str) -> Json:
        answer = await self.http.get(
            f"{self.at('gateway')}/v1/runs/{run_id}", headers={"Authorization": f"Bearer {self.token}"}
        )
        assert answer.status_code == httpx.codes.OK, answer.text
        found: Json = answer.json()
        return found

    async def until(self, run_id: str, *states: str, seconds: float = 45) -> Json:
        """The run once it is in one of the states; a gateway that is away is asked again."""
        found: Json = {}
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                found = await self.run(run_id)
            except httpx.TransportError:
                await asyncio.sleep(0.2)
                continue
            if found["state"] in states:
                return found
            assert found["state"] not in ENDED, found
            await asyncio.sleep(0.1)
        raise AssertionError(f"{run_id} is not {' or '.join(states)} after {seconds} s: {found}")

    async def approve(self, run: Json, *, seconds: float = 45) -> None:
        """Click as a patient person: again, where Slack says that it did not work."""
        await self.click(run["actions"][-1]["approval_id"], seconds=seconds)

    async def click(self, approval: str, *, seconds: float = 45) -> None:
        """Click until Slack says that it worked."""
        said = ""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                done, said = await self._click(approval)
            except httpx.TransportError as error:
                done, said = False, repr(error)
            if done:
                return
            await asyncio.sleep(0.2)
        raise AssertionError(f"nobody could approve {approval} within {seconds} s: {said}")

    async def messages(self) -> list[Json]:
        answer = await self.http.get(self.at("slack") + "/control/messages", headers=self._control())
        found: list[Json] = answer.raise_for_status().json()["messages"]
        return found

    async def writes(self, key: str) -> list[Json]:
        """What the helpdesk itself executed under an idempotency key."""
        answer = await self.http.get(
            self.at("helpdesk") + "/control/writes",
            params={"key": key},
            headers=self._helpdesk(),
        )
        found: list[Json] = answer.raise_for_status().json()["writes"]
        return found

    async def arrived(self, ticket: str, *, seconds: float = 45) -> None:
        """Return when a request to close the ticket came in at the helpdesk, whatever becomes of it."""
        path = f"/tickets/{ticket}/close"
        async with asyncio.timeout(seconds):
            while not any(request["path"] == path for request in await self._requests()):  # noqa: ASYNC110  another process sets no event
                await asyncio.sleep(0.05)

    async def slow_close(self, seconds: float) -> None:
        """Have the next close lie at the helpdesk for a while before it is done."""
        await self.fault("close", "slow", seconds=seconds)

    async def fault(self, operation: str, mode: str, *, times: int = 1, seconds: float = 0.0) -> None:
        """Order a fault at the helpdesk."""
        answer = await self.http.put(
            self.at("helpdesk") + "/control/faults",
            headers=self._helpdesk(),
            json={"operation": operation, "mode": mode, "times": times, "seconds": seconds},
        )
        answer.raise_for_status()

    async def touch(self, ticket: str) -> None:
        """A colleague changes the ticket."""
        address = f"{self.at('helpdesk')}/control/touch/{ticket}"
        (await self.http.post(address, headers=self._helpdesk())).raise_for_status()

    async def no_faults(self) -> None:
        """Take back what is on order."""
        answer = await self.http.delete(self.at("helpdesk") + "/control/faults", headers=self._helpdesk())
        answer.raise_for_status()

    async def log(self) -> list[Json]:
        """Every write that the helpdesk itself executed."""
        answer = await self.http.get(self.at("helpdesk") + "/control/writes", headers=self._helpdesk())
        found: list[Json] = answer.raise_for_status().json()["writes"]
        return found

    async def mails(self) -> list[Json]:
        """Every mail that the helpdesk sent."""
        answer = await self.http.get(self.at("helpdesk") + "/control/mails", headers=self._helpdesk())
        found: list[Json] = answer.raise_for_status().json()["mails"]
        return found

    async def decide(self, approval: str, digest: str, principal: str, decision: str) -> httpx.Response:
        """A decision over HTTP with the token of that approver."""
        token = await minting.mint(State(directory=self.state), minting.approver(principal))
        return await self.http.post(
            f"{self.at('gateway')}/v1/approvals/{approval}/decision",
            headers={"Authorization": f"Bearer {token}"},
            json={"decision": decision, "action_digest": digest},
        )

    async def kill(self, part: str) -> int:
        """SIGKILL; the pid that was ended."""
        pid = self.pids()[part]
        os.kill(pid, signal.SIGKILL)
        return pid

    async def replaced(self, part: str, pid: int, *, seconds: float = 30) -> None:
        """Return when the supervisor has started the part again."""
        async with asyncio.timeout(seconds):
            while self.pids()[part] == pid:  # noqa: ASYNC110  only a file tells, and sets no event
                await asyncio.sleep(0.1)

    async def _requests(self) -> list[Json]:
        answer = await self.http.get(self.at("helpdesk") + "/control/requests", headers=self._helpdesk())
        found: list[Json] = answer.raise_for_status().json()["requests"]
        return found

    def at(self, part: str) -> str:
        return str(self._endpoints()[part])

    def pids(self) -> dict[str, int]:
        return dict(self._endpoints()["pids"])

    async def _click(self, approval: str) -> tuple[bool, str]:
        cards = [card for card in await self.messages() if approval in json.dumps(card)]
        if not cards:
            return False, "there is no card"
        answer = await self.http.post(
            self.at("slack") + "/control/click",
            headers=self._control(),
            json={
                "channel": CHANNEL,
                "ts": cards[0]["ts"],
                "user": "U0ADA",
                "action_id": "interlock.approve",
            },
        )
        return answer.is_success and answer.json()["status"] == httpx.codes.OK, answer.text

    def _control(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._slack['control_token']}"}

    def _helpdesk(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {(self.state / 'helpdesk-control').read_text().strip()}"}

    def _endpoints(self) -> Json:
        found = endpoints.read(self.state)
        assert found is not None, "the stack has stopped"
        return found


@asynccontextmanager
async def running_world(
    directory: Path,
    routes: Mapping[str, str] = MappingProxyType({}),
    tools: Path | None = None,
    programs: Mapping[str, Sequence[str]] = MappingProxyType({}),
    *,
    break_glass: bool = False,
) -> AsyncIterator[World]:
    """A headless stack in a directory, with a route whose model follows a script, and these routes' files.

    ``programs``: by role, a test's own process. ``break_glass``: that process runs too.
    """
    policies = directory / "policies"
    shutil.copytree(shipped_policies(), policies)
    with_passkeys(policies)
    if break_glass:
        _join(policies / "people.yaml")
    for name, text in {SCRIPTED: ROUTE, **routes}.items():
        (policies / "routes" / f"{name}.yaml").write_text(text)
    state = directory / "state"
    async with (
        running_stack(
            state, policies=policies, tools=tools, headless=True, programs=programs, break_glass=break_glass
        ),
        searched(state),
        httpx.AsyncClient(trust_env=False, timeout=10) as http,
    ):
        slack = json.loads((state / "slack.json").read_text())
        yield World(state=state, http=http, token=await _caller(state), _slack=slack)


def _join(file: Path) -> None:
    """More people of the group: one of them asks no more than ten times an hour."""
    people = json.loads(file.read_text())
    for name in MEMBERS:
        people["people"][f"principal:{name}"] = {"groups": [GROUP], "tenants": [TENANT]}
    file.write_text(json.dumps(people))


async def _caller(state: Path) -> str:
    keys = PrivateKeys(
        AwsIdentity.load(state / "aws" / "cli.json"), ENV, KeyRing.load(state / "keyring.json")
    )
    claims = {"kind": "caller", "sub": "svc:acceptance", "tenant": TENANT, "routes": ["*"]}
    signer = JwtSigner([await keys.signing_key(Purpose.CALLERS)])
    return signer.sign(Purpose.CALLERS, {**claims, "env": ENV, "exp": int(time.time()) + 3600})
