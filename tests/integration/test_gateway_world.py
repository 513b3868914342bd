"""The world of the gateway's tests: the real application and store, signed tokens, a fake Temporal."""

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import update

from adapters import schema, slack_signature
from adapters.actions import StoreActions
from adapters.answers import StoreAnswers
from adapters.approvals import ApprovalQuery, StoreApprovals
from adapters.attempts import StoreAttempts
from adapters.audit_log import AuditQuery, StoreAuditLog
from adapters.break_glass_sessions import StoreOpenings
from adapters.breakers import StoreBreakers
from adapters.care_rows import CareQuery, StoreCare
from adapters.desk import StoreDesk
from adapters.documents import StoreDocuments
from adapters.drainer import Drainer
from adapters.keys import KeyRing, SigningKey, thumbprint
from adapters.outbox import LetterQuery, StoreOutbox
from adapters.passkeys import WebAuthnVerifier
from adapters.proofs import Proofs
from adapters.publishing import Publication, Publisher
from adapters.runs import NewRun, RunQuery, StoreRuns
from adapters.store import Store
from adapters.switches import StoreSwitches
from adapters.tokens import JwtSigner, JwtVerifier
from adapters.turns import StoreTurns
from contracts.action import Change, Prepared, Preview
from contracts.alert import Alert
from contracts.approval import ApprovalRecord, Person, Terms
from contracts.audit import ChainedRecord
from contracts.budget import Usage
from contracts.decision import Call, Decision, Reason, Ruling
from contracts.denial import CALLBACK, REASON, DenialForm
from contracts.digest import digest
from contracts.errors import InterlockError, Malformed, Unavailable, Unknown
from contracts.outbox import TO_RUNS, Letter
from contracts.ports import RunStarter
from contracts.run import RunRecord, WarrantedRun
from contracts.secret import Secret
from contracts.tokens import Purpose, Warrant
from contracts.tool import Catalogue, Effect, ToolSpec
from contracts.transcript import ModelTurn
from contracts.turns import NewTurn, Reservation
from gateway import ports
from gateway.app import Gateway, create
from gateway.build import drainer
from gateway.carriers import carriers
from gateway.in_force import InForce
from gateway.launcher import Launcher
from gateway.parts import Parts, SlackApp
from gateway.resumer import Resumer
from gateway.watching import Watching
from policies.care import Decided
from policies.people import People
from policies.route import Route
from tests import postgres
from tests.content_keys import HeldKeys
from tests.passkeys import SoftPasskey
from tests.sqlite import sqlite

ENV = "dev"
TEAM, APP, CHANNEL, CARD = "T0INTERLOCK", "A0INTERLOCK", "C0APPROVALS", "1764000000.000100"
SLACK_URL = "http://127.0.0.1:9300"
PAGES = "http://localhost:7710"
SIGNING_SECRET = "0123456789abcdef0123456789abcdef"
UI = "http://127.0.0.1:8233"

CLOSE = ToolSpec(
    name="ticket.close",
    version="1",
    address="helpdesk",
    effect=Effect.WRITE,
    description="Close a ticket.",
    schema={"type": "object"},
    credential="ticketing-write",
    target="/ticket_id",
)
PURGE = replace(CLOSE, name="ticket.purge", effect=Effect.DESTRUCTIVE, description="Delete a ticket.")
CATALOGUE = Catalogue(tools={tool.name: tool for tool in (CLOSE, PURGE)})

PREVIEW = Preview(
    target="T-1",
    changes=(Change(field="status", before="open", after="closed"),),
    stakes="1 customer",
)
TERMS = Terms(group="support-leads", deadline_ms=60_000)


@dataclass(frozen=True, kw_only=True)
class Asking:
    """A write that waits for people."""

    spec: ToolSpec = CLOSE
    preview: Preview = PREVIEW
    needed: int = 1
    terms: Terms = TERMS
    #: The agent's.
    words: str = ""


INPUT = {
    "type": "object",
    "required": ["ticket_id"],
    "additionalProperties": False,
    "properties": {"ticket_id": {"type": "string", "maxLength": 64}},
}


def route(name: str = "support/close", **keys: Any) -> Route:
    known = {
        "name": name,
        "model": {"name": "rules"},
        "input": INPUT,
        "allow_tools": ["ticket.close", "ticket.purge"],
        "budgets": {"steps": 25, "seconds": 60, "usd": "1.00", "denials": 3},
        "approval": {"group": "support-leads", "deadline": "4h"},
    }
    return Route.parse({**known, **keys})


SIGNING = {name: SoftPasskey.create(name) for name in ("ada", "grace", "linus", "mallory")}
"""Everybody's device."""


def person(
    name: str, *, groups: Sequence[str] = ("support-leads",), tenants: Sequence[str] = ("acme",)
) -> Person:
    return Person(
        principal=f"principal:{name}",
        slack_team=TEAM,
        slack_user=f"U0{name.upper()}",
        subjects=(f"user:{name}",),
        groups=tuple(groups),
        tenants=tuple(tenants),
        passkeys=(SIGNING[name].passkey,) if name in SIGNING else (),
    )


PEOPLE = People(
    people=(
        person("ada", tenants=("acme", "globex")),
        person("grace"),
        person("linus", tenants=("globex",)),
        person("mallory", groups=()),
    )
)


class HandClock:
    """Implements ``contracts.ports.Clock``: it starts at the time of day and moves when it is told to."""

    def __init__(self) -> None:
        self.at_ms = time.time_ns() // 1_000_000

    def now_ms(self) -> int:
        return self.at_ms


@dataclass
class FakeTemporal:
    """Implements ``contracts.ports.RunStarter`` in memory; it can be down, and it knows what it started."""

    down: bool = False
    executions: dict[str, str] = field(default_factory=dict)
    nudged: list[tuple[str, str, str]] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)
    cancelled: list[tuple[str, str]] = field(default_factory=list)

    async def start(self, record: RunRecord) -> str:
        self._answer()
        return self.executions.setdefault(record.run_id, secrets.token_hex(16))

    async def nudge(self, run_id: str, approval_id: str, grant_id: str) -> None:
        self._find(run_id)
        self.nudged.append((run_id, approval_id, grant_id))

    async def resume(self, run_id: str) -> None:
        self._find(run_id)
        self.resumed.append(run_id)

    async def cancel(self, run_id: str, reason: str) -> None:
        self._find(run_id)
        self.cancelled.append((run_id, reason))

    def _answer(self) -> None:
        if self.down:
            raise Unavailable("Temporal did not answer")

    def _find(self, run_id: str) -> None:
        self._answer()
        if run_id not in self.executions:
            raise Unknown(f"there is no execution of {run_id}")


@dataclass
class FakePrivateWord:
    """Implements ``gateway.ports.PrivateWord``: keeps what was said; its response_urls can fail."""

    answers: list[tuple[str, str]] = field(default_factory=list)
    words: list[tuple[str, str, str]] = field(default_factory=list)
    fails: InterlockError | None = None

    async def respond(self, url: str, text: str) -> None:
        if self.fails is not None:
            raise self.fails
        self.answers.append((url, text))

    async def say(self, *, channel: str, user: str, text: str) -> None:
        self.words.append((channel, user, text))


@dataclass
class FakeDenialForms:
    """Implements ``gateway.ports.DenialForms``: keeps what was opened; it can fail."""

    opened: list[tuple[str, DenialForm]] = field(default_factory=list)
    fails: InterlockError | None = None

    async def show(self, trigger_id: str, approval: ApprovalRecord, form: DenialForm) -> None:
        if self.fails is not None:
            raise self.fails
        assert approval.approval_id == form.approval_id
        self.opened.append((trigger_id, form))


class ReversingCodec:
    """Implements ``gateway.ports.PayloadCodec``: encoded is reversed."""

    async def decode(self, payloads: Sequence[ports.Payload]) -> Sequence[ports.Payload]:
        if any(payload.metadata.get("encoding") != b"binary/encrypted" for payload in payloads):
            raise Malformed("a payload was not encoded with this environment's key")
        return [
            ports.Payload(metadata={"encoding": b"json/plain"}, data=payload.data[::-1])
            for payload in payloads
        ]


class Signature:
    """Implements ``gateway.ports.SlackSignature`` with the real check."""

    def verify(self, headers: Mapping[str, str], body: bytes, now_s: int) -> None:
        slack_signature.verify(Secret(SIGNING_SECRET), headers, body, now_s)

    def proof(self, headers: Mapping[str, str]) -> str:
        return slack_signature.proof(headers)


class Runs(StoreRuns):
    """Implements ``gateway.ports.RunRows``."""

    async def accept(self, new: ports.NewRun) -> tuple[RunRecord, bool]:
        return await self.create(NewRun(**vars(new)))

    async def page(self, query: ports.RunQuery) -> Sequence[RunRecord]:
        return await self.list(RunQuery(**vars(query)))


class Approvals(StoreApprovals):
    """Implements ``gateway.ports.ApprovalRows``."""

    async def page(self, query: ports.ApprovalQuery) -> Sequence[ApprovalRecord]:
        return await self.list(ApprovalQuery(**vars(query)))


class AuditLog(StoreAuditLog):
    """Implements ``gateway.ports.AuditRows``."""

    async def page(self, query: ports.AuditQuery) -> Sequence[ChainedRecord]:
        return await self.search(AuditQuery(**vars(query)))


class CareRows(StoreCare):
    """Implements ``gateway.ports.CareRows``."""

    async def read(self, query: ports.CareQuery) -> Sequence[Decided]:
        return await self.answers(CareQuery(**vars(query)))


class Outbox(StoreOutbox):
    """Implements ``gateway.ports.OutboxRows``."""

    async def page(self, query: ports.LetterQuery) -> Sequence[Letter]:
        return await self.list(LetterQuery(**vars(query)))


class World:
    """A gateway over the store at that URL, whose tables are there."""

    def __init__(self, store_url: str, *, signing: frozenset[Purpose] = frozenset(Purpose)) -> None:
        keys = self.keys = {purpose: Ed25519PrivateKey.generate() for purpose in Purpose}
        public = {purpose: key.public_key() for purpose, key in keys.items() if purpose.of_agents}
        self.ring = KeyRing(keys=public)
        self.signer = JwtSigner(
            [
                SigningKey(kid=thumbprint(key.public_key()), purpose=purpose, private=key)
                for purpose, key in keys.items()
                if purpose in signing
            ]
        )
        self.verifier = JwtVerifier(self.ring)
        self.proofs = Proofs(verifier=self.verifier, passkeys=WebAuthnVerifier(PAGES))
        self.contents = HeldKeys()
        self.store = Store(store_url, self.contents)
        #: By role: the store by that role's login.
        self.stores = postgres.stores(store_url, self.contents)
        gateway = self.stores["gateway"]
        self.clock = HandClock()
        self.temporal = FakeTemporal()
        self.private = FakePrivateWord()
        self.forms = FakeDenialForms()
        self.documents = StoreDocuments(self.stores["operator"], self.clock)
        self.runs = Runs(gateway, self.clock)
        self.actions = StoreActions(gateway, self.clock)
        self.approvals = Approvals(gateway, self.verifier, self.clock)
        self.switches = StoreSwitches(gateway, self.clock)
        self.breakers = StoreBreakers(gateway, StoreDocuments(gateway, self.clock), self.clock, ENV)
        self.audit = AuditLog(gateway)
        self.outbox = Outbox(gateway, self.clock, ENV)
        self.launcher = Launcher(self.runs, self.temporal)
        self.drain = self.drainer(self.temporal)
        self.ready = True
        self.parts = self._parts()
        self.app: Gateway = create(self.parts)
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app), base_url="http://127.0.0.1"
        )

    def drainer(self, starter: RunStarter) -> Drainer:
        """A gateway's, over this world's store."""
        launcher = Launcher(self.runs, starter)
        return drainer(
            self.stores["gateway"], self.clock, ENV, carriers(self.runs, self.approvals, launcher, starter)
        )

    async def letters(self, *, dead: bool = False) -> tuple[Letter, ...]:
        """What waits in the outbox for runs."""
        found = await self.outbox.list(LetterQuery(dead=dead))
        return tuple(letter for letter in found if letter.kind in TO_RUNS)

    async def over(self, starter: RunStarter) -> None:
        """Go on over this Temporal."""
        self.drain = self.drainer(starter)
        launcher = Launcher(self.runs, starter)
        self.parts = replace(self.parts, starter=starter, launcher=launcher, drain=self.drain)
        await self.http.aclose()
        transport = httpx.ASGITransport(app=create(self.parts))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")

    def _parts(self) -> Parts:
        return Parts(
            env=ENV,
            clock=self.clock,
            verifier=self.verifier,
            signer=self.signer,
            in_force=InForce(StoreDocuments(self.stores["gateway"], self.clock), ENV),
            runs=self.runs,
            actions=self.actions,
            approvals=self.approvals,
            desk=StoreDesk(self.stores["gateway"], self.signer, self.proofs, self.clock),
            switches=self.switches,
            breakers=self.breakers,
            audit=self.audit,
            attempts=StoreAttempts(self.stores["gateway"], self.clock, ENV),
            openings=StoreOpenings(self.stores["gateway"], self.clock),
            care=CareRows(self.stores["gateway"]),
            answers=StoreAnswers(self.stores["gateway"]),
            sources=self.documents,
            starter=self.temporal,
            slack=SlackApp(
                team=TEAM,
                app=APP,
                channel=CHANNEL,
                url=SLACK_URL,
                signature=Signature(),
                private=self.private,
                forms=self.forms,
            ),
            codec=ReversingCodec(),
            capability_jwk=self.ring.jwk(Purpose.CAPABILITY),
            outbox=self.outbox,
            drain=self.drain,
            launcher=self.launcher,
            resumer=Resumer(
                self.runs, self.switches, self.breakers, self.outbox, self.drain, self.clock, ENV
            ),
            watching=Watching(self.audit),
            probes={"store": self._probe},
            temporal_ui=UI,
        )

    async def _probe(self) -> None:
        if not self.ready:
            raise Unavailable("the store did not answer")

    async def publish(self, *routes: Route) -> None:
        await self.documents.publish(ENV, "catalogue", "catalogue", CATALOGUE.document(), actor="op:test")
        await self.documents.publish(ENV, "people", "people", PEOPLE.document(), actor="op:test")
        for one in routes or (route(),):
            await self.documents.publish(ENV, "route", one.name, one.document(), actor="op:test")

    async def withdraw(self, kind: str, name: str, alert: Alert | None = None) -> None:
        """Take one document out of force, as an operator who publishes all the others."""
        publisher = Publisher(self.stores["operator"], self.clock)
        digests, documents = await publisher.in_force(ENV)
        left = {key: one for key, one in documents.items() if key != (kind, name)}
        await publisher.put(
            Publication(env=ENV, documents=left, instead_of=digests, actor="op:test", alert=alert)
        )

    def token(self, *, purpose: Purpose = Purpose.CALLERS, **claims: Any) -> str:
        known = {"env": ENV, "routes": ["*"], "exp": int(time.time()) + 600}
        return self.signer.sign(purpose, {**known, **claims})

    def caller(self, tenant: str = "acme", **claims: Any) -> dict[str, str]:
        return bearer(self.token(**{"kind": "caller", "sub": "svc:demo", "tenant": tenant, **claims}))

    def approver(self, name: str = "ada", **claims: Any) -> dict[str, str]:
        return bearer(
            self.token(**{"kind": "approver", "sub": f"principal:{name}", "tenant": None, **claims})
        )

    def operator(self, tenant: str = "*", **claims: Any) -> dict[str, str]:
        return bearer(self.token(**{"kind": "operator", "sub": "op:local", "tenant": tenant, **claims}))

    async def start(
        self, headers: dict[str, str] | None = None, key: str = "k-1", **body: Any
    ) -> httpx.Response:
        whole = {"route": "support/close", "input": {"ticket_id": "T-1"}, **body}
        return await self.http.post(
            "/v1/runs", json=whole, headers={**(headers or self.caller()), "Idempotency-Key": key}
        )

    async def asked(
        self,
        headers: dict[str, str] | None = None,
        *,
        key: str = "k-1",
        spec: ToolSpec = CLOSE,
        terms: Terms | None = None,
        **body: Any,
    ) -> ApprovalRecord:
        """A run that waits: its write is frozen, its approval open, its card posted."""
        needed = 2 if spec.effect is Effect.DESTRUCTIVE else 1
        asking = Asking(spec=spec, needed=needed, terms=terms or TERMS)
        return await self.asked_about(asking, headers, key, **body)

    async def asked_about(
        self, asking: Asking, headers: dict[str, str] | None = None, key: str = "k-1", **body: Any
    ) -> ApprovalRecord:
        started = (await self.start(headers, key, **body)).json()
        run = await self.warranted(started["run_id"])
        decision = Decision(
            ruling=Ruling.NEEDS_APPROVAL,
            reasons=(Reason(rule="default", text="Writes need a person."),),
            approvals=asking.needed,
        )
        answer = ModelTurn(
            text=asking.words, calls=(Call(tool=asking.spec.name, arguments={"ticket_id": "T-1"}),)
        )
        turns = StoreTurns(self.stores["agent"], self.clock)
        attempt = f"{run.warrant.run_id}:1"
        await turns.reserve(run, Reservation(attempt_id=attempt, step=1, usd="0", seconds=1.0))
        turn = NewTurn(
            attempt_id=attempt,
            step=1,
            answer=answer,
            calls=((answer.calls[0], decision),),
            usd="0",
            usage=Usage(input_tokens=1, output_tokens=1),
            duration_ms=5,
            stop=None,
            final=False,
        )
        recorded = await turns.record(run, turn, CATALOGUE)
        actions = StoreActions(self.stores["tools"], self.clock)
        action = await actions.get(run, recorded.calls[0].action_id)
        frozen = await actions.freeze(
            run, action, asking.spec, Prepared(preview=asking.preview, version='"1"')
        )
        approvals = StoreApprovals(self.stores["broker"], self.verifier, self.clock)
        approval = await approvals.ask(run, frozen, needed=asking.needed, terms=asking.terms)
        await self.stand(approval.approval_id, CARD)
        return await self.approvals.get(approval.approval_id)

    async def warranted(self, run_id: str) -> WarrantedRun:
        record = await self.runs.get(run_id)
        warrant = Warrant.read(self.verifier.verify(Purpose.WARRANT, record.warrant))
        return WarrantedRun(warrant=warrant, warrant_digest=digest(record.warrant), record=record)

    async def stand(self, approval_id: str, message_ts: str) -> None:
        """The approval's card is this message."""

        async def work(connection: Any) -> None:
            await connection.execute(
                update(schema.approvals)
                .where(schema.approvals.c.approval_id == approval_id)
                .values(channel=CHANNEL, message_ts=message_ts)
            )

        await self.store.write(work)

    async def outcomes(self, approval_id: str) -> list[tuple[str, str]]:
        """(actor, outcome) of what the audit says about an approval."""
        records = await self.audit.search(AuditQuery(tenant="acme"))
        return [
            (one.record["actor"], one.record["outcome"])
            for one in records
            if one.record["kind"] == "approval" and one.record["approval_id"] == approval_id
        ]

    async def close(self) -> None:
        await self.http.aclose()
        for store in (self.store, *self.stores.values()):
            await store.close()


@asynccontextmanager
async def opened(where: Path | str, *routes: Route) -> AsyncIterator[World]:
    """A world with these routes published, over SQLite in a directory or over the store at a URL."""
    world = World(sqlite(where) if isinstance(where, Path) else where)
    await world.publish(*routes)
    try:
        yield world
    finally:
        await world.close()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def press(
    approval: ApprovalRecord, name: str = "ada", *, deny: bool = False, **changed: Any
) -> dict[str, Any]:
    """Slack's payload of a click on an approval's card."""
    known = {
        "type": "block_actions",
        "user": {"id": f"U0{name.upper()}", "username": name, "team_id": TEAM},
        "api_app_id": APP,
        "team": {"id": TEAM, "domain": "interlock"},
        "channel": {"id": CHANNEL, "name": "approvals"},
        "container": {"type": "message", "message_ts": CARD, "channel_id": CHANNEL, "is_ephemeral": False},
        "response_url": f"{SLACK_URL}/response/abc",
        "trigger_id": "1764000000.1.abc",
        "actions": [
            {
                "type": "button",
                "action_id": "interlock.deny" if deny else "interlock.approve",
                "value": f"{approval.approval_id}|{approval.action_digest}",
                "action_ts": secrets.token_hex(4),
            }
        ],
    }
    return {**known, **changed}


def submission(
    form: DenialForm, reason: str | None = "Wrong ticket.", name: str = "ada", **changed: Any
) -> dict[str, Any]:
    """Slack's payload of the form that asks why, sent off. ``changed``: of its view."""
    view = {
        "id": "V0DENY",
        "app_id": APP,
        "callback_id": CALLBACK,
        "private_metadata": form.metadata(),
        "state": {"values": {REASON: {REASON: {"type": "plain_text_input", "value": reason}}}},
    }
    return {
        "type": "view_submission",
        "user": {"id": f"U0{name.upper()}", "username": name, "team_id": TEAM},
        "api_app_id": APP,
        "team": {"id": TEAM, "domain": "interlock"},
        "trigger_id": secrets.token_hex(8),
        "view": view | changed,
        "response_urls": [],
    }


def signed(payload: Any, *, at_ms: int, secret: str = SIGNING_SECRET) -> tuple[bytes, dict[str, str]]:
    """Body and headers of an interaction as Slack sends them."""
    form = {"payload": payload if isinstance(payload, str) else json.dumps(payload)}
    return signed_form(form, at_ms=at_ms, secret=secret)


def signed_form(
    form: Mapping[str, str], *, at_ms: int, secret: str = SIGNING_SECRET
) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a form that Slack signed."""
    body = urlencode(form).encode()
    at = str(at_ms // 1_000)
    mac = hmac.new(secret.encode(), b"v0:" + at.encode() + b":" + body, hashlib.sha256).hexdigest()
    return body, {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": f"v0={mac}",
    }


def problem(response: httpx.Response) -> tuple[int, str]:
    """Status and type of an answer that must be a whole problem document."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    document = response.json()
    assert {"type", "title", "status", "detail"} <= set(document)
    assert document["status"] == response.status_code
    assert "Traceback" not in response.text
    return response.status_code, document["type"].removeprefix("urn:interlock:problem:")


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
    """Wait until it holds, at most these seconds."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - what is waited for happens in the store, which has no event
            await asyncio.sleep(0.01)


async def test_the_open_paths_need_no_token_and_say_no_secret(tmp_path: Path) -> None:
    """Health, readiness, the capability's key and the schema are for everyone; no other key is served."""
    async with opened(tmp_path) as world:
        assert (await world.http.get("/healthz")).json() == {"status": "ok"}
        assert (await world.http.get("/readyz")).json() == {"ready": True, "checks": {"store": "ok"}}
        keys = (await world.http.get("/.well-known/jwks.json")).json()["keys"]
        assert [key["kid"] for key in keys] == [world.ring.kid(Purpose.CAPABILITY)]
        schema_version = (await world.http.get("/openapi.json")).json()["openapi"]
        assert schema_version.startswith("3.1")


async def test_a_neighbour_that_does_not_answer_is_named_without_its_words(tmp_path: Path) -> None:
    """Not ready is 503 with the part's name alone."""
    async with opened(tmp_path) as world:
        world.ready = False
        answer = await world.http.get("/readyz")
        assert answer.status_code == 503
        assert answer.json() == {"ready": False, "checks": {"store": "unavailable"}}
