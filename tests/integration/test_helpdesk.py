"""The helpdesk as its own process: tenants apart, versions, one effect for each key, and faults on order."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

TOKENS = {
    f"{tenant}-{scope}": f"tok-{tenant}-{scope}-5d1c"
    for tenant in ("acme", "globex")
    for scope in ("read", "write", "mail")
}
_CONTROL = "tok-control-77aa"


@dataclass(kw_only=True)
class Served:
    """A running helpdesk and its files."""

    home: Path
    process: subprocess.Popen[bytes]
    address: str

    def as_(self, who: str) -> httpx.Client:
        token = _CONTROL if who == "control" else TOKENS[who]
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
    path.write_text(json.dumps({"keys": entries, "control_sha256": sha256(_CONTROL.encode()).hexdigest()}))
    return path


def _command(port: int, home: Path) -> list[str]:
    files = ["--db", str(home / "helpdesk.db"), "--keys", str(home / "keys.json")]
    return [sys.executable, "-m", "embedded.helpdesk", "--port", str(port), *files]


def start(home: Path) -> Served:
    if not (home / "keys.json").exists():
        _keys(home)
    before = len((home / "log").read_text()) if (home / "log").exists() else 0
    with (home / "log").open("ab") as log:
        process = subprocess.Popen(_command(0, home), stderr=log, stdout=log)
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        if found := re.search(r"listening on (http://\S+)", (home / "log").read_text()[before:]):
            return Served(home=home, process=process, address=found[1])
        time.sleep(0.02)
    process.kill()
    raise AssertionError((home / "log").read_text())


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One helpdesk for all tests that leave each other's tickets alone."""
    served = start(tmp_path_factory.mktemp("helpdesk"))
    yield served
    assert served.stop() == 0


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    """A helpdesk for a test that stops it or breaks it."""
    served = start(tmp_path)
    yield served
    served.stop(signal.SIGKILL)


@pytest.fixture
def ticket(desk: Served) -> str:
    """An open ticket of acme that no other test has touched."""
    return _fresh(desk, "open")


@pytest.fixture
def quiet(desk: Served) -> str:
    """A ticket of acme's that is not open: a mail leaves it as it is, so the open ones are for writes."""
    return _fresh(desk, "pending", "closed")


_used: set[str] = {"T-18421"}


def _fresh(desk: Served, *statuses: str) -> str:
    with desk.as_("acme-read") as client:
        found = client.get("/tickets", params={"limit": 100}).json()["tickets"]
    ticket: str = next(one["id"] for one in found if one["status"] in statuses and one["id"] not in _used)
    _used.add(ticket)
    return ticket


def _problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"urn:helpdesk:problem:{kind}"
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    return document


# Who may


@pytest.mark.parametrize("path", ["/tickets/T-18421", "/writes?key=k", "/control/writes", "/no-such-path"])
@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic YTpi"}])
def test_a_stranger_learns_nothing(desk: Served, path: str, header: dict[str, str]) -> None:
    """Without a known key every path but health answers the same 401."""
    answer = httpx.get(desk.address + path, headers=header)
    _problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert httpx.get(desk.address + "/healthz").json() == {"status": "ok"}


def test_another_tenants_ticket_does_not_exist(desk: Served) -> None:
    """Reading or writing another tenant's ticket answers exactly as for one that nobody has."""
    with desk.as_("globex-read") as reader, desk.as_("globex-write") as writer:
        for path in ("/tickets/T-18421", "/articles/KB-1001", "/customers/C-1001"):
            foreign, nowhere = reader.get(path), reader.get(path[:-3] + "999")
            _problem(foreign, 404, "not-found")
            assert foreign.json()["detail"] == nowhere.json()["detail"]
        for match in ("*", '"3"', '"99"'):
            answer = writer.post(
                "/tickets/T-18421/close", json={"reason": "Mine."}, headers={"If-Match": match}
            )
            _problem(answer, 404, "not-found")
    with desk.as_("acme-read") as client:
        assert client.get("/tickets/T-18421").json()["status"] == "open"


def test_lists_and_searches_stay_within_the_tenant(desk: Served) -> None:
    """No listing, search or query parameter of globex's key shows anything of acme's."""
    with desk.as_("globex-read") as globex, desk.as_("acme-read") as acme:
        for path, part in (
            ("/tickets?tenant=acme&limit=100", "tickets"),
            ("/articles?tenant=acme&limit=100", "articles"),
        ):
            theirs = {one["id"] for one in globex.get(path).json()[part]}
            ours = {one["id"] for one in acme.get(path).json()[part]}
            assert theirs
            assert ours
            assert not theirs & ours


def test_a_read_key_does_not_write(desk: Served, ticket: str) -> None:
    """A read key's close is refused and changes nothing."""
    _problem(desk.close(ticket, who="acme-read"), 403, "wrong-scope")
    _problem(desk.close(ticket, who="acme-read", json={}), 403, "wrong-scope")
    with desk.as_("acme-read") as client:
        assert client.get(f"/tickets/{ticket}").json()["status"] == "open"


@pytest.mark.parametrize(
    "path", ["/tickets", "/tickets/T-18421", "/articles", "/customers/C-1001", "/writes?key=k"]
)
def test_a_write_key_does_not_read(desk: Served, path: str) -> None:
    """A write key reads nothing, not even its own tenant's."""
    with desk.as_("acme-write") as client:
        _problem(client.get(path), 403, "wrong-scope")


def test_the_control_key_and_the_tenants_keys_are_not_for_each_other(desk: Served) -> None:
    """A tenant's key does not control; the control key is no tenant's."""
    with desk.as_("acme-write") as tenant, desk.as_("control") as control:
        _problem(tenant.get("/control/writes"), 403, "wrong-scope")
        _problem(tenant.put("/control/faults", json={"operation": "*", "mode": "slow"}), 403, "wrong-scope")
        _problem(control.get("/tickets/T-18421"), 403, "wrong-scope")
        _problem(
            control.post("/tickets/T-18421/close", json={"reason": "x"}, headers={"If-Match": "*"}),
            403,
            "wrong-scope",
        )


# Reading


def test_a_ticket_carries_its_version_as_a_strong_etag(desk: Served) -> None:
    """The ETag of a ticket is its version in quotes."""
    with desk.as_("acme-read") as client:
        answer = client.get("/tickets/T-18421")
    assert answer.headers["etag"] == f'"{answer.json()["version"]}"'


def test_pages_together_are_the_list(desk: Served) -> None:
    """Following the cursor shows each ticket once, and ends."""
    seen: list[str] = []
    cursor: str | None = ""
    with desk.as_("globex-read") as client:
        while cursor is not None:
            page = client.get("/tickets", params={"limit": 7, "cursor": cursor}).json()
            seen += [one["id"] for one in page["tickets"]]
            cursor = page["cursor"]
    assert len(seen) == len(set(seen)) == 60


def test_filters_narrow_the_list(desk: Served) -> None:
    """Status, customer and words each hold for every ticket that is listed."""
    with desk.as_("globex-read") as client:
        closed = client.get("/tickets", params={"status": "closed", "limit": 100}).json()["tickets"]
        words = client.get("/tickets", params={"q": "CSV export", "limit": 100}).json()["tickets"]
        theirs = client.get("/tickets", params={"customer_id": "C-2001", "limit": 100}).json()["tickets"]
    assert closed
    assert {one["status"] for one in closed} == {"closed"}
    assert words
    assert all("export" in one["tags"] for one in words)
    assert {one["customer_id"] for one in theirs} == {"C-2001"}


def test_the_search_ranks_and_shows_why(desk: Served) -> None:
    """Hits come best first, each with a score and a sentence of the article."""
    with desk.as_("acme-read") as client:
        hits = client.get("/articles", params={"q": "password reset token expired", "limit": 5}).json()[
            "articles"
        ]
        article = client.get(f"/articles/{hits[0]['id']}").json()
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)
    assert "expired" in hits[0]["title"]
    assert hits[0]["snippet"] in article["body"]


@pytest.mark.parametrize(
    "path",
    [
        "/tickets?limit=0",
        "/tickets?limit=x",
        "/tickets?status=lost",
        "/tickets?cursor='--",
        "/writes",
        "/writes?key=",
    ],
)
def test_a_bad_query_is_a_problem_with_its_place(desk: Served, path: str) -> None:
    """Each invalid parameter is named in a 422 problem."""
    with desk.as_("acme-read") as client:
        assert _problem(client.get(path), 422, "invalid-request")["errors"][0]["where"].startswith("query.")


# Writing


def test_a_close_is_answered_with_the_closed_ticket(desk: Served, ticket: str) -> None:
    """The answer is the ticket as it is now, one version on, with its resolution; reopen undoes it."""
    with desk.as_("acme-read") as client:
        before = client.get(f"/tickets/{ticket}")
        answer = desk.close(
            ticket,
            headers={"If-Match": before.headers["etag"]},
            json={"reason": "Confirmed.", "resolution_article": "KB-1001"},
        )
        assert answer.status_code == 200
        assert answer.json() == client.get(f"/tickets/{ticket}").json()
    after = answer.json()
    assert after["version"] == before.json()["version"] + 1
    assert answer.headers["etag"] == f'"{after["version"]}"'
    assert after["resolution"] == {"reason": "Confirmed.", "article": "KB-1001", "at": after["updated_at"]}
    with desk.as_("acme-write") as client:
        undone = client.post(
            f"/tickets/{ticket}/reopen",
            json={"reason": "Too early."},
            headers={"If-Match": answer.headers["etag"]},
        ).json()
        again = client.post(f"/tickets/{ticket}/reopen", json={"reason": "x"}, headers={"If-Match": "*"})
    assert (undone["status"], undone["resolution"]) == ("open", None)
    _problem(again, 409, "not-closed")


def test_a_write_without_if_match_is_refused(desk: Served, ticket: str) -> None:
    """Nobody writes without saying which version they saw."""
    with desk.as_("acme-write") as client:
        _problem(client.post(f"/tickets/{ticket}/close", json={"reason": "x"}), 428, "condition-required")


@pytest.mark.parametrize("match", ['W/"1"', "1", '"1", x', "", "*, *"])
def test_a_weak_or_malformed_if_match_never_matches(desk: Served, ticket: str, match: str) -> None:
    """A weak tag fails the comparison, anything else that is no tag is malformed."""
    answer = desk.close(ticket, headers={"If-Match": match})
    assert answer.status_code in (400, 412), answer.text
    with desk.as_("acme-read") as client:
        assert client.get(f"/tickets/{ticket}").json()["status"] == "open"


def test_a_write_on_a_changed_ticket_is_refused_with_the_current_version(desk: Served, ticket: str) -> None:
    """A touch behind everybody's back makes the seen version stale; the refusal says the current one."""
    with desk.as_("acme-read") as client:
        etag = client.get(f"/tickets/{ticket}").headers["etag"]
    touched = desk.control("POST", f"touch/{ticket}")
    answer = desk.close(ticket, headers={"If-Match": etag})
    problem = _problem(answer, 412, "version-mismatch")
    assert problem["current_version"] == touched["version"] == int(etag.strip('"')) + 1
    assert answer.headers["etag"] == f'"{touched["version"]}"'
    assert desk.close(ticket, headers={"If-Match": answer.headers["etag"]}).status_code == 200


def test_a_closed_ticket_is_not_closed_again(desk: Served, ticket: str) -> None:
    """Without a key the second close is a conflict; nor does a patch reopen by the way."""
    assert desk.close(ticket).status_code == 200
    _problem(desk.close(ticket), 409, "already-closed")
    with desk.as_("acme-write") as client:
        answer = client.patch(f"/tickets/{ticket}", json={"status": "open"}, headers={"If-Match": "*"})
    _problem(answer, 409, "already-closed")


def test_a_patch_changes_what_it_names_and_nothing_else(desk: Served, ticket: str) -> None:
    """Only the named fields and the version differ afterwards."""
    with desk.as_("acme-read") as reader, desk.as_("acme-write") as writer:
        before = reader.get(f"/tickets/{ticket}").json()
        changes = {"priority": "urgent", "tags": ["vip"], "status": "pending"}
        after = writer.patch(f"/tickets/{ticket}", json=changes, headers={"If-Match": "*"}).json()
    named = {**changes, "version": before["version"] + 1, "updated_at": after["updated_at"]}
    assert after == before | named


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("close", b"{}"),
        ("close", b"{"),
        ("close", b""),
        ("close", b"[]"),
        ("close", b'{"reason": ""}'),
        ("close", b'{"reason": "  \\n"}'),
        ("close", b'{"reason": "\\ud800"}'),
        ("close", b'{"reason": 1}'),
        ("close", json.dumps({"reason": "x" * 501}).encode()),
        ("close", b'{"reason": "x", "tenant": "globex"}'),
        ("close", b'{"reason": "x", "resolution_article": "KB-2001"}'),
        ("close", b'{"reason": "x", "resolution_article": "nope"}'),
        ("reopen", b'{"why": "x"}'),
        ("", b"{}"),
        ("", b'{"status": "closed"}'),
        ("", b'{"subject": null}'),
        ("", b'{"id": "T-1"}'),
        ("", b'{"version": 9}'),
        ("", b'{"priority": "whatever"}'),
        ("", b'{"tags": "vip"}'),
    ],
)
def test_an_invalid_body_is_a_problem_and_no_write(desk: Served, path: str, body: bytes) -> None:
    """Whatever does not fit, another tenant's article included, is a 422 that changes nothing."""
    headers = {"If-Match": "*", "Content-Type": "application/json"}
    with desk.as_("acme-write") as client:
        method, suffix = ("POST", f"/{path}") if path else ("PATCH", "")
        answer = client.request(method, f"/tickets/T-18421{suffix}", content=body, headers=headers)
    _problem(answer, 422, "invalid-request")
    with desk.as_("acme-read") as client:
        assert client.get("/tickets/T-18421").json()["version"] == 3


def test_bodies_are_bounded(desk: Served) -> None:
    """A body that is too large, or does not say how large, is refused at the door."""
    with desk.as_("acme-write") as client:
        large = client.post("/tickets/T-18421/close", content=b"x" * 70_000)
        chunked = client.post("/tickets/T-18421/close", content=iter([b"{}"]))
    _problem(large, 413, "body-too-large")
    _problem(chunked, 411, "length-required")


# One effect for each key


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
    _problem(desk.close(ticket, headers=headers, json={"reason": "Other."}), 422, "key-reused")
    _problem(desk.close(_fresh(desk, "open"), headers=headers), 422, "key-reused")
    with desk.as_("acme-write") as client:
        answer = client.post(f"/tickets/{ticket}/reopen", json={"reason": "Solved."}, headers=headers)
    _problem(answer, 422, "key-reused")
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
    _problem(desk.close(ticket, headers=headers), 412, "version-mismatch")
    assert desk.close(ticket, headers=headers | {"If-Match": "*"}).status_code == 200
    assert desk.executions(f"later:{ticket}") == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "caf\u00e9".encode()])
def test_a_malformed_key_is_refused(desk: Served, ticket: str, key: Any) -> None:
    """A key that is no 1 to 255 visible ASCII characters is an error, not a write without a key."""
    _problem(desk.close(ticket, headers={"Idempotency-Key": key}), 400, "malformed-request")


# Mail


def test_a_mail_goes_to_the_requester_and_leaves_the_ticket_as_it_is(desk: Served, quiet: str) -> None:
    """The ticket says to whom; the write log has the key, and the ticket's version is what it was."""
    with desk.as_("acme-read") as client:
        before = client.get(f"/tickets/{quiet}").json()
    answer = desk.mail(
        quiet, headers={"Idempotency-Key": f"mail:{quiet}", "If-Match": f'"{before["version"]}"'}
    )
    assert answer.status_code == 202
    assert answer.json().keys() == {"id", "ticket"}
    (mail,) = desk.mails(quiet)
    assert (mail["id"], mail["recipient"]) == (answer.json()["id"], before["requester"]["email"])
    assert (mail["subject"], mail["body"]) == ("Your ticket", "Hello,\n\nplease try again.")
    (write,) = desk.control("GET", "writes", params={"key": f"mail:{quiet}"})["writes"]
    assert (write["operation"], write["ticket"], write["scope"]) == ("send_mail", quiet, "mail")
    assert write["version_before"] == write["version_after"] == before["version"]
    with desk.as_("acme-read") as client:
        assert client.get(f"/tickets/{quiet}").json() == before


def test_the_same_mail_under_the_same_key_is_two_mails(desk: Served, quiet: str) -> None:
    """A relay does not deduplicate, and nobody but the control key can ask it what was sent."""
    headers = {"Idempotency-Key": f"twice:{quiet}"}
    assert [desk.mail(quiet, headers=headers).status_code for _ in range(2)] == [202, 202]
    assert desk.executions(f"twice:{quiet}") == len(desk.mails(quiet)) == 2
    with desk.as_("acme-read") as client:
        assert client.get("/writes", params={"key": f"twice:{quiet}"}).json()["writes"] == []


def test_only_a_mail_key_sends_and_it_does_nothing_else(desk: Served, quiet: str) -> None:
    """Read and write keys do not mail; a mail key does not read, change, control, or mail for others."""
    for who in ("acme-read", "acme-write", "control"):
        _problem(desk.mail(quiet, who=who), 403, "wrong-scope")
    _problem(desk.mail(quiet, who="globex-mail"), 404, "not-found")
    with desk.as_("acme-mail") as client:
        for path in (
            f"/tickets/{quiet}",
            "/tickets",
            "/writes?key=k",
            "/customers/C-1001",
            "/control/mails",
        ):
            _problem(client.get(path), 403, "wrong-scope")
        match = {"If-Match": "*"}
        patch = client.patch(f"/tickets/{quiet}", json={"priority": "low"}, headers=match)
        _problem(patch, 403, "wrong-scope")
        close = client.post(f"/tickets/{quiet}/close", json={"reason": "x"}, headers=match)
        _problem(close, 403, "wrong-scope")
    assert desk.mails(quiet) == []


@pytest.mark.parametrize(
    "letter",
    [
        {"subject": "Hello"},
        {"subject": "Hello\nBcc: all@example.com", "body": "x"},
        {"subject": " ", "body": "x"},
        {"subject": "Hello", "body": " \n"},
        {"subject": "Hello", "body": "x", "to": "all@example.com"},
        {"subject": "Hello", "body": ["x"]},
    ],
)
def test_a_mail_is_a_subject_and_a_body(desk: Served, letter: dict[str, Any]) -> None:
    """A recipient of the caller's choice, a second header or nothing to read is refused."""
    _problem(desk.mail("T-18421", json=letter), 422, "invalid-request")
    assert desk.mails("T-18421") == []


def test_a_mail_about_a_ticket_that_changed_is_refused(desk: Served, quiet: str) -> None:
    """Who the requester was when somebody approved may not be who it is now."""
    _problem(desk.mail(quiet, headers={"If-Match": '"99"'}), 412, "version-mismatch")
    with desk.as_("acme-mail") as client:
        answer = client.post(f"/tickets/{quiet}/mails", json={"subject": "x", "body": "x"})
    _problem(answer, 428, "condition-required")
    assert desk.mails(quiet) == []


# What it remembers


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
    for secret in (*TOKENS.values(), _CONTROL, capability):
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
            json.dumps({"keys": [], "control_sha256": sha256(_CONTROL.encode()).hexdigest()})
        )
        _problem(client.get("/tickets/T-18421"), 401, "unauthenticated")
        (own.home / "keys.json").unlink()
        _problem(client.get("/tickets/T-18421"), 503, "unavailable")


# Faults on order


@pytest.fixture
def faulty(desk: Served) -> Iterator[Served]:
    yield desk
    desk.control("DELETE", "faults")
    assert desk.control("GET", "faults") == {"faults": []}


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
        _problem(faulty.close(ticket, headers=headers), 503, "unavailable")
    assert faulty.executions(f"fail:{ticket}") == 0
    assert faulty.close(ticket, headers=headers).status_code == 200


def test_a_mail_fails_and_loses_its_answer_on_order(faulty: Served, quiet: str) -> None:
    """503 sends nothing; a lost answer has sent it, once."""
    headers = {"Idempotency-Key": f"ordered:{quiet}"}
    for mode in ("fail_before", "lose_answer"):
        faulty.control("PUT", "faults", json={"operation": "send_mail", "mode": mode})
    _problem(faulty.mail(quiet, headers=headers), 503, "unavailable")
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
    _problem(faulty.close(ticket, headers=headers), 409, "in-flight")
    _problem(faulty.close(ticket, headers=headers, json={"reason": "Other."}), 422, "key-reused")
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
        _problem(client.get(path), 503, "unavailable")
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
        _problem(client.put("/control/faults", json=fault), 422, "invalid-request")


# Starting


def _refused(port: int, home: Path) -> str:
    ended = subprocess.run(_command(port, home), capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


def test_a_taken_port_is_one_sentence(desk: Served) -> None:
    """A second helpdesk on the port names it and the option to change, and exits with 2."""
    port = httpx.URL(desk.address).port
    assert port
    sentence = _refused(port, desk.home)
    assert str(port) in sentence
    assert "--port" in sentence


def test_an_unreadable_keys_file_is_one_sentence(tmp_path: Path) -> None:
    """No keys file, or one that is none, ends with 2 and names the file."""
    assert "keys.json" in _refused(0, tmp_path)
    (tmp_path / "keys.json").write_text(
        '{"keys": [{"tenant": "acme", "scope": "read", "sha256": "tok-raw"}]}'
    )
    sentence = _refused(0, tmp_path)
    assert "keys.json" in sentence
    assert "tok-raw" not in sentence


def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    """A database that cannot be used ends with 2 and names the file; it is left as it was."""
    _keys(tmp_path)
    (tmp_path / "helpdesk.db").write_text("no database " * 100)
    assert "helpdesk.db" in _refused(0, tmp_path)
    assert (tmp_path / "helpdesk.db").read_text().startswith("no database")


def test_it_listens_on_one_loopback_address_only(desk: Served) -> None:
    """Its port is free on every other address, which it were not if the helpdesk listened on all of them."""
    port = httpx.URL(desk.address).port
    assert port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.2", port))


def test_it_stops_within_seconds_whatever_is_in_flight(own: Served) -> None:
    """SIGTERM during a slow request ends the process with 0 and does not wait for it."""
    own.control("PUT", "faults", json={"operation": "close", "mode": "slow", "seconds": 60})
    with pytest.raises(httpx.ReadTimeout):
        own.close("T-18421", timeout=0.3)
    with own.as_("acme-read") as client:
        assert client.get("/tickets/T-18421").json()["status"] == "open"
    started = time.monotonic()
    assert own.stop() == 0
    assert time.monotonic() - started < 5
