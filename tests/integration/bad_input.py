"""Every kind of bad input over HTTP, by name; bad_input.yaml has the exact answer that each gets."""

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import httpx
import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from contracts.approval import ApprovalRecord
from contracts.denial import DenialForm
from contracts.tokens import Purpose
from gateway.problems import BODY_LIMIT
from tests.integration.served_world import Served
from tests.integration.test_gateway_world import CARD, CHANNEL, bearer, press, signed, submission

_JSON: Final = {"Content-Type": "application/json"}
_NO_RUN: Final = "run_" + "0" * 24
_DIGEST: Final = "sha256:" + "0" * 64


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A served gateway, the tokens that are shown to it, and what stands in its store."""

    served: Served
    http: httpx.Client
    #: Authorization headers by name.
    tokens: Mapping[str, dict[str, str]] = field(repr=False)
    #: A run that waits, and its approval.
    approval: ApprovalRecord
    #: Of acme's; and one of globex's.
    ended: str
    foreign: str

    def send(self, method: str, path: str, who: str = "caller", **request: Any) -> httpx.Response:
        headers = [*self.tokens[who].items(), *_pairs(request.pop("headers", {}))]
        return self.http.request(method, path, headers=headers, **request)

    def get(self, path: str, who: str = "caller") -> httpx.Response:
        return self.send("GET", path, who)

    def start(self, who: str = "caller", key: str = "bad", /, **body: Any) -> httpx.Response:
        """Start a run with a good request that is changed like this; ``...`` takes a key away."""
        whole = {"route": "support/close", "input": {"ticket_id": "T-1"}, **body}
        asked = {name: value for name, value in whole.items() if value is not ...}
        return self.send("POST", "/v1/runs", who, json=asked, headers={"Idempotency-Key": key})

    def raw(self, content: Any, headers: Any = None) -> httpx.Response:
        """Start a run with these bytes."""
        given = {**_JSON, "Idempotency-Key": "bad"} if headers is None else headers
        return self.send("POST", "/v1/runs", content=content, headers=given)

    def decide(self, who: str = "approver", **body: Any) -> httpx.Response:
        known = {"decision": "approve", "action_digest": self.approval.action_digest}
        path = f"/v1/approvals/{self.approval.approval_id}/decision"
        return self.send("POST", path, who, json={**known, **body})

    def cancel(self, run_id: str = "", who: str = "caller", **body: Any) -> httpx.Response:
        path = f"/v1/runs/{run_id or self.approval.run_id}/cancel"
        return self.send("POST", path, who, json={"reason": "not needed", **body})

    def undo(self, run_id: str, who: str = "caller", /, **body: Any) -> httpx.Response:
        path = f"/v1/runs/{run_id}/undo"
        return self.send("POST", path, who, json=body, headers={"Idempotency-Key": "undo"})

    def switch(self, scope: str = "all", who: str = "operator", **body: Any) -> httpx.Response:
        return self.send("PUT", f"/v1/switches/{scope}", who, json={"stopped": True, "reason": "x", **body})

    def decode(self, *payloads: Any, who: str = "operator") -> httpx.Response:
        return self.send("POST", "/codec/decode", who, json={"payloads": payloads})

    def slack(self, payload: Any, *, age_s: int = 0, **changed: Any) -> httpx.Response:
        """An interaction; ``changed`` headers, of which None takes one away."""
        at_ms = self.served.world.clock.at_ms - age_s * 1_000
        body, headers = signed(payload, at_ms=at_ms)
        known = {**headers, **{name.replace("_", "-"): value for name, value in changed.items()}}
        sent = {name: value for name, value in known.items() if value is not None}
        return self.http.post("/slack/interactions", content=body, headers=sent)

    def click(self, **changed: Any) -> httpx.Response:
        return self.slack(press(self.approval, **changed))

    def form(self, **changed: Any) -> httpx.Response:
        """The form of a denial, sent off; ``changed``: of its view."""
        form = DenialForm(
            approval_id=self.approval.approval_id,
            action_digest=self.approval.action_digest,
            channel=CHANNEL,
            message_ts=CARD,
        )
        return self.slack(submission(form, **changed))


def _pairs(headers: Any) -> Sequence[tuple[Any, Any]]:
    return list(headers.items()) if isinstance(headers, Mapping) else list(headers)


def _chunks() -> Iterator[bytes]:
    for _ in range(BODY_LIMIT // 4_096 + 2):
        yield b" " * 4_096


def tokens(served: Served) -> dict[str, dict[str, str]]:
    """Good tokens of each kind, and every kind of bad one."""
    world = served.world
    claims: dict[str, Any] = {
        "kind": "caller",
        "sub": "svc:demo",
        "tenant": "acme",
        "env": "dev",
        "routes": ["*"],
    }
    registered = {**claims, "aud": Purpose.CALLERS.audience, "exp": int(time.time()) + 600, "iat": 1}
    head = {"typ": Purpose.CALLERS.typ, "kid": world.ring.kid(Purpose.CALLERS)}
    public = world.ring.public_key(Purpose.CALLERS).public_bytes(Encoding.Raw, PublicFormat.Raw)
    good = world.token(**claims)
    return {
        "nobody": {},
        "caller": bearer(good),
        "approver": world.approver(),
        "operator": world.operator(),
        "globex": world.caller("globex"),
        "acme operator": world.operator("acme"),
        "narrow": world.caller(routes=["support/other"]),
        "expired": world.caller(exp=1_700_000_000),
        "of prod": world.caller(env="prod"),
        "without tenant": bearer(world.token(**claims | {"tenant": None})),
        "of no kind": world.caller(kind="admin"),
        "of no routes": world.caller(routes=[]),
        "without end": bearer(world.signer.sign(Purpose.CALLERS, claims)),
        "unsigned": bearer(jwt.encode(registered, "", algorithm="none", headers=head)),
        "public key as secret": bearer(_hs256(registered, public, head)),
        "other typ": bearer(_signed_as(served, registered, {**head, "typ": "JWT"})),
        "other aud": bearer(_signed_as(served, {**registered, "aud": "interlock:tools"}, head)),
        "capability": bearer(world.token(purpose=Purpose.CAPABILITY, **claims)),
        "cut": bearer(good[:-9]),
        "basic": {"Authorization": "Basic c3ZjOmRlbW8="},
        "endless": bearer("a" * 9_000),
    }


def _hs256(claims: Mapping[str, Any], secret: bytes, head: Mapping[str, Any]) -> str:
    parts = [{"alg": "HS256", **head}, dict(claims)]
    text = ".".join(_b64(json.dumps(part).encode()) for part in parts)
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(text.encode(), secret)
    return f"{text}.{_b64(signature)}"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _signed_as(served: Served, claims: Mapping[str, Any], head: Mapping[str, Any]) -> str:
    return jwt.encode(dict(claims), served.world.keys[Purpose.CALLERS], algorithm="EdDSA", headers=dict(head))


Send: TypeAlias = Callable[[Setting], httpx.Response]


def _by(who: str) -> Send:
    return lambda s: s.get("/v1/runs", who)


REFUSED: Final = (
    "nobody",
    "expired",
    "of prod",
    "unsigned",
    "public key as secret",
    "other typ",
    "other aud",
    "capability",
    "without tenant",
    "of no kind",
    "of no routes",
    "without end",
    "cut",
    "basic",
    "endless",
)
"""Tokens that open nothing."""

_TOKENS: Final[Mapping[str, Send]] = {
    **{f"token {who}": _by(who) for who in REFUSED},
    "two tokens": lambda s: s.send("GET", "/v1/runs", headers=s.tokens["caller"]),
    "route not in the token": lambda s: s.start("narrow"),
    "approver starts": lambda s: s.start("approver"),
    "operator starts": lambda s: s.start("operator"),
    "caller decides": lambda s: s.decide("caller"),
    "operator decides": lambda s: s.decide("operator"),
    "caller reads the audit": lambda s: s.get("/v1/audit?tenant=acme"),
    "approver reads runs": lambda s: s.get("/v1/runs", "approver"),
    "tenant's operator stops all": lambda s: s.switch(who="acme operator"),
    "tenant's operator decodes": lambda s: s.decode(who="acme operator"),
    "tenant's operator reads another's audit": lambda s: s.get("/v1/audit?tenant=globex", "acme operator"),
}

_BODIES: Final[Mapping[str, Send]] = {
    "empty body": lambda s: s.raw(b""),
    "no JSON": lambda s: s.raw(b"route=support/close"),
    "cut JSON": lambda s: s.raw(b'{"route":'),
    "more than one value": lambda s: s.raw(b"{} {}"),
    "array": lambda s: s.raw(b"[]"),
    "nothing": lambda s: s.raw(b"null"),
    "text": lambda s: s.raw(b'"start"'),
    "in UTF-16": lambda s: s.raw('{"route":"support/close"}'.encode("utf-16")),
    "byte order mark": lambda s: s.raw(b"\xef\xbb\xbf{}"),
    "in Latin-1": lambda s: s.raw('{"route":"ü"}'.encode("latin-1")),
    "key twice": lambda s: s.raw(b'{"route":"support/close","route":"a","input":{}}'),
    "key twice inside": lambda s: s.raw(b'{"input":{"ticket_id":"T-1","ticket_id":"T-2"}}'),
    "NaN": lambda s: s.raw(b'{"route":"support/close","input":{"n":NaN}}'),
    "Infinity": lambda s: s.raw(b'{"route":"support/close","input":{"n":-Infinity}}'),
    "float beyond all": lambda s: s.raw(b'{"route":"support/close","input":{"n":1e400}}'),
    "integer of 5000 digits": lambda s: s.raw(b'{"input":' + b"9" * 5_000 + b"}"),
    "integer beyond 2^53": lambda s: s.start(input={"ticket_id": 2**53}),
    "lone surrogate": lambda s: s.raw(b'{"route":"support/close","input":{"ticket_id":"\\ud800"}}'),
    "lone surrogate in a key": lambda s: s.raw(b'{"route":"support/close","input":{"\\udfff":1}}'),
    "lone surrogate unknown key": lambda s: s.raw(b'{"\\udfff":1}'),
    "nested to the bottom": lambda s: s.raw(b"[" * 100_000),
    "nested in the input": lambda s: s.raw(
        b'{"route":"support/close","input":{"a":' + b"[" * 90 + b"]" * 90 + b"}}"
    ),
    "too long": lambda s: s.raw(b" " * (BODY_LIMIT + 1)),
    "too long in chunks": lambda s: s.raw(_chunks()),
    "too long an input": lambda s: s.start(input={"ticket_id": "x" * BODY_LIMIT}),
    "no content type": lambda s: s.raw(b"{}", {"Idempotency-Key": "bad"}),
    "form": lambda s: s.raw(
        b"{}", {"Idempotency-Key": "bad", "Content-Type": "application/x-www-form-urlencoded"}
    ),
    "other text in JSON": lambda s: s.raw(b"{}", {"Idempotency-Key": "bad", "Content-Type": "text/x+json"}),
    "text/json": lambda s: s.raw(b"{}", {"Idempotency-Key": "bad", "Content-Type": "text/json"}),
}

_STARTS: Final[Mapping[str, Send]] = {
    "unknown route": lambda s: s.start(route="support/none"),
    "route that is no name": lambda s: s.start(route="../../etc/passwd"),
    "route too long": lambda s: s.start(route="a" * 201),
    "no route": lambda s: s.start(route=...),
    "no input": lambda s: s.start(input=...),
    "tenant in the body": lambda s: s.start(tenant="globex"),
    "environment in the body": lambda s: s.start(env="prod"),
    "key that is a pointer": lambda s: s.start(**{"a/b~c": 1}),
    "key that drives a terminal": lambda s: s.start(**{"\x1b[2J": 1}),
    "input that is a list": lambda s: s.start(input=[]),
    "input lacks a key": lambda s: s.start(input={}),
    "input of another type": lambda s: s.start(input={"ticket_id": 5}),
    "input too long for the route": lambda s: s.start(input={"ticket_id": "x" * 65}),
    "input with an unknown key": lambda s: s.start(input={"ticket_id": "T-1", "tenant": "globex"}),
    "script where the model is not scripted": lambda s: s.start(input={"ticket_id": "T-1", "script": []}),
    "on behalf of no subject": lambda s: s.start(on_behalf_of="ada"),
    "on behalf of a list": lambda s: s.start(on_behalf_of=["user:ada"]),
    "on behalf of a NUL": lambda s: s.start(on_behalf_of="user:a\u0000"),
    "steps wider": lambda s: s.start(budgets={"steps": 26}),
    "seconds wider": lambda s: s.start(budgets={"seconds": 61}),
    "dollars wider": lambda s: s.start(budgets={"usd": "1.000000001"}),
    "denials wider": lambda s: s.start(budgets={"denials": 4}),
    "no steps": lambda s: s.start(budgets={"steps": 0}),
    "negative seconds": lambda s: s.start(budgets={"seconds": -1}),
    "negative dollars": lambda s: s.start(budgets={"usd": "-1"}),
    "negative denials": lambda s: s.start(budgets={"denials": -1}),
    "float of steps": lambda s: s.start(budgets={"steps": 2.0}),
    "float of dollars": lambda s: s.start(budgets={"usd": 0.5}),
    "text of steps": lambda s: s.start(budgets={"steps": "2"}),
    "truth of steps": lambda s: s.start(budgets={"steps": True}),
    "dollars that are no number": lambda s: s.start(budgets={"usd": "NaN"}),
    "unknown budget": lambda s: s.start(budgets={"tokens": 1}),
    "budgets that are a list": lambda s: s.start(budgets=[]),
    "no key": lambda s: s.raw(b"{}", _JSON),
    "empty key": lambda s: s.start("caller", ""),
    "key with a space": lambda s: s.start("caller", "a b"),
    "key of 256": lambda s: s.start("caller", "k" * 256),
    "key beyond ASCII": lambda s: s.raw(
        b'{"route":"support/close","input":{}}', [*_JSON.items(), (b"Idempotency-Key", "ü".encode())]
    ),
    "two keys": lambda s: s.raw(
        b'{"route":"support/close","input":{"ticket_id":"T-1"}}',
        [*_JSON.items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "a")],
    ),
    "same key, other body": lambda s: s.start("caller", "k-1", input={"ticket_id": "T-2"}),
    "query on a start": lambda s: s.send(
        "POST",
        "/v1/runs?tenant=globex",
        json={"route": "support/close", "input": {"ticket_id": "T-1"}},
        headers={"Idempotency-Key": "bad"},
    ),
}

_READING: Final[Mapping[str, Send]] = {
    "no such run": lambda s: s.get(f"/v1/runs/{_NO_RUN}"),
    "another tenant's run": lambda s: s.get(f"/v1/runs/{s.foreign}"),
    "run of a route not in the token": lambda s: s.get(f"/v1/runs/{s.ended}", "narrow"),
    "run id that is a path": lambda s: s.get("/v1/runs/..%2F..%2Fetc%2Fpasswd"),
    "run id of a kilobyte": lambda s: s.get("/v1/runs/run_" + "a" * 1_000),
    "run id with a NUL": lambda s: s.get("/v1/runs/run_%00"),
    "run id beyond ASCII": lambda s: s.get("/v1/runs/run_%C3%BC"),
    "run id with a quote": lambda s: s.get("/v1/runs/run_'%20OR%201=1"),
    "wait too long": lambda s: s.get(f"/v1/runs/{s.ended}?wait=61"),
    "wait negative": lambda s: s.get(f"/v1/runs/{s.ended}?wait=-1"),
    "wait no number": lambda s: s.get(f"/v1/runs/{s.ended}?wait=soon"),
    "wait twice, once encoded": lambda s: s.get(f"/v1/runs/{s.ended}?wait=0&%77ait=60"),
    "wait twice": lambda s: s.get(f"/v1/runs/{s.ended}?wait=0&wait=60"),
    "unknown state": lambda s: s.get("/v1/runs?state=done"),
    "unknown filter": lambda s: s.get("/v1/runs?tennant=acme"),
    "cursor that is nonsense": lambda s: s.get("/v1/runs?cursor=nonsense"),
    "cursor with a sign": lambda s: s.get("/v1/runs?cursor=!"),
    "cursor of the audit": lambda s: s.get("/v1/runs?cursor=WzEwMF0"),
    "cursor of the runs": lambda s: s.get("/v1/audit?tenant=acme&cursor=WzEsInJ1bl8xIl0", "operator"),
    "audit without a tenant": lambda s: s.get("/v1/audit", "operator"),
    "audit since no time": lambda s: s.get("/v1/audit?tenant=acme&since=yesterday", "operator"),
    "audit since a time without a zone": lambda s: s.get(
        "/v1/audit?tenant=acme&since=2026-01-01T00:00:00", "operator"
    ),
    "audit since a number": lambda s: s.get("/v1/audit?tenant=acme&since=1700000000", "operator"),
    "audit of a run that is none": lambda s: s.get("/v1/audit?run_id=..", "operator"),
    "unknown state of approvals": lambda s: s.get("/v1/approvals?state=done", "approver"),
    "query on switches": lambda s: s.get("/v1/switches?tenant=acme", "operator"),
    "outbox that is dead perhaps": lambda s: s.get("/v1/outbox?dead=perhaps", "operator"),
    "cursor of the audit on the outbox": lambda s: s.get("/v1/outbox?cursor=WzEwMF0", "operator"),
    "unknown path": lambda s: s.get("/v1/nowhere"),
    "path with a slash more": lambda s: s.get("/v1/runs/"),
    "method not allowed": lambda s: s.send("DELETE", "/v1/runs"),
    "method that nobody knows": lambda s: s.send("BREW", f"/v1/runs/{s.ended}"),
}

_ACTING: Final[Mapping[str, Send]] = {
    "retry of nothing": lambda s: s.send("POST", "/v1/outbox/card:apr_0/retry", "operator"),
    "retry of no letter's id": lambda s: s.send("POST", "/v1/outbox/..%2Fruns/retry", "operator"),
    "retry by a caller": lambda s: s.send("POST", "/v1/outbox/card:apr_0/retry"),
    "decision with another digest": lambda s: s.decide(action_digest=_DIGEST),
    "decision with no digest": lambda s: s.decide(action_digest="abc"),
    "unknown decision": lambda s: s.decide(decision="maybe"),
    "decision with a longer reason": lambda s: s.decide(reason="x" * 501),
    "decision with an empty reason": lambda s: s.decide(reason=""),
    "decision with a reason of two lines": lambda s: s.decide(reason="a\nb"),
    "decision with an unknown key": lambda s: s.decide(principal="principal:grace"),
    "decision on nothing": lambda s: s.send(
        "POST",
        "/v1/approvals/apr_0/decision",
        "approver",
        json={"decision": "approve", "action_digest": _DIGEST},
    ),
    "approval id that is a path": lambda s: s.get("/v1/approvals/..%2Fruns", "approver"),
    "cancel without a reason": lambda s: s.cancel(reason=""),
    "cancel with an unknown key": lambda s: s.cancel(force=True),
    "cancel of another tenant's": lambda s: s.cancel(s.foreign),
    "cancel of what has ended": lambda s: s.cancel(s.ended),
    "undo with arguments": lambda s: s.undo(s.ended, arguments={"ticket_id": "T-9"}),
    "undo of a list that is empty": lambda s: s.undo(s.ended, actions=[]),
    "undo of too many": lambda s: s.undo(s.ended, actions=["k"] * 17),
    "undo of a key with a line break": lambda s: s.undo(s.ended, actions=["a\nb"]),
    "undo of a key that is none": lambda s: s.undo(s.ended, actions=["no:such:key"]),
    "undo of what wrote nothing": lambda s: s.undo(s.ended),
    "undo of what is open": lambda s: s.undo(s.approval.run_id),
    "undo of another tenant's": lambda s: s.undo(s.foreign),
    "undo by an operator": lambda s: s.undo(s.ended, "operator"),
    "undo by who may not use the route": lambda s: s.undo(s.ended, "narrow"),
    "switch of an unknown scope": lambda s: s.switch("everything"),
    "switch of a scope that is a path": lambda s: s.switch("..%2Fruns"),
    "switch until the past": lambda s: s.switch(until="2020-01-01T00:00:00Z"),
    "switch until a time without a zone": lambda s: s.switch(until="2099-01-01T00:00:00"),
    "switch until a number": lambda s: s.switch(until=4_102_444_800),
    "switch until a number in text": lambda s: s.switch(until="4102444800"),
    "switch lifted until": lambda s: s.switch(stopped=False, until="2099-01-01T00:00:00Z"),
    "switch without a reason": lambda s: s.switch(reason=""),
    "switch that is text": lambda s: s.switch(stopped="yes"),
    "switch with an unknown key": lambda s: s.switch(actor="op:other"),
    "payload of another key": lambda s: s.decode(
        {"metadata": {"encoding": "YmluYXJ5L290aGVy"}, "data": "AAAA"}
    ),
    "payload not in base64": lambda s: s.decode({"metadata": {}, "data": "*"}),
    "payload that is text": lambda s: s.decode("AAAA"),
}

_SLACK: Final[Mapping[str, Send]] = {
    "interaction unsigned": lambda s: s.slack({}, X_Slack_Signature=None),
    "interaction without a time": lambda s: s.slack({}, X_Slack_Request_Timestamp=None),
    "interaction with a time that is none": lambda s: s.slack({}, X_Slack_Request_Timestamp="now"),
    "interaction signed by another": lambda s: s.slack({}, X_Slack_Signature="v0=" + "0" * 64),
    "interaction of ten minutes ago": lambda s: s.slack({}, age_s=600),
    "interaction as JSON": lambda s: s.slack({}, Content_Type="application/json"),
    "interaction that is no JSON": lambda s: s.slack("{"),
    "interaction that is a list": lambda s: s.slack("[]"),
    "interaction with a key twice": lambda s: s.slack('{"type":"a","type":"b"}'),
    "interaction of another workspace": lambda s: s.click(team={"id": "T0OTHER"}, actions=[]),
    "button with a value that is none": lambda s: s.click(
        actions=[{"action_id": "interlock.approve", "value": "apr_1"}]
    ),
    "two buttons at once": lambda s: s.click(actions=[{"action_id": "interlock.approve", "value": "x"}] * 2),
    "form that is none of ours": lambda s: s.form(callback_id="other"),
    "form that names no action": lambda s: s.form(private_metadata="{}"),
    "form of another app": lambda s: s.form(app_id="A0OTHER"),
    "slack by GET": lambda s: s.http.get("/slack/interactions"),
}

CASES: Final[Mapping[str, Send]] = {**_TOKENS, **_BODIES, **_STARTS, **_READING, **_ACTING, **_SLACK}
"""By name; their answers are in bad_input.yaml."""
