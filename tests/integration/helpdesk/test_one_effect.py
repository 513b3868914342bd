"""One effect for each key, whoever races."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.integration.helpdesk.conftest import _fresh
from tests.integration.helpdesk.served import TOKENS, Served, problem_of


def test_a_key_has_one_effect_and_one_answer(desk: Served, ticket: str) -> None:
    """The same request under the same key is answered from memory, byte for byte, at whatever version."""
    with desk.as_("acme-read") as client:
        etag = client.get(f"/tickets/{ticket}").headers["etag"]
    headers = {"If-Match": etag, "Idempotency-Key": f"once:{ticket}"}
    first = desk.close(ticket, headers=headers)
    desk.control("POST", f"touch/{ticket}")
    second = desk.close(ticket, headers=headers)
    assert (first.status_code, second.status_code) == (200, 200)
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert (second.content, second.headers["etag"]) == (first.content, first.headers["etag"])
    assert desk.executions(f"once:{ticket}") == 1


def test_a_key_means_one_request_only(desk: Served, ticket: str) -> None:
    """The same key with another body, operation or ticket is refused and does nothing."""
    headers = {"If-Match": "*", "Idempotency-Key": f"mine:{ticket}"}
    assert desk.close(ticket, headers=headers).status_code == 200
    problem_of(desk.close(ticket, headers=headers, json={"reason": "Other."}), 422, "key-reused")
    problem_of(desk.close(_fresh(desk, "open"), headers=headers), 422, "key-reused")
    with desk.as_("acme-write") as client:
        answer = client.post(f"/tickets/{ticket}/reopen", json={"reason": "Solved."}, headers=headers)
    problem_of(answer, 422, "key-reused")
    assert desk.executions(f"mine:{ticket}") == 1


def test_a_key_is_its_tenants_own(desk: Served, ticket: str) -> None:
    """Two tenants may use one key without noticing each other; neither sees the other's write."""
    headers = {"If-Match": "*", "Idempotency-Key": f"shared:{ticket}"}
    with desk.as_("globex-read") as client:
        theirs = client.get("/tickets", params={"status": "open"}).json()["tickets"][0]["id"]
    assert desk.close(ticket, headers=headers).status_code == 200
    answer = desk.close(theirs, who="globex-write", headers=headers)
    assert answer.status_code == 200
    assert "idempotency-replayed" not in answer.headers
    for who, expected in (("acme-read", ticket), ("globex-read", theirs)):
        with desk.as_(who) as client:
            found = client.get("/writes", params={"key": f"shared:{ticket}"}).json()["writes"]
        assert [one["ticket"] for one in found] == [expected]


async def test_twenty_racers_with_one_key_have_one_effect(desk: Served, ticket: str) -> None:
    """Of 20 requests at once with one key one is executed; the others are replayed or told to wait."""
    headers = {
        "Authorization": f"Bearer {TOKENS['acme-write']}",
        "If-Match": "*",
        "Idempotency-Key": f"race:{ticket}",
    }
    async with httpx.AsyncClient(base_url=desk.address, headers=headers, timeout=20) as client:
        answers = await asyncio.gather(
            *(client.post(f"/tickets/{ticket}/close", json={"reason": "Solved."}) for _ in range(20))
        )
    executed = [
        one for one in answers if one.status_code == 200 and "idempotency-replayed" not in one.headers
    ]
    assert len(executed) == 1
    assert {one.status_code for one in answers} <= {200, 409}
    assert {one.json()["type"] for one in answers if one.status_code == 409} <= {
        "urn:helpdesk:problem:in-flight"
    }
    assert desk.executions(f"race:{ticket}") == 1


async def test_twenty_racers_with_keys_of_their_own_close_once(desk: Served, ticket: str) -> None:
    """Of 20 different closes of one version one happens; the others are conflicts."""
    headers = {"Authorization": f"Bearer {TOKENS['acme-write']}", "If-Match": "*"}
    async with httpx.AsyncClient(base_url=desk.address, headers=headers, timeout=20) as client:
        answers = await asyncio.gather(
            *(
                client.post(
                    f"/tickets/{ticket}/close",
                    json={"reason": "x"},
                    headers={"Idempotency-Key": f"{ticket}:{n}"},
                )
                for n in range(20)
            )
        )
    assert sorted(one.status_code for one in answers) == [200] + [409] * 19


def test_a_refusal_binds_no_key(desk: Served, ticket: str) -> None:
    """A refused write is not remembered under its key: it may be sent again when its condition holds."""
    headers = {"If-Match": '"99"', "Idempotency-Key": f"later:{ticket}"}
    problem_of(desk.close(ticket, headers=headers), 412, "version-mismatch")
    assert desk.close(ticket, headers=headers | {"If-Match": "*"}).status_code == 200
    assert desk.executions(f"later:{ticket}") == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "caf\u00e9".encode()])
def test_a_malformed_key_is_refused(desk: Served, ticket: str, key: Any) -> None:
    """A key that is no 1 to 255 visible ASCII characters is an error, not a write without a key."""
    problem_of(desk.close(ticket, headers={"Idempotency-Key": key}), 400, "malformed-request")
