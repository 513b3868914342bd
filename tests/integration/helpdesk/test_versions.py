"""Writes, and the version that each of them names."""

import json

import pytest

from tests.integration.helpdesk.served import Served, problem_of


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
    problem_of(again, 409, "not-closed")


def test_a_write_without_if_match_is_refused(desk: Served, ticket: str) -> None:
    """Nobody writes without saying which version they saw."""
    with desk.as_("acme-write") as client:
        problem_of(client.post(f"/tickets/{ticket}/close", json={"reason": "x"}), 428, "condition-required")


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
    problem = problem_of(answer, 412, "version-mismatch")
    assert problem["current_version"] == touched["version"] == int(etag.strip('"')) + 1
    assert answer.headers["etag"] == f'"{touched["version"]}"'
    assert desk.close(ticket, headers={"If-Match": answer.headers["etag"]}).status_code == 200


def test_a_closed_ticket_is_not_closed_again(desk: Served, ticket: str) -> None:
    """Without a key the second close is a conflict; nor does a patch reopen by the way."""
    assert desk.close(ticket).status_code == 200
    problem_of(desk.close(ticket), 409, "already-closed")
    with desk.as_("acme-write") as client:
        answer = client.patch(f"/tickets/{ticket}", json={"status": "open"}, headers={"If-Match": "*"})
    problem_of(answer, 409, "already-closed")


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
    problem_of(answer, 422, "invalid-request")
    with desk.as_("acme-read") as client:
        assert client.get("/tickets/T-18421").json()["version"] == 3


def test_bodies_are_bounded(desk: Served) -> None:
    """A body that is too large, or does not say how large, is refused at the door."""
    with desk.as_("acme-write") as client:
        large = client.post("/tickets/T-18421/close", content=b"x" * 70_000)
        chunked = client.post("/tickets/T-18421/close", content=iter([b"{}"]))
    problem_of(large, 413, "body-too-large")
    problem_of(chunked, 411, "length-required")
