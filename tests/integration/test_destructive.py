"""A destructive action on a real store: two people, a passkey, and what stolen keys are worth."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.schema import approvals, decisions
from adapters.tokens import JwtSigner
from contracts.approval import Answer, ApprovalState, Click, Refusal, Ruled
from contracts.passkey import Assertion
from contracts.run import Outcome
from contracts.tokens import Grant, Purpose
from tests.integration.approved_write import Case, waiting
from tests.integration.test_gateway_world import ENV, PAGES, PEOPLE, PURGE, SIGNING, press, problem, signed


@asynccontextmanager
async def purging(store_url: str) -> AsyncIterator[Case]:
    """A destructive action that waits for two people."""
    async with waiting(store_url, spec=PURGE) as case:
        yield case


def sign(case: Case, name: str, **changed: Any) -> Assertion:
    """That person's device signs the action."""
    return SIGNING[name].sign(case.frozen.digest(), PAGES, **changed)


async def on_page(case: Case, name: str, assertion: Assertion | None = None, **keys: Any) -> Ruled:
    """A decision on the full page."""
    known: dict[str, Any] = {
        "approval_id": case.approval_id,
        "action_digest": case.frozen.digest(),
        "answer": Answer.APPROVE,
        "principal": f"principal:{name}",
        "way": "page",
        "reason": "",
        "at_ms": case.world.clock.now_ms(),
        "assertion": assertion,
    }
    return await case.world.parts.desk.decide(Click(**{**known, **keys}))


async def in_slack(case: Case, name: str) -> None:
    """A click on the card."""
    approval = await case.world.approvals.get(case.approval_id)
    body, headers = signed(press(approval, name), at_ms=case.world.clock.at_ms)
    answer = await case.world.http.post("/slack/interactions", content=body, headers=headers)
    assert answer.status_code == 200


async def state(case: Case) -> ApprovalState:
    return (await case.world.approvals.get(case.approval_id)).state


async def forged(case: Case, signer: JwtSigner, claims: Mapping[str, Any], role: str = "gateway") -> None:
    """A decision that somebody with a signing key and a role's database login writes by themselves."""
    grant = Grant.read(dict(claims))

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(
            insert(decisions).values(
                grant_id=grant.jti,
                approval_id=case.approval_id,
                approver=grant.approver,
                decision=grant.decision,
                token=signer.sign(Purpose.GRANT, grant.claims()),
                at_ms=grant.at_ms,
            )
        )
        await connection.execute(
            update(approvals)
            .where(approvals.c.approval_id == case.approval_id)
            .values(state=ApprovalState.APPROVED)
        )

    await case.world.stores[role].write(work)


async def made_up(case: Case, name: str, **changed: Any) -> dict[str, Any]:
    """A grant's claims, all of them right, and nobody's."""
    first = await case.world.approvals.get(case.approval_id)
    known = {
        "jti": f"gr_{secrets.token_hex(12)}",
        "approval_id": case.approval_id,
        "action_digest": case.frozen.digest(),
        "run_id": case.frozen.run_id,
        "tenant": first.tenant,
        "env": ENV,
        "approver": f"principal:{name}",
        "decision": "approve",
        "way": "page",
        "at_ms": case.world.clock.now_ms(),
        "epoch": "",
    }
    return {**known, **changed}


async def test_two_people_and_a_passkey_carry_it(store_url: str) -> None:
    """One clicks, the other signs on the page; the claim sends."""
    async with purging(store_url) as case:
        await in_slack(case, "ada")
        assert await state(case) is ApprovalState.WAITING
        ruled = await on_page(case, "grace", sign(case, "grace"))
        assert ruled.refusal is None
        assert await state(case) is ApprovalState.APPROVED
        assert (await case.claim()).say == "send"


async def test_the_passkey_may_come_first(store_url: str) -> None:
    """In any order: the second needs none then."""
    async with purging(store_url) as case:
        assert (await on_page(case, "grace", sign(case, "grace"))).refusal is None
        assert await case.answer("approve", "ada") == 200
        assert (await case.claim()).say == "send"


@pytest.mark.parametrize("way", ["slack", "http", "page"])
async def test_the_last_approval_takes_a_passkey_in_every_way(store_url: str, way: str) -> None:
    """A click, and a decision over HTTP or on the page without a signature, say where to sign."""
    async with purging(store_url) as case:
        await in_slack(case, "ada")
        match way:
            case "slack":
                await in_slack(case, "grace")
            case "http":
                body = {"decision": "approve", "action_digest": case.frozen.digest()}
                path = f"/v1/approvals/{case.approval_id}/decision"
                answer = await case.world.http.post(path, json=body, headers=case.world.approver("grace"))
                assert problem(answer) == (403, "forbidden")
                assert "open the full page" in answer.json()["detail"]
            case _:
                assert (await on_page(case, "grace")).refusal is Refusal.NEEDS_PASSKEY
        assert await state(case) is ApprovalState.WAITING
        assert await case.world.outcomes(case.approval_id) == [
            ("run", "asked"),
            ("principal:ada", "approve"),
            ("principal:grace", "refused:needs_passkey"),
        ]


async def test_one_person_is_one_in_every_way(store_url: str) -> None:
    """A click in Slack and a signature on the page by the same person are one approval."""
    async with purging(store_url) as case:
        await in_slack(case, "ada")
        ruled = await on_page(case, "ada", sign(case, "ada"))
        assert ruled.refusal is Refusal.REPEATED
        assert await state(case) is ApprovalState.WAITING


async def test_a_signature_is_of_the_person_who_decides(store_url: str) -> None:
    """Neither another's passkey nor another's name beside one's own signature."""
    async with purging(store_url) as case:
        await in_slack(case, "ada")
        for signature in (sign(case, "ada"), sign(case, "mallory")):
            assert (await on_page(case, "grace", signature)).refusal is Refusal.BAD_PASSKEY
        other = SIGNING["grace"].sign("sha256:" + "0" * 64, PAGES)
        assert (await on_page(case, "grace", other)).refusal is Refusal.BAD_PASSKEY
        elsewhere = SIGNING["grace"].sign(case.frozen.digest(), "http://localhost.evil.example:7710")
        assert (await on_page(case, "grace", elsewhere)).refusal is Refusal.BAD_PASSKEY
        assert await state(case) is ApprovalState.WAITING


async def test_a_bad_signature_is_refused_for_a_plain_write_too(store_url: str) -> None:
    """What is presented as proof has to be one, needed or not."""
    async with waiting(store_url) as case:
        ruled = await on_page(case, "grace", sign(case, "ada"))
        assert ruled.refusal is Refusal.BAD_PASSKEY


async def test_the_grant_key_alone_never_carries_it(store_url: str) -> None:
    """With the grant key and the gateway's database login, two made-up people send nothing."""
    async with purging(store_url) as case:
        for name in ("ada", "grace"):
            await forged(case, case.world.signer, await made_up(case, name))
        claim = await case.claim()
        assert (claim.say, claim.outcome) == ("refused", Outcome.REJECTED)
        assert "no passkey" in claim.sentence


@pytest.mark.parametrize("lie", ["another person's", "another action's", "another site's", "nobody's"])
async def test_the_grant_key_vouches_for_no_signature(store_url: str, lie: str) -> None:
    """A made-up grant with a passkey's signature that does not hold at the tool worker counts without it."""
    async with purging(store_url) as case:
        signature = {
            "another person's": sign(case, "ada"),
            "another action's": SIGNING["grace"].sign("sha256:" + "0" * 64, PAGES),
            "another site's": SIGNING["grace"].sign(case.frozen.digest(), "http://localhost:1"),
            "nobody's": replace(sign(case, "grace"), signature="AAAA"),
        }[lie]
        await in_slack(case, "ada")
        claims = await made_up(case, "grace", assertion=signature.document())
        await forged(case, case.world.signer, claims)
        claim = await case.claim()
        assert (claim.say, claim.outcome) == ("refused", Outcome.REJECTED)


async def test_a_real_signature_with_another_person_s_forged_grant_is_what_the_grant_key_is_worth(
    store_url: str,
) -> None:
    """The threat model's line: the grant key makes the first of the two; the passkey takes its person."""
    async with purging(store_url) as case:
        await forged(case, case.world.signer, await made_up(case, "ada"))
        await forged(
            case, case.world.signer, await made_up(case, "grace", assertion=sign(case, "grace").document())
        )
        assert (await case.claim()).say == "send"


async def test_the_grant_key_carries_a_plain_write(store_url: str) -> None:
    """So the threat model says: with it and the database, whoever has it approves what is not destructive."""
    async with waiting(store_url) as case:
        await forged(case, case.world.signer, await made_up(case, "ada"))
        assert (await case.claim()).say == "send"


async def test_a_passkey_that_left_the_people_file_counts_no_more(store_url: str) -> None:
    """Revoked between the signature and the write: the tool worker reads the file in force."""
    async with purging(store_url) as case:
        await in_slack(case, "ada")
        assert (await on_page(case, "grace", sign(case, "grace"))).refusal is None
        revoked = tuple(
            replace(one, passkeys=()) if one.principal == "principal:grace" else one for one in PEOPLE.people
        )
        people = replace(PEOPLE, people=revoked)
        documents = case.world.documents
        await documents.publish(ENV, "people", "people", people.document(), actor="op:test")
        assert (await case.claim()).say == "refused"


async def test_a_withdrawn_signature_counts_no_more(store_url: str) -> None:
    """Who signed takes it back until the claim; another signature is needed then."""
    async with purging(store_url) as case:
        await on_page(case, "grace", sign(case, "grace"))
        assert (await on_page(case, "grace", answer=Answer.WITHDRAW)).refusal is None
        await in_slack(case, "ada")
        assert (await on_page(case, "grace", sign(case, "grace"))).refusal is Refusal.REPEATED
        assert await state(case) is ApprovalState.WAITING
        assert (await case.claim()).say == "refused"
