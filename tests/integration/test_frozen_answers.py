"""The golden shapes of what the gateway answers, the books keep and the tokens say."""

import ast
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import jwt
import pytest

from adapters.anchors import S3Anchors
from adapters.audit_log import AuditQuery
from adapters.breaker_rounds import BreakerRounds
from adapters.documents import StoreDocuments
from adapters.heads import HeadSigner
from adapters.key_changes import say
from adapters.leases import Leases
from adapters.ledger import StoreLedger
from adapters.restoring import restored
from adapters.run_entry import RunEntry
from contracts.action import Frozen
from contracts.audit import SYSTEM_TENANT
from contracts.break_glass import ActSeal, Opening, Overridden, Session, new_session_id
from contracts.errors import Refused
from contracts.ledger import ClaimRequest, Conclusion
from contracts.outbox import LetterKind
from contracts.passkey import Assertion
from contracts.run import Outcome
from contracts.tokens import Capability, FrozenSeal, Purpose, Undoes, Warrant
from contracts.wire import Ending
from tests.golden.held import hold, shape
from tests.integration.break_glass.books.sessions import Glass
from tests.integration.test_gateway_world import CLOSE, ENV, SIGNING, World, opened, route

ROOT = Path(__file__).parents[2]


@dataclass
class FakeAnchors:
    """Stands in for ``adapters.anchors.S3Anchors``: keeps what was anchored."""

    kept: list[dict[str, Any]]

    async def put(self, _tenant: str, _seq: int, document: bytes) -> bool:
        self.kept.append(json.loads(document))
        return True


@dataclass(frozen=True, kw_only=True)
class Lived:
    """A world in which one of everything has happened."""

    world: World
    run_id: str
    capability: Capability
    frozen: Frozen


@pytest.fixture
async def lived(tmp_path: Path) -> AsyncIterator[Lived]:
    """An approved write that succeeded, a run that waits, one that was stopped, and switches."""
    async with opened(tmp_path) as world:
        approval = await world.asked(on_behalf_of="user:grace")
        path = f"/v1/approvals/{approval.approval_id}/decision"
        body = {"decision": "approve", "action_digest": approval.action_digest}
        assert (await world.http.post(path, json=body, headers=world.approver())).status_code == 200
        run = await world.warranted(approval.run_id)
        warrant, frozen = run.warrant, Frozen.read(approval.action)
        capability = Capability(
            jti="j",
            run_id=warrant.run_id,
            tenant=warrant.tenant,
            env=warrant.env,
            route=warrant.route,
            tools=(CLOSE.name,),
            policy_digest=warrant.policy_digest,
            warrant_digest=run.warrant_digest,
            exp=1,
            action_digest=frozen.digest(),
            key_hash=frozen.key_hash,
        )
        request = ClaimRequest(
            run=run,
            frozen=frozen,
            action_digest=frozen.digest(),
            spec=CLOSE,
            holder="one",
        )
        ledger = StoreLedger(world.store, RunEntry(world.proofs), world.clock)
        claim = await ledger.claim(request)
        assert claim.say == "send", claim.sentence
        done = Conclusion(outcome=Outcome.SUCCEEDED, content="{}", text="done", duration_ms=3)
        await ledger.settle(request, claim.fence, done)
        await world.runs.end(run, Ending(state="completed", text="Done."))
        await restored(world.store, world.clock, env=ENV, actor="op:test", reason="disk failure")
        about = {"env": ENV, "actor": "op:test", "tenant": "acme", "reason": "a new key"}
        await say(world.stores["operator"], world.clock, outcome="rotated", **about)
        waits = await world.asked(key="waits")
        await world.outbox.resume([waits.run_id])
        await give_up(world, f"card:{waits.approval_id}", f"resume:{waits.run_id}")
        stopped = (await world.start(key="stopped")).json()["run_id"]
        await world.runs.begin(stopped)
        await world.http.post(
            f"/v1/runs/{stopped}/cancel", json={"reason": "not needed"}, headers=world.caller()
        )
        await world.runs.end(await world.warranted(stopped), Ending(state="stopped", reason="budget_steps"))
        for tenant in ("all", "tenant:acme"):
            stop = {"stopped": True, "reason": "looking into it", "until": "2099-01-01T00:00:00Z"}
            await world.http.put(f"/v1/switches/{tenant}", json=stop, headers=world.operator())
        await world.http.put(
            "/v1/switches/tool:ticket.close",
            json={"stopped": False, "reason": "all is well"},
            headers=world.operator(),
        )
        await _broken(world)
        await _broke_glass(world)
        yield Lived(world=world, run_id=approval.run_id, capability=capability, frozen=frozen)


async def _broke_glass(world: World) -> None:
    """A session in which one act was confirmed, and one that was refused."""
    glass = Glass(world=world, url="", store=world.stores["break_glass"])
    act = await glass.confirmed(await glass.open())
    await glass.sessions.refuse(
        env=ENV, actor="svc:demo", session_id=act.frozen.run_id, what="act", reason="a service does nothing"
    )
    await glass.close(act.run)


async def _broken(world: World) -> None:
    """A route whose breaker opened, let a run try, and was reset; and one that never opened."""
    rules = {"window": "10m", "min_runs": 1, "failure_ratio": 1, "open_for": "5m"}
    for name in ("support/broken", "support/calm"):
        one = route(name, breaker=rules)
        await world.documents.publish(ENV, "route", name, one.document(), actor="op:test")
    started = await world.start(key="fails", route="support/broken")
    await world.runs.end(await world.warranted(started.json()["run_id"]), Ending(state="failed"))
    documents = StoreDocuments(world.store, world.clock)
    await BreakerRounds(world.store, documents, world.clock, ENV).look()
    world.clock.at_ms += 300_000
    await world.start(key="tries", route="support/broken")


async def give_up(world: World, *outbox_ids: str) -> None:
    """Letters that were refused, given up, and taken up again."""
    leases = Leases(world.store, world.clock, env=ENV, kinds=tuple(LetterKind), lease_ms=1_000)
    for outbox_id in outbox_ids:
        held = await leases.hold(outbox_id)
        assert held is not None
        assert await leases.failed(held, Refused("not this one"))
        await world.outbox.retry(outbox_id, actor="op:test")


async def test_answers_keep_their_shape(lived: Lived) -> None:
    """Runs, approvals, switches, audit pages, problems, keys and health, with the type of every field."""
    world = lived.world

    async def read(path: str, headers: dict[str, str] | None = None) -> Any:
        return (await world.http.get(path, headers=world.operator() if headers is None else headers)).json()

    runs, approvals = await read("/v1/runs"), await read("/v1/approvals")
    refused = await world.http.get("/v1/runs?state=x", headers=world.operator())
    assert len(runs["runs"]) == 5
    hold(
        "answers",
        {
            "run": shape(*runs["runs"]),
            "run page": shape(runs, {"runs": [], "cursor": "x"}),
            "approval": shape(*({**one, "action": {}} for one in approvals["approvals"])),
            "approvals": sorted(approvals),
            "switches": shape(await read("/v1/switches")),
            "breakers": shape(await read("/v1/breakers")),
            "outbox": shape(await read("/v1/outbox"), {"letters": [], "cursor": "x"}),
            "audit page": shape(await read("/v1/audit?tenant=acme"), {"records": [], "cursor": "x"}),
            "problem": shape(refused.json()),
            "keys": shape(await read("/.well-known/jwks.json", {})),
            "health": await read("/healthz", {}),
            "readiness": await read("/readyz", {}),
        },
    )


async def test_audit_records_keep_their_fields_by_kind(lived: Lived) -> None:
    """For every kind that the code writes: each field, and what it may hold."""
    found: dict[str, list[dict[str, Any]]] = {}
    for tenant in ("acme", SYSTEM_TENANT):
        for one in await lived.world.audit.search(AuditQuery(tenant=tenant)):
            found.setdefault(one.record["kind"], []).append(one.record)
    assert set(found) == kinds_written()
    hold("audit", {kind: shape(*records) for kind, records in found.items()})


def kinds_written() -> set[str]:
    """The kinds that stand in the sources as a keyword of an audit record."""
    calls = [
        node
        for path in (ROOT / "adapters").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "AuditRecord"
    ]
    assert calls
    return {
        str(keyword.value.value)
        for call in calls
        for keyword in call.keywords
        if keyword.arg == "kind" and isinstance(keyword.value, ast.Constant)
    }


async def test_tokens_keep_their_claims(lived: Lived) -> None:
    """Each purpose's ``typ``, ``aud`` and claims, as they are signed where the thing itself happens."""
    world, anchored = lived.world, FakeAnchors([])
    head_signer = HeadSigner(world.audit, world.signer, cast("S3Anchors", anchored), world.clock)
    await head_signer.sign_once()
    record = await world.runs.get(lived.run_id)
    approval = next(iter(await _approvals(world, lived.run_id)))
    seal = FrozenSeal(run_id=lived.run_id, action_id=lived.frozen.action_id, action_digest="sha256:…")
    undoing = replace(
        Warrant.read(world.verifier.verify(Purpose.WARRANT, record.warrant)),
        undoes=Undoes(run_id=lived.run_id, actions=(lived.frozen.action_id,)),
        delegation=("user:ada",),
    )
    grants = (await world.approvals.get(approval)).grants
    until = {"env": "dev", "exp": int(time.time()) + 600, "jti": "j" * 24}
    assertion = SIGNING["ada"].sign("sha256:" + "0" * 64)
    signed = {
        Purpose.WARRANT: [record.warrant, world.signer.sign(Purpose.WARRANT, undoing.claims())],
        Purpose.CAPABILITY: [world.signer.sign(Purpose.CAPABILITY, lived.capability.claims())],
        Purpose.FROZEN: [world.signer.sign(Purpose.FROZEN, seal.claims())],
        Purpose.GRANT: [
            world.signer.sign(Purpose.GRANT, grant.claims())
            for grant in (*grants, replace(grants[0], assertion=assertion))
        ],
        Purpose.AUDIT_HEAD: [document["token"] for document in anchored.kept],
        Purpose.CALLERS: [
            headers["Authorization"].removeprefix("Bearer ")
            for headers in (
                world.caller(),
                world.caller(sub="user:ada", act={"sub": "svc:demo", "act": {"sub": "svc:before"}}),
                world.approver(),
                world.operator(),
            )
        ],
        Purpose.BREAK_GLASS: [
            world.signer.sign(Purpose.BREAK_GLASS, claims) for claims in _break_glass(assertion)
        ],
        Purpose.BREAK_GLASS_LOGIN: [
            world.signer.sign(Purpose.BREAK_GLASS_LOGIN, {"kind": kind, "sub": "principal:ada", **until})
            for kind in ("person", "login")
        ],
    }
    assert set(signed) == set(Purpose)
    assert Warrant.read(world.verifier.verify(Purpose.WARRANT, record.warrant)).run_id == lived.run_id
    hold("tokens", {purpose.value: _said(tokens) for purpose, tokens in signed.items()})
    hold("anchor", shape(*anchored.kept))


def _break_glass(assertion: Assertion) -> Sequence[dict[str, Any]]:
    """A session with everything that one may say, and one of its acts."""
    opening = Opening(
        session_id=new_session_id(),
        tenant="acme",
        env="dev",
        tools=("ticket.close",),
        catalogue_digest="sha256:…",
        reason="The queue is stuck.",
        minutes=10,
        overrides=(Overridden(scope="tool:ticket.close", stopped_ms=1),),
        opener="principal:ada",
        asked_ms=1,
    )
    session = Session(
        opening=opening, consenter="principal:grace", assertion=assertion, opened_ms=1, until_ms=2
    )
    act = ActSeal(session_id=opening.session_id, action_id="act_1", action_digest="sha256:…", confirmed_ms=1)
    return session.claims(), act.claims()


def _said(tokens: Sequence[str]) -> dict[str, Any]:
    claims = [jwt.decode(token, options={"verify_signature": False}) for token in tokens]
    head = jwt.get_unverified_header(tokens[0])
    return {
        "alg": head["alg"],
        "typ": head["typ"],
        "aud": claims[0]["aud"],
        "claims": shape(*claims),
    }


async def _approvals(world: World, run_id: str) -> list[str]:
    answer = await world.http.get("/v1/approvals", headers=world.operator())
    return [one["approval_id"] for one in answer.json()["approvals"] if one["run_id"] == run_id]


async def test_the_document_of_the_api_keeps_its_promises(lived: Lived) -> None:
    """Paths, parameters, fields, types, limits and enum values; words may be put better."""
    document = (await lived.world.http.get("/openapi.json")).json()
    hold("openapi", normalised(document))
    golden = json.loads((ROOT / "tests/golden/openapi.json").read_text())
    assert not asked_more(golden, normalised(document))


def normalised(value: Any) -> Any:
    """Without what people read: names and words in a document's descriptions bind nobody."""
    words = ("description", "summary", "title", "examples", "operationId", "tags")
    if isinstance(value, dict):
        return {
            name: normalised(inner)
            for name, inner in value.items()
            if name not in words or isinstance(inner, dict)
        }
    return [normalised(inner) for inner in value] if isinstance(value, list) else value


def asked_more(golden: Any, actual: Any) -> list[str]:
    """What a request must have now and did not need before."""
    schemas = actual["components"]["schemas"]
    known = golden["components"]["schemas"]
    grown = [
        f"{name}.{key}"
        for name, schema in schemas.items()
        if name.endswith("Body") and name in known
        for key in schema.get("required", ())
        if key not in known[name].get("required", ())
    ]
    for path, calls in golden["paths"].items():
        for method, call in calls.items():
            before = {one["name"] for one in call.get("parameters", ())}
            now = actual["paths"].get(path, {}).get(method, {}).get("parameters", ())
            grown += [
                f"{method} {path} {one['name']}"
                for one in now
                if one.get("required") and one["name"] not in before
            ]
    return grown


def test_a_request_that_must_have_more_is_seen() -> None:
    """A field or parameter that becomes mandatory breaks every caller, though nothing was taken away."""

    def document(required: list[str], parameters: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "components": {"schemas": {"StartBody": {"required": required}}},
            "paths": {"/v1/runs": {"post": {"parameters": parameters}}},
        }

    before = document(["route"], [])
    assert not asked_more(before, document(["route"], [{"name": "x", "required": False}]))
    after = document(["route", "why"], [{"name": "x", "required": True}])
    assert asked_more(before, after) == ["StartBody.why", "post /v1/runs x"]
