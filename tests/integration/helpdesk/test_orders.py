"""Faults on order."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.integration.helpdesk.served import Served, problem_of


def test_a_lost_answer_has_its_effect_once(faulty: Served, ticket: str) -> None:
    """The connection drops after the write; the retry under the same key gets the first answer, no effect."""
    faulty.control("PUT", "faults", json={"operation": "close", "mode": "lose_answer"})
    headers = {"Idempotency-Key": f"lost:{ticket}"}
    with pytest.raises(httpx.RemoteProtocolError):
        faulty.close(ticket, headers=headers)
    assert faulty.executions(f"lost:{ticket}") == 1
    with faulty.as_("acme-read") as client:
        [found] = client.get("/writes", params={"key": f"lost:{ticket}"}).json()["writes"]
    retried = faulty.close(ticket, headers=headers)
    assert retried.headers["idempotency-replayed"] == "true"
    assert retried.json()["version"] == found["version_after"]
    assert faulty.executions(f"lost:{ticket}") == 1
    requests = [
        r for r in faulty.control("GET", "requests")["requests"] if r["path"] == f"/tickets/{ticket}/close"
    ]
    assert [one["status"] for one in requests] == [None, 200]


def test_a_failure_before_has_no_effect(faulty: Served, ticket: str) -> None:
    """503, nothing written, as often as ordered; then it works."""
    faulty.control("PUT", "faults", json={"operation": "close", "mode": "fail_before", "times": 2})
    headers = {"Idempotency-Key": f"fail:{ticket}"}
    for _ in range(2):
        problem_of(faulty.close(ticket, headers=headers), 503, "unavailable")
    assert faulty.executions(f"fail:{ticket}") == 0
    assert faulty.close(ticket, headers=headers).status_code == 200


def test_a_mail_fails_and_loses_its_answer_on_order(faulty: Served, quiet: str) -> None:
    """503 sends nothing; a lost answer has sent it, once."""
    headers = {"Idempotency-Key": f"ordered:{quiet}"}
    for mode in ("fail_before", "lose_answer"):
        faulty.control("PUT", "faults", json={"operation": "send_mail", "mode": mode})
    problem_of(faulty.mail(quiet, headers=headers), 503, "unavailable")
    assert faulty.mails(quiet) == []
    with pytest.raises(httpx.RemoteProtocolError):
        faulty.mail(quiet, headers=headers)
    assert faulty.executions(f"ordered:{quiet}") == len(faulty.mails(quiet)) == 1


async def test_a_slow_write_is_in_flight_until_it_is_done(faulty: Served, ticket: str) -> None:
    """A caller who gives up and asks again under the key hears 409, later the answer; there is one effect."""
    faulty.control("PUT", "faults", json={"operation": "close", "mode": "slow", "seconds": 2})
    headers = {"Idempotency-Key": f"slow:{ticket}"}
    with pytest.raises(httpx.ReadTimeout):
        await asyncio.to_thread(faulty.close, ticket, headers=headers, timeout=0.3)
    problem_of(faulty.close(ticket, headers=headers), 409, "in-flight")
    problem_of(faulty.close(ticket, headers=headers, json={"reason": "Other."}), 422, "key-reused")
    async with asyncio.timeout(20):
        while not faulty.executions(f"slow:{ticket}"):  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.05)
    assert faulty.close(ticket, headers=headers).headers["idempotency-replayed"] == "true"
    assert faulty.executions(f"slow:{ticket}") == 1


@pytest.mark.parametrize(
    ("operation", "path"),
    [("get_ticket", "/tickets/T-18421"), ("search_articles", "/articles?q=login"), ("*", "/writes?key=k")],
)
def test_reads_fail_on_order_too(faulty: Served, operation: str, path: str) -> None:
    """A fault of a read strikes that read once, and no other operation."""
    faulty.control("PUT", "faults", json={"operation": operation, "mode": "fail_before"})
    with faulty.as_("acme-read") as client:
        if operation != "*":
            assert client.get("/customers/C-1001").status_code == 200
        problem_of(client.get(path), 503, "unavailable")
        assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"operation": "close"},
        {"operation": "x", "mode": "slow"},
        {"operation": "close", "mode": "slow", "times": 0},
    ],
)
def test_an_unknown_fault_is_refused(desk: Served, fault: dict[str, Any]) -> None:
    """A fault that cannot be meant is a 422, not a fault that never strikes."""
    with desk.as_("control") as client:
        problem_of(client.put("/control/faults", json=fault), 422, "invalid-request")
