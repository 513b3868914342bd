"""The helpdesk as its own process, and what people and tools ask of it."""

import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx

TOKENS = {
    f"{tenant}-{scope}": f"tok-{tenant}-{scope}-5d1c"
    for tenant in ("acme", "globex")
    for scope in ("read", "write", "mail", "orders", "refund")
}


CONTROL = "tok-control-77aa"


@dataclass(kw_only=True)
class Served:
    """A running helpdesk and its files."""

    home: Path
    process: subprocess.Popen[bytes]
    address: str

    def as_(self, who: str) -> httpx.Client:
        token = CONTROL if who == "control" else TOKENS[who]
        return httpx.Client(base_url=self.address, headers={"Authorization": f"Bearer {token}"}, timeout=10)

    def control(self, method: str, path: str, **options: Any) -> Any:
        with self.as_("control") as client:
            answer = client.request(method, f"/control/{path}", **options)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def executions(self, key: str) -> int:
        executions: dict[str, int] = self.control("GET", "writes", params={"key": key})["executions"]
        return executions.get(key, 0)

    def close(self, ticket: str, *, who: str = "acme-write", **options: Any) -> httpx.Response:
        headers = {"If-Match": "*"} | options.pop("headers", {})
        with self.as_(who) as client:
            return client.post(
                f"/tickets/{ticket}/close", **({"json": {"reason": "Solved."}} | options), headers=headers
            )

    def mail(self, ticket: str, *, who: str = "acme-mail", **options: Any) -> httpx.Response:
        headers = {"If-Match": "*"} | options.pop("headers", {})
        body = {"json": {"subject": "Your ticket", "body": "Hello,\n\nplease try again."}}
        with self.as_(who) as client:
            return client.post(f"/tickets/{ticket}/mails", **(body | options), headers=headers)

    def mails(self, ticket: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", "mails")["mails"]
        return [mail for mail in found if mail["ticket"] == ticket]

    def refund(self, order: str, *, who: str = "acme-refund", **options: Any) -> httpx.Response:
        headers = {"If-Match": "*", "Idempotency-Key": f"refund:{order}"} | options.pop("headers", {})
        body = {"json": {"amount_cents": 100, "currency": "EUR", "reason": "Too much."}}
        with self.as_(who) as client:
            return client.post(f"/orders/{order}/refunds", **(body | options), headers=headers)

    def refunds(self, order: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", "refunds")["refunds"]
        return [refund for refund in found if refund["order"] == order]

    def log(self) -> str:
        return (self.home / "log").read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(10)


def _keys(home: Path) -> Path:
    entries = [
        {
            "tenant": name.split("-")[0],
            "scope": name.split("-")[1],
            "sha256": sha256(token.encode()).hexdigest(),
        }
        for name, token in TOKENS.items()
    ]
    path = home / "keys.json"
    path.write_text(json.dumps({"keys": entries, "control_sha256": sha256(CONTROL.encode()).hexdigest()}))
    return path


def command(port: int, home: Path) -> list[str]:
    files = ["--db", str(home / "helpdesk.db"), "--keys", str(home / "keys.json")]
    return [sys.executable, "-m", "embedded.helpdesk", "--port", str(port), *files]


def start(home: Path) -> Served:
    if not (home / "keys.json").exists():
        _keys(home)
    before = len((home / "log").read_text()) if (home / "log").exists() else 0
    with (home / "log").open("ab") as log:
        process = subprocess.Popen(command(0, home), stderr=log, stdout=log)
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        if found := re.search(r"listening on (http://\S+)", (home / "log").read_text()[before:]):
            return Served(home=home, process=process, address=found[1])
        time.sleep(0.02)
    process.kill()
    raise AssertionError((home / "log").read_text())


def problem_of(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"urn:helpdesk:problem:{kind}"
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    return document
