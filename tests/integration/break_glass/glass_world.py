"""The break-glass process over a real store: people with passkeys, a target that counts, a clock by hand."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.audit_log import AuditQuery
from adapters.keys import KeyRing, SigningKey, thumbprint
from adapters.passkeys import WebAuthnVerifier
from adapters.store import Store
from adapters.tokens import JwtSigner, JwtVerifier
from breakglass.app import create
from breakglass.build import parts_of
from breakglass.parts import Parts
from contracts.action import Frozen, Prepared
from contracts.audit import SYSTEM_TENANT
from contracts.digest import Json
from contracts.errors import Unavailable
from contracts.passkey import Assertion
from contracts.run import ActionRecord, Outcome
from contracts.tokens import Purpose
from contracts.tool import Catalogue, Effect, Retry, ToolSpec
from contracts.toolbox import Answer, Gate, Scope
from policies.people import People
from tests.integration.test_gateway_world import (
    CLOSE,
    ENV,
    SIGNING,
    World,
    bearer,
    opened,
    person,
    route,
    until,
)
from tests.integration.tool_stage import DONE, Target

PAGES: Final = "http://localhost:7716"
GROUPS: Final = ("break-glass",)
SLOW: Final = 0.51
"""Seconds for which a look is not good any more."""
REASON: Final = "The queue of Acme is stuck, and nobody can approve."

NATIVE: Final = replace(CLOSE, retry=Retry(kind="native", retention_seconds=86_400), undo="ticket.reopen")
REOPEN: Final = replace(CLOSE, name="ticket.reopen")
LOOKUP: Final = replace(CLOSE, name="ticket.tag", retry=Retry(kind="lookup"))
ONCE: Final = replace(CLOSE, name="ticket.mail")
READ: Final = replace(CLOSE, name="tickets.get", effect=Effect.READ)
TOOLS: Final = Catalogue(tools={tool.name: tool for tool in (NATIVE, REOPEN, LOOKUP, ONCE, READ)})

PEOPLE: Final = People(
    people=(
        person("ada", groups=("break-glass", "support-leads"), tenants=("acme", "globex")),
        person("grace", groups=GROUPS),
        person("linus", groups=GROUPS, tenants=("globex",)),
        person("mallory", groups=()),
        person("joan"),
        person("star", groups=GROUPS, tenants=("*",)),
    )
)


@dataclass
class Helpdesk(Target):
    """Implements ``Toolbox`` and ``Armed``: it answers each send in turn, and knows our key or does not."""

    answers: list[Answer] = field(default_factory=list)
    knows: Answer | None = None
    #: Sends wait for it, once they have left.
    answering: asyncio.Event | None = None
    tokens: list[str] = field(default_factory=list)

    @property
    def sends(self) -> int:
        return self.requests.count("write")

    async def prepare(self, spec: ToolSpec, arguments: Json, scope: Scope) -> Prepared:
        self.tokens.append(scope.token)
        found = await super().prepare(spec, arguments, scope)
        return replace(found, undo_arguments={"ticket_id": "T-1"})

    async def arm(self, spec: ToolSpec, frozen: Frozen, scope: Scope) -> Target:
        self.tokens.append(scope.token)
        return await super().arm(spec, frozen, scope)

    async def send(self, gate: Gate) -> Answer:
        said = await super().send(gate)
        if said.outcome is not Outcome.SUCCEEDED:
            return said
        if self.answering is not None:
            await self.answering.wait()
        return self.answers.pop(0) if self.answers else DONE

    async def find(self) -> Answer | None:
        return self.knows


class Away:
    """Implements ``contracts.break_glass_ports.Acts`` for an end whose store does not answer."""

    async def of(self, session_id: str) -> Sequence[ActionRecord]:
        raise Unavailable(f"the store does not answer about {session_id}")


@dataclass
class Process:
    """One break-glass process."""

    parts: Parts
    http: httpx.AsyncClient

    async def round(self) -> None:
        """One look at what is to end, and its end."""
        ending = self.parts.ending
        await ending.round()
        await asyncio.gather(*ending._ending.values())

    async def die(self) -> None:
        """As by SIGKILL: what is in hand is torn off where it is, and nothing is said any more."""
        held = [one.task for one in self.parts.hands._held.values()]
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        await self.http.aclose()


@dataclass
class GlassWorld:
    """A gateway's world with a break-glass process, or several, beside it."""

    world: World
    target: Helpdesk = field(default_factory=Helpdesk)
    people: People = PEOPLE
    pages: str = PAGES
    processes: list[Process] = field(default_factory=list)

    @property
    def http(self) -> httpx.AsyncClient:
        return self.processes[-1].http

    @property
    def store(self) -> Store:
        return self.world.stores.get("break_glass", self.world.store)

    @property
    def verifier(self) -> JwtVerifier:
        """Of this process: it knows none of the agents' keys, and they none of its."""
        keys = {
            purpose: key.public_key() for purpose, key in self.world.keys.items() if not purpose.of_agents
        }
        return JwtVerifier(KeyRing(keys=keys))

    def begin(self) -> Process:
        """Start a process, which the calls from here on are for."""
        parts = parts_of(
            ENV,
            self.store,
            self.world.clock,
            signer=self.world.signer,
            verifier=self.verifier,
            passkeys=WebAuthnVerifier(self.pages),
            toolbox=self.target,
            pages=self.pages,
        )
        parts = replace(parts, ending=replace(parts.ending, pauses=(0.01,)))
        transport = httpx.ASGITransport(app=create(parts))
        process = Process(parts=parts, http=httpx.AsyncClient(transport=transport, base_url=PAGES))
        self.processes.append(process)
        return process

    async def publish(self, people: People | None = None) -> None:
        for kind, document in (("catalogue", TOOLS.document()), ("people", (people or PEOPLE).document())):
            await self.world.documents.publish(ENV, kind, kind, document, actor="op:test")

    def replace_key(self) -> None:
        """Have the next process sign with another key; it knows the one before no more."""
        self.world.keys[Purpose.BREAK_GLASS] = Ed25519PrivateKey.generate()
        self.world.signer = JwtSigner(
            [
                SigningKey(kid=thumbprint(key.public_key()), purpose=purpose, private=key)
                for purpose, key in self.world.keys.items()
            ]
        )

    def passed(self, *, minutes: float = 0, seconds: float = 0) -> None:
        self.world.clock.at_ms += int((minutes * 60 + seconds) * 1_000)

    def token(self, name: str = "ada", *, purpose: Purpose = Purpose.BREAK_GLASS_LOGIN, **claims: Any) -> str:
        known = {
            "kind": "person",
            "sub": f"principal:{name}",
            "env": ENV,
            "exp": int(time.time()) + 600,
            "jti": secrets.token_urlsafe(18),
        }
        return self.world.signer.sign(purpose, known | claims)

    async def post(self, path: str, body: Json, name: str = "ada", **headers: str) -> httpx.Response:
        return await self.http.post(path, json=body, headers={**bearer(self.token(name)), **headers})

    async def get(self, path: str, name: str = "ada") -> httpx.Response:
        return await self.http.get(path, headers=bearer(self.token(name)))

    async def ask(self, name: str = "ada", **changed: Any) -> httpx.Response:
        known = {"tenant": "acme", "tools": ["ticket.close"], "minutes": 10, "reason": REASON}
        return await self.post("/v1/sessions", known | changed, name)

    async def consent(
        self, session: Json, name: str = "grace", assertion: Assertion | None = None, **changed: Any
    ) -> httpx.Response:
        signed = assertion or SIGNING[name].sign(session["opening_digest"], self.pages)
        known = {"opening_digest": session["opening_digest"], "assertion": signed.document()}
        return await self.post(f"/v1/sessions/{session['session_id']}/consent", known | changed, name)

    async def opened(self, name: str = "ada", **changed: Any) -> Json:
        """A session that Grace consented to."""
        asked = await self.ask(name, **changed)
        assert asked.status_code == 201, asked.text
        consented = await self.consent(asked.json())
        assert consented.status_code == 200, consented.text
        return consented.json()

    async def propose(
        self, session: Json, tool: str = "ticket.close", key: str = "a-1", name: str = "ada", **arguments: Any
    ) -> httpx.Response:
        body = {"tool": tool, "arguments": {"ticket_id": "T-1"} | arguments}
        path = f"/v1/sessions/{session['session_id']}/acts"
        return await self.post(path, body, name, **{"Idempotency-Key": key})

    async def confirm(self, session: Json, act: Json, name: str = "ada", **changed: Any) -> httpx.Response:
        path = f"/v1/sessions/{session['session_id']}/acts/{act['act_id']}/confirm"
        return await self.post(path, {"action_digest": act["action_digest"]} | changed, name)

    async def close(self, session: Json, name: str = "grace", **body: Any) -> httpx.Response:
        return await self.post(f"/v1/sessions/{session['session_id']}/close", body, name)

    async def session(self, session: Json, name: str = "ada") -> Json:
        return (await self.get(f"/v1/sessions/{session['session_id']}", name)).json()

    async def report(self, session: Json) -> Json:
        answer = await self.get(f"/v1/sessions/{session['session_id']}/report")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refused(self) -> list[tuple[str, str]]:
        """(actor, reason) of what the audit says was refused."""
        return [
            (one["actor"], one["reason"])
            for one in await self.audited(SYSTEM_TENANT)
            if one["outcome"] == "refused"
        ]

    async def audited(self, tenant: str = "acme") -> list[Json]:
        records = await self.world.audit.search(AuditQuery(tenant=tenant))
        found = [one for one in records if one.record["kind"] == "break_glass"]
        return [one.record | {"reason": one.reason or one.record["reason"]} for one in found]

    async def writing(self) -> None:
        """Until a send is under way."""

        async def left() -> bool:
            return self.target.sends > 0

        await until(left)

    async def stop(self, scope: str, *, stopped: bool = True) -> None:
        await self.world.switches.set(
            env=ENV, scope=scope, stopped=stopped, reason="test", actor="op:x", until_ms=None
        )
        self.world.clock.at_ms += 1


@asynccontextmanager
async def glass(store_url: str) -> AsyncIterator[GlassWorld]:
    """A process over the store at that URL, with people, tools and one route in force."""
    async with opened(store_url, route(allow_tools=["ticket.close"])) as world:
        found = GlassWorld(world=world)
        await found.publish()
        found.begin()
        yield found
        for process in found.processes:
            await process.http.aclose()
