"""Attacks on a decision that are only seen where several parts meet: delegation, standing, foreign grants.

Those on Slack's signature, place and value are in ``test_gateway_decisions.py``; on the page's session in
``tests/integration/pages``; with a passkey in ``test_destructive.py``; by Temporal alone in
``tests/acceptance/test_no_write_without_approval.py``.
"""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.keys import SigningKey, thumbprint
from adapters.tokens import JwtSigner
from contracts.approval import ApprovalRecord
from contracts.errors import PermissionRefused
from contracts.run import Outcome
from contracts.tokens import Purpose
from contracts.tool import ToolSpec
from tests.integration.approved_write import waiting
from tests.integration.test_destructive import forged, made_up
from tests.integration.test_gateway_world import CLOSE, ENV, PEOPLE, PURGE, World, opened, problem

ACT: dict[str, Any] = {"sub": "svc:router", "act": {"sub": "svc:triage", "act": {"sub": "user:grace"}}}


async def answered(world: World, approval: ApprovalRecord, name: str) -> Any:
    body = {"decision": "approve", "action_digest": approval.action_digest}
    path = f"/v1/approvals/{approval.approval_id}/decision"
    return await world.http.post(path, json=body, headers=world.approver(name))


@pytest.mark.parametrize("name", ["ada", "grace"])
async def test_nobody_of_the_delegation_chain_approves(store_url: str, name: str) -> None:
    """The token's subject (RFC 8693) and a prior actor, behind two services, are the requester too."""
    async with opened(store_url) as world:
        headers = world.caller(sub="user:ada", act=ACT)
        approval = await world.asked(headers, on_behalf_of="user:mallory")
        answer = await answered(world, approval, name)
        assert problem(answer) == (403, "forbidden")
        assert answer.json()["refusal"] == "requester"
        assert approval.delegation == ("user:ada", "svc:triage", "user:grace")
        assert (approval.caller, approval.on_behalf_of) == ("svc:router", "user:mallory")


async def test_a_delegated_token_acts_for_its_subject(store_url: str) -> None:
    """Where the body names nobody, the run acts for the token's subject, and its actor started it."""
    async with opened(store_url) as world:
        approval = await world.asked(world.caller(sub="user:ada", act={"sub": "svc:router"}))
        assert (approval.caller, approval.on_behalf_of) == ("svc:router", "user:ada")
        assert (await answered(world, approval, "ada")).json()["refusal"] == "requester"
        assert (await answered(world, approval, "grace")).status_code == 200


async def test_a_subject_further_up_that_nobody_knows_means_no_writes(store_url: str) -> None:
    """Who is not exactly one person of the people file might be the approver."""
    async with opened(store_url) as world:
        chain = {"sub": "svc:router", "act": {"sub": "user:nobody"}}
        approval = await world.asked(world.caller(sub="user:mallory", act=chain))
        answer = await answered(world, approval, "grace")
        assert "acts for user:nobody" in answer.json()["detail"]


async def test_another_chain_under_the_same_key_is_another_request(store_url: str) -> None:
    """The same caller, key and body for somebody else never gets the first one's run."""
    async with opened(store_url) as world:
        first = world.caller(sub="user:ada", act={"sub": "svc:router"})
        second = world.caller(sub="user:grace", act={"sub": "svc:router"})
        assert (await world.start(first)).status_code == 202
        assert (await world.start(first)).status_code == 200
        assert problem(await world.start(second)) == (422, "idempotency-key-reused")


@pytest.mark.parametrize("kind", ["approver", "operator"])
async def test_only_callers_act_for_somebody(store_url: str, kind: str) -> None:
    """A person decides as themselves: an approver's or operator's delegated token is refused."""
    async with opened(store_url) as world:
        approval = await world.asked()
        headers = {"approver": world.approver, "operator": world.operator}[kind](act={"sub": "principal:ada"})
        answer = await world.http.get(f"/v1/approvals/{approval.approval_id}", headers=headers)
        assert problem(answer) == (401, "unauthenticated")


async def test_a_chain_has_an_end(store_url: str) -> None:
    """A token whose actors are nested too deeply is refused."""
    act: dict[str, Any] = {"sub": "svc:a"}
    for _ in range(9):
        act = {"sub": "svc:a", "act": act}
    async with opened(store_url) as world:
        answer = await world.start(world.caller(sub="user:ada", act=act))
        assert problem(answer) == (401, "unauthenticated")


async def test_who_left_the_group_since_counts_no_more(store_url: str) -> None:
    """Removed between the click and the write: the claim asks the people file in force."""
    async with waiting(store_url) as case:
        assert await case.answer("approve") == 200
        left = tuple(
            replace(one, groups=()) if one.principal == "principal:ada" else one for one in PEOPLE.people
        )
        people = replace(PEOPLE, people=left)
        await case.world.documents.publish(ENV, "people", "people", people.document(), actor="op:test")
        claim = await case.claim()
        assert (claim.say, claim.outcome) == ("refused", Outcome.REJECTED)


async def test_a_decision_for_a_cancelled_run_is_409(store_url: str) -> None:
    """Neither while it is being cancelled nor after its end; and nothing is sent."""
    async with waiting(store_url) as case:
        path = f"/v1/runs/{case.frozen.run_id}/cancel"
        answer = await case.world.http.post(path, json={"reason": "no"}, headers=case.world.caller())
        assert answer.status_code == 202
        assert await case.answer("approve") == 409
        await case.end_run()
        assert await case.answer("approve", "grace") == 409
        assert (await case.claim()).say == "refused"


FOREIGN: dict[str, dict[str, Any]] = {
    "run": {"run_id": "run_other"},
    "action": {"action_digest": "sha256:" + "0" * 64},
    "approval": {"approval_id": "apr_0"},
    "tenant": {"tenant": "globex"},
    "environment": {"env": "prod"},
    "restored store": {"epoch": "ep_before"},
}


@pytest.mark.parametrize("change", FOREIGN.values(), ids=FOREIGN)
async def test_a_grant_of_another_thing_carries_nothing(store_url: str, change: dict[str, Any]) -> None:
    """A genuine signature over another run, action, approval, tenant, environment or store."""
    async with waiting(store_url) as case:
        await forged(case, case.world.signer, await made_up(case, "ada", **change))
        assert (await case.claim()).say == "refused"


async def test_a_grant_of_another_deployment_carries_nothing(store_url: str) -> None:
    """Every claim right, and signed by another deployment's grant key."""
    async with waiting(store_url) as case:
        await forged(case, _another(Purpose.GRANT), await made_up(case, "ada"))
        assert (await case.claim()).say == "refused"


@pytest.mark.parametrize("purpose", [each for each in Purpose if each is not Purpose.GRANT])
async def test_no_other_key_makes_a_grant(store_url: str, purpose: Purpose) -> None:
    """The capability key, the warrant key and every other: a decision signed with it counts for nothing."""
    async with waiting(store_url) as case:
        signer = JwtSigner([_signing(Purpose.GRANT, case.world.keys[purpose])])
        await forged(case, signer, await made_up(case, "ada"))
        assert (await case.claim()).say == "refused"


@pytest.mark.parametrize("spec", [CLOSE, PURGE], ids=["write", "destructive"])
async def test_no_capability_takes_an_approval_s_place(store_url: str, spec: ToolSpec) -> None:
    """Whoever holds the capability key mints one for the very action, and is refused: nobody approved."""
    async with waiting(store_url, spec=spec) as case:
        claim = await case.claim()
        assert (claim.say, claim.sentence) == ("refused", "its approval is waiting, not approved")


@pytest.mark.parametrize("role", ["agent", "broker", "tools"])
@pytest.mark.parametrize("spec", [CLOSE, PURGE], ids=["write", "destructive"])
async def test_a_worker_that_was_taken_over_approves_nothing(
    store_url: str, role: str, spec: ToolSpec
) -> None:
    """No grant key, and on PostgreSQL its login takes no decision: what it makes up counts for nothing."""
    async with waiting(store_url, spec=spec) as case:
        for name in ("ada", "grace"):
            with suppress(PermissionRefused):
                await forged(case, _another(Purpose.GRANT), await made_up(case, name), role)
        assert (await case.claim()).say == "refused"
        assert bool((await case.world.approvals.get(case.approval_id)).grants) is False


def _another(purpose: Purpose) -> JwtSigner:
    return JwtSigner([_signing(purpose, Ed25519PrivateKey.generate())])


def _signing(purpose: Purpose, key: Ed25519PrivateKey) -> SigningKey:
    return SigningKey(kid=thumbprint(key.public_key()), purpose=purpose, private=key)
