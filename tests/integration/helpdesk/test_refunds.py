"""Refunds, which are paid once for a key, never beyond what was paid, and never taken back."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.integration.helpdesk.served import TOKENS, Served, problem_of

#: Orders of acme's of which nothing is refunded; each test pays of its own.
ONCE, WRONG_KEY, TOO_MUCH, CHANGED = "O-10231", "O-10252", "O-10273", "O-10315"
LOST, RACED, FAILED = "O-10399", "O-10420", "O-10441"
#: These are in USD.
UNSEEN, SLOW = "O-10378", "O-10462"
TICKET_PATHS = ("/tickets/T-18421", "/customers/C-1001", "/articles", "/writes?key=k")


def _order(desk: Served, order: str) -> httpx.Response:
    with desk.as_("acme-orders") as client:
        return client.get(f"/orders/{order}")


def test_a_refund_is_paid_once_and_answered_from_memory(desk: Served) -> None:
    """The order is one version on, the log has key, scope and request; again, the same bytes and no cent."""
    before = _order(desk, ONCE)
    assert before.headers["etag"] == f'"{before.json()["version"]}"'
    headers = {"If-Match": before.headers["etag"], "Interlock-Request-Id": "req_9f2c01ab77e3"}
    first, second = desk.refund(ONCE, headers=headers), desk.refund(ONCE, headers=headers)
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.headers["idempotency-replayed"] == "true"
    assert (second.content, second.headers["etag"]) == (first.content, first.headers["etag"])
    after = _order(desk, ONCE).json()
    assert first.json() == after
    assert after["version"] == before.json()["version"] + 1
    assert after["refunded_cents"] == before.json()["refunded_cents"] + 100
    (refund,) = desk.refunds(ONCE)
    assert (refund["amount_cents"], refund["currency"], refund["reason"]) == (100, "EUR", "Too much.")
    (write,) = desk.control("GET", "writes", params={"key": f"refund:{ONCE}"})["writes"]
    assert (write["operation"], write["ticket"], write["scope"]) == ("refund", ONCE, "refund")
    assert (write["request_id"], write["version_after"]) == ("req_9f2c01ab77e3", after["version"])


def test_a_key_pays_one_refund_only(desk: Served) -> None:
    """Under a used key another amount, reason or order is refused; without a key nothing is paid at all."""
    assert desk.refund(WRONG_KEY).status_code == 200
    for body in (
        {"amount_cents": 200, "currency": "EUR", "reason": "Too much."},
        {"amount_cents": 100, "currency": "EUR", "reason": "Again."},
    ):
        problem_of(desk.refund(WRONG_KEY, json=body), 422, "key-reused")
    other = desk.refund(UNSEEN, headers={"Idempotency-Key": f"refund:{WRONG_KEY}"})
    problem_of(other, 422, "key-reused")
    with desk.as_("acme-refund") as client:
        body = {"amount_cents": 1, "currency": "EUR", "reason": "x"}
        answer = client.post(f"/orders/{WRONG_KEY}/refunds", json=body, headers={"If-Match": "*"})
    problem_of(answer, 400, "key-required")
    assert len(desk.refunds(WRONG_KEY)) == 1


def test_no_more_is_paid_back_than_was_paid(desk: Served) -> None:
    """What is left is refunded to the last cent; a cent more, another currency or nothing left is refused."""
    left = _order(desk, TOO_MUCH).json()["amount_cents"]
    body: dict[str, Any] = {"amount_cents": left, "currency": "EUR", "reason": "Returned."}
    problem_of(desk.refund(TOO_MUCH, json=body | {"amount_cents": left + 1}), 409, "not-refundable")
    problem_of(desk.refund(TOO_MUCH, json=body | {"currency": "USD"}), 409, "not-refundable")
    assert desk.refunds(TOO_MUCH) == []
    assert desk.refund(TOO_MUCH, json=body).json()["refunded_cents"] == left
    again = desk.refund(TOO_MUCH, json=body | {"amount_cents": 1}, headers={"Idempotency-Key": "one-more"})
    problem_of(again, 409, "not-refundable")
    assert [one["amount_cents"] for one in desk.refunds(TOO_MUCH)] == [left]


@pytest.mark.parametrize(
    "change",
    [
        {"amount_cents": 0},
        {"amount_cents": -100},
        {"amount_cents": 1.5},
        {"amount_cents": "100"},
        {"amount_cents": True},
        {"currency": "JPY"},
        {"reason": ""},
        {"reason": "a\nb"},
        {"account": "DE89 3704 0044 0532 0130 00"},
    ],
)
def test_an_odd_refund_is_a_problem_and_no_payment(desk: Served, change: dict[str, Any]) -> None:
    """A negative amount, a fraction, another account: 422, and the order is what it was."""
    before = _order(desk, CHANGED).json()
    body = {"amount_cents": 100, "currency": "EUR", "reason": "Too much."} | change
    problem_of(desk.refund(CHANGED, json=body), 422, "invalid-request")
    assert _order(desk, CHANGED).json() == before


def test_a_refund_of_an_order_that_changed_is_refused(desk: Served) -> None:
    """Who approved saw another version; a refund names the one that it means."""
    etag = _order(desk, CHANGED).headers["etag"]
    touched = desk.control("POST", f"touch-order/{CHANGED}")
    problem = problem_of(desk.refund(CHANGED, headers={"If-Match": etag}), 412, "version-mismatch")
    assert problem["current_version"] == touched["version"]
    with desk.as_("acme-refund") as client:
        body = {"amount_cents": 100, "currency": "EUR", "reason": "x"}
        answer = client.post(f"/orders/{CHANGED}/refunds", json=body, headers={"Idempotency-Key": "k"})
    problem_of(answer, 428, "condition-required")
    assert desk.refunds(CHANGED) == []


def test_another_tenants_order_does_not_exist(desk: Served) -> None:
    """It is neither read nor refunded, and answers as one that nobody has."""
    with desk.as_("globex-orders") as client:
        foreign, nowhere = client.get(f"/orders/{CHANGED}"), client.get("/orders/O-99999")
    problem_of(foreign, 404, "not-found")
    assert foreign.json()["detail"] == problem_of(nowhere, 404, "not-found")["detail"]
    problem_of(desk.refund(CHANGED, who="globex-refund"), 404, "not-found")
    assert desk.refunds(CHANGED) == []


def test_only_a_refund_key_pays_and_it_does_nothing_else(desk: Served) -> None:
    """Keys of tickets and mails see no order and no refund; a key of orders reads them, and nothing else."""
    for who in ("acme-read", "acme-write", "acme-mail", "acme-orders", "control"):
        problem_of(desk.refund(CHANGED, who=who), 403, "wrong-scope")
        problem_of(desk.refund(CHANGED, who=who, json={}), 403, "wrong-scope")
    for who in ("acme-read", "acme-write", "acme-mail", "acme-refund", "control"):
        with desk.as_(who) as client:
            problem_of(client.get(f"/orders/{CHANGED}"), 403, "wrong-scope")
    for who in ("acme-orders", "acme-refund"):
        with desk.as_(who) as client:
            for path in (*TICKET_PATHS, "/control/refunds"):
                problem_of(client.get(path), 403, "wrong-scope")
        problem_of(desk.close("T-18421", who=who), 403, "wrong-scope")
        problem_of(desk.mail("T-18421", who=who), 403, "wrong-scope")
    assert desk.refunds(CHANGED) == []


def test_a_read_key_finds_no_refund_by_its_key(desk: Served) -> None:
    """What a tenant's refunds are is not for whoever reads its tickets."""
    assert desk.refund(UNSEEN, json={"amount_cents": 1, "currency": "USD", "reason": "x"}).status_code == 200
    with desk.as_("acme-read") as client:
        assert client.get("/writes", params={"key": f"refund:{UNSEEN}"}).json()["writes"] == []


def test_a_refund_that_fails_before_pays_nothing(faulty: Served) -> None:
    """503 has paid nothing and binds no key."""
    faulty.control("PUT", "faults", json={"operation": "refund", "mode": "fail_before"})
    problem_of(faulty.refund(FAILED), 503, "unavailable")
    assert faulty.refunds(FAILED) == []
    assert "idempotency-replayed" not in faulty.refund(FAILED).headers
    faulty.control("PUT", "faults", json={"operation": "get_order", "mode": "fail_before"})
    problem_of(_order(faulty, FAILED), 503, "unavailable")


def test_a_refund_whose_answer_was_lost_was_paid_once(faulty: Served) -> None:
    """The connection drops after the payment; the retry under the key gets the first answer, and no money."""
    faulty.control("PUT", "faults", json={"operation": "refund", "mode": "lose_answer"})
    with pytest.raises(httpx.RemoteProtocolError):
        faulty.refund(LOST)
    assert len(faulty.refunds(LOST)) == 1
    assert faulty.refund(LOST).headers["idempotency-replayed"] == "true"
    assert faulty.executions(f"refund:{LOST}") == len(faulty.refunds(LOST)) == 1


async def test_a_slow_refund_is_in_flight_until_it_is_done(faulty: Served) -> None:
    """A caller who gave up and asks again is told to wait; there is one payment."""
    body = {"amount_cents": 100, "currency": "USD", "reason": "x"}
    faulty.control("PUT", "faults", json={"operation": "refund", "mode": "slow", "seconds": 1})
    with pytest.raises(httpx.ReadTimeout):
        await asyncio.to_thread(faulty.refund, SLOW, json=body, timeout=0.3)
    problem_of(faulty.refund(SLOW, json=body), 409, "in-flight")
    async with asyncio.timeout(20):
        while not faulty.executions(f"refund:{SLOW}"):  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.05)
    assert faulty.refund(SLOW, json=body).headers["idempotency-replayed"] == "true"
    assert len(faulty.refunds(SLOW)) == 1


async def test_racing_refunds_stay_within_what_was_paid(desk: Served) -> None:
    """Of ten refunds at once, each of a fifth and with its own key, exactly five are paid."""
    left = _order(desk, RACED).json()["amount_cents"]
    headers = {"Authorization": f"Bearer {TOKENS['acme-refund']}", "If-Match": "*"}
    body = {"amount_cents": left // 5, "currency": "EUR", "reason": "x"}
    async with httpx.AsyncClient(base_url=desk.address, headers=headers, timeout=20) as client:
        answers = await asyncio.gather(
            *(
                client.post(
                    f"/orders/{RACED}/refunds", json=body, headers={"Idempotency-Key": f"race-{number}"}
                )
                for number in range(10)
            )
        )
    assert sorted(one.status_code for one in answers) == [200] * 5 + [409] * 5
    after = _order(desk, RACED).json()
    assert after["refunded_cents"] == sum(one["amount_cents"] for one in desk.refunds(RACED)) == left
