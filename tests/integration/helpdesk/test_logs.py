"""What the helpdesk's own logs say, and what outlives a restart."""

import json
import signal
from hashlib import sha256

import httpx

from tests.integration.helpdesk.served import CONTROL, TOKENS, Served, problem_of, start


def test_the_logs_say_who_wrote_what_without_keeping_secrets(desk: Served, ticket: str) -> None:
    """A write and its request are logged with hashes of the capability and the body; no key, no token."""
    capability = "eyJ-secret-capability"
    body = b'{"reason":"Solved."}'
    headers = {
        "Idempotency-Key": f"log:{ticket}",
        "Interlock-Request-Id": "req_9f2c01ab77e3",
        "Interlock-Capability": capability,
        "Content-Type": "application/json",
    }
    answer = desk.close(ticket, headers=headers, json=None, content=body)
    version = answer.json()["version"]
    [write] = desk.control("GET", "writes", params={"key": f"log:{ticket}"})["writes"]
    assert write.pop("at") == answer.json()["updated_at"]
    assert write == {
        "tenant": "acme",
        "operation": "close",
        "ticket": ticket,
        "version_before": version - 1,
        "version_after": version,
        "idempotency_key": f"log:{ticket}",
        "request_id": "req_9f2c01ab77e3",
        "capability_sha256": sha256(capability.encode()).hexdigest(),
        "scope": "write",
        "body_sha256": sha256(body).hexdigest(),
    }
    request = next(
        one
        for one in reversed(desk.control("GET", "requests", params={"tenant": "acme"})["requests"])
        if one["path"] == f"/tickets/{ticket}/close"
    )
    assert (request["capability"], request["request_id"], request["status"]) == (
        True,
        "req_9f2c01ab77e3",
        200,
    )
    assert request["capability_sha256"] == write["capability_sha256"]
    kept = desk.log() + "".join(
        path.read_bytes().decode("latin-1") for path in desk.home.glob("helpdesk.db*")
    )
    for secret in (*TOKENS.values(), CONTROL, capability):
        assert secret not in kept


def test_refused_requests_are_logged_too(desk: Served) -> None:
    """An authenticated request of the wrong scope is in the log with its refusal; a stranger's is not."""
    before = len(desk.control("GET", "requests")["requests"])
    desk.close("T-18421", who="globex-read")
    httpx.get(desk.address + "/tickets")
    after = desk.control("GET", "requests")["requests"][before:]
    assert [(one["tenant"], one["method"], one["status"], one["capability"]) for one in after] == [
        ("globex", "POST", 403, False)
    ]


def test_a_restart_keeps_everything(own: Served) -> None:
    """After SIGTERM, SIGINT and SIGKILL the effect, the log and the answer are there; nothing is reseeded."""
    headers = {"Idempotency-Key": "kept"}
    first = own.close("T-18421", headers=headers)
    for number, expected in ((signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -9)):
        assert own.stop(number) == expected
        again = start(own.home)
        own.process, own.address = again.process, again.address
        replay = own.close("T-18421", headers=headers)
        assert replay.headers["idempotency-replayed"] == "true"
        assert replay.content == first.content
        assert own.executions("kept") == 1
    assert own.log().count("seeded") == 1
    assert "Traceback" not in own.log()


def test_a_key_taken_out_of_the_file_stops_at_once(own: Served) -> None:
    """Rotating the keys file takes effect without a restart."""
    with own.as_("acme-read") as client:
        assert client.get("/tickets/T-18421").status_code == 200
        (own.home / "keys.json").write_text(
            json.dumps({"keys": [], "control_sha256": sha256(CONTROL.encode()).hexdigest()})
        )
        problem_of(client.get("/tickets/T-18421"), 401, "unauthenticated")
        (own.home / "keys.json").unlink()
        problem_of(client.get("/tickets/T-18421"), 503, "unavailable")
