"""Laws of callers' tokens: without one that holds here nothing is read, and nobody sees another tenant."""

import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.tokens import Purpose
from tests.integration.test_gateway_world import bearer, opened, problem, route

_CLAIMS: dict[str, Any] = {
    "kind": "caller",
    "sub": "svc:demo",
    "tenant": "acme",
    "env": "dev",
    "routes": ["*"],
}


async def test_no_token_nothing(tmp_path: Path) -> None:
    """Every path that is not open answers 401 without a token, a path that does not exist too."""
    async with opened(tmp_path) as world:
        for method, path in (
            ("POST", "/v1/runs"),
            ("GET", "/v1/runs"),
            ("GET", "/v1/audit"),
            ("POST", "/codec/decode"),
            ("GET", "/v1/nothing"),
            ("GET", "/healthz/"),
        ):
            answer = await world.http.request(method, path)
            assert problem(answer) == (401, "unauthenticated"), path
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_forged_token_is_refused(tmp_path: Path) -> None:
    """Another key, the algorithm none, a changed payload and plain rubbish are 401."""
    async with opened(tmp_path) as world:
        good = world.token(**_CLAIMS)
        head, payload, signature = good.split(".")
        claims = {**_CLAIMS, "aud": Purpose.CALLERS.audience, "exp": int(time.time()) + 60}
        headers = {"typ": Purpose.CALLERS.typ, "kid": world.ring.kid(Purpose.CALLERS)}
        other_key = jwt.encode(claims, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers=headers)
        unsigned = jwt.encode(claims, "", algorithm="none", headers=headers)
        changed = ".".join((head, payload[:-2] + ("AA" if payload[-2:] != "AA" else "BB"), signature))
        for token in (other_key, unsigned, changed, "rubbish", f"{good}x", "a" * 9_000):
            assert problem(await world.http.get("/v1/runs", headers=bearer(token)))[0] == 401


@pytest.mark.parametrize("purpose", [purpose for purpose in Purpose if purpose is not Purpose.CALLERS])
async def test_a_token_of_another_purpose_is_refused(tmp_path: Path, purpose: Purpose) -> None:
    """A grant, a capability or a warrant with a caller's claims opens nothing."""
    async with opened(tmp_path) as world:
        token = world.token(purpose=purpose, **_CLAIMS)
        assert problem(await world.http.get("/v1/runs", headers=bearer(token)))[0] == 401


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": 1},
        {"env": "prod"},
        {"kind": "admin"},
        {"tenant": None},
        {"tenant": "*"},
        {"tenant": ""},
        {"tenant": "system"},
        {"kind": "operator", "sub": "op:local", "tenant": "system"},
        {"routes": []},
        {"routes": "support/close"},
        {"sub": "demo"},
        {"sub": "svc:de mo"},
        {"kind": "operator"},
        {"kind": "approver"},
        {"kind": "operator", "sub": "op:local", "tenant": None},
    ],
)
async def test_a_token_whose_claims_do_not_hold_here_is_refused(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    """Expired, of another environment, or with a claim that is none: 401, never a wider reading."""
    async with opened(tmp_path) as world:
        token = world.token(**{**_CLAIMS, **changed})
        assert problem(await world.http.get("/v1/runs", headers=bearer(token)))[0] == 401


async def test_a_token_without_an_end_is_refused(tmp_path: Path) -> None:
    """``exp`` is mandatory."""
    async with opened(tmp_path) as world:
        token = world.signer.sign(Purpose.CALLERS, _CLAIMS)
        assert problem(await world.http.get("/v1/runs", headers=bearer(token)))[0] == 401


async def test_two_authorization_headers_are_refused(tmp_path: Path) -> None:
    """Which of two tokens counts is never a matter of order."""
    async with opened(tmp_path) as world:
        token = world.token(**_CLAIMS)
        pairs = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]
        assert problem(await world.http.get("/v1/runs", headers=pairs))[0] == 401


async def test_each_kind_reaches_its_own_calls_only(tmp_path: Path) -> None:
    """Callers neither approve nor operate, approvers do not start, operators neither start nor approve."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        decision = f"/v1/approvals/{approval.approval_id}/decision"
        body = {"decision": "approve", "action_digest": approval.action_digest}
        for who, method, path, json in (
            (world.caller(), "GET", "/v1/approvals", None),
            (world.caller(), "POST", decision, body),
            (world.caller(), "GET", "/v1/switches", None),
            (world.caller(), "PUT", "/v1/switches/all", {"stopped": True, "reason": "x"}),
            (world.caller(), "GET", "/v1/audit?tenant=acme", None),
            (world.caller(), "POST", "/codec/decode", {"payloads": []}),
            (world.approver(), "GET", "/v1/runs", None),
            (world.approver(), "GET", "/v1/audit?tenant=acme", None),
            (world.approver(), "PUT", "/v1/switches/all", {"stopped": True, "reason": "x"}),
            (world.operator(), "POST", decision, body),
        ):
            assert problem(await world.http.request(method, path, headers=who, json=json)) == (
                403,
                "forbidden",
            )
        for who in (world.approver(), world.operator()):
            assert problem(await world.start(who, "k-2")) == (403, "forbidden")


async def test_another_tenants_run_is_as_absent_as_none(tmp_path: Path) -> None:
    """Reading and cancelling a foreign run gets, word for word, what an invented one gets."""
    async with opened(tmp_path) as world:
        run_id = (await world.start()).json()["run_id"]
        foreign = world.caller("globex")
        for path in ("/v1/runs/{}", "/v1/runs/{}?wait=1"):
            seen = await world.http.get(path.format(run_id), headers=foreign)
            none = await world.http.get(path.format("run_" + "0" * 24), headers=foreign)
            assert problem(seen) == problem(none) == (404, "not-found")
            assert seen.content == none.content
        cancel = await world.http.post(f"/v1/runs/{run_id}/cancel", headers=foreign, json={"reason": "x"})
        assert problem(cancel) == (404, "not-found")
        for path in ("/v1/runs", "/v1/runs?tenant=acme"):
            assert (await world.http.get(path, headers=foreign)).json() == {"runs": [], "cursor": None}


async def test_a_token_for_one_route_sees_that_route_alone(tmp_path: Path) -> None:
    """A run of a route that the token does not name can't be started, read or listed."""
    async with opened(tmp_path, route(), route("support/other")) as world:
        run_id = (await world.start()).json()["run_id"]
        narrow = world.caller(routes=["support/other"])
        assert problem(await world.start(narrow, "k-2")) == (403, "forbidden")
        assert problem(await world.http.get(f"/v1/runs/{run_id}", headers=narrow)) == (404, "not-found")
        assert (await world.http.get("/v1/runs", headers=narrow)).json()["runs"] == []
        listed = await world.http.get("/v1/runs?route=support/close", headers=narrow)
        assert listed.json()["runs"] == []


async def test_another_tenants_approval_is_absent(tmp_path: Path) -> None:
    """Approvers see the approvals of their tenants; of others neither the list nor the id says anything."""
    async with opened(tmp_path) as world:
        approval = await world.asked()
        path = f"/v1/approvals/{approval.approval_id}"
        for who in (
            world.approver("linus"),
            world.approver("ada", tenant="globex"),
            world.operator("globex"),
        ):
            assert problem(await world.http.get(path, headers=who)) == (404, "not-found")
            assert (await world.http.get("/v1/approvals", headers=who)).json()["approvals"] == []
        assert (await world.http.get(path, headers=world.approver("ada"))).status_code == 200
        assert len((await world.http.get("/v1/approvals", headers=world.operator())).json()["approvals"]) == 1
