"""Mails, which no key makes safe to repeat."""

from typing import Any

import pytest

from tests.integration.helpdesk.served import Served, problem_of


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
        problem_of(desk.mail(quiet, who=who), 403, "wrong-scope")
    problem_of(desk.mail(quiet, who="globex-mail"), 404, "not-found")
    with desk.as_("acme-mail") as client:
        for path in (
            f"/tickets/{quiet}",
            "/tickets",
            "/writes?key=k",
            "/customers/C-1001",
            "/control/mails",
        ):
            problem_of(client.get(path), 403, "wrong-scope")
        match = {"If-Match": "*"}
        patch = client.patch(f"/tickets/{quiet}", json={"priority": "low"}, headers=match)
        problem_of(patch, 403, "wrong-scope")
        close = client.post(f"/tickets/{quiet}/close", json={"reason": "x"}, headers=match)
        problem_of(close, 403, "wrong-scope")
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
    problem_of(desk.mail("T-18421", json=letter), 422, "invalid-request")
    assert desk.mails("T-18421") == []


def test_a_mail_about_a_ticket_that_changed_is_refused(desk: Served, quiet: str) -> None:
    """Who the requester was when somebody approved may not be who it is now."""
    problem_of(desk.mail(quiet, headers={"If-Match": '"99"'}), 412, "version-mismatch")
    with desk.as_("acme-mail") as client:
        answer = client.post(f"/tickets/{quiet}/mails", json={"subject": "x", "body": "x"})
    problem_of(answer, 428, "condition-required")
    assert desk.mails(quiet) == []
