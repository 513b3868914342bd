"""The helpdesk's tools: narrow arguments, and previews that say what is sent."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.card import render
from contracts.action import Prepared, Preview
from contracts.digest import Json
from contracts.run import Outcome
from contracts.toolbox import Answer
from policies.undo import offered
from tests.frozen import ASKED, approval_of, frozen
from tests.laws.only_gets import Desk
from tests.laws.shipped_tools import LOADED, SPECS, accepts
from tools.operation import Made, ReadOperation, WriteOperation
from tools.reply import Stopped

TICKET: dict[str, Any] = {
    "id": "T-1",
    "subject": "Password reset loops",
    "body": "It loops.",
    "status": "open",
    "priority": "normal",
    "tags": ["login"],
    "customer_id": "C-1",
    "requester": {"name": "Jane Doe", "email": "jane@example.com"},
    "version": 3,
    "conversation": [],
    "resolution": None,
}
CLOSED = {"status": "closed", "resolution": {"article": "KB-12"}}
MAIL = {"ticket_id": "T-1", "subject": "Your ticket", "body": "Hello,\n\ntry this:\n- one\n- two"}
SOUND: dict[str, dict[str, Any]] = {
    "kb.search": {"query": "reset"},
    "tickets.search": {},
    "tickets.get": {"ticket_id": "T-1"},
    "customers.get": {"customer_id": "C-1"},
    "email.draft": MAIL,
    "ticket.update": {"ticket_id": "T-1", "priority": "high"},
    "ticket.close": {"ticket_id": "T-1", "reason": "Solved."},
    "ticket.reopen": {"ticket_id": "T-1", "reason": "It is back."},
    "email.send": MAIL,
}


def _read(tool: str, arguments: Json, document: Json) -> tuple[Json, Desk]:
    operation, desk = LOADED.operations[tool], Desk(document)
    assert isinstance(operation, ReadOperation)
    return asyncio.run(operation.read(desk, operation.parse(arguments))), desk


def _write(tool: str) -> WriteOperation[Any]:
    operation = LOADED.operations[tool]
    assert isinstance(operation, WriteOperation)
    return operation


def _prepared(tool: str, arguments: Json, etag: str = '"3"', **ticket: Any) -> Prepared | Answer:
    operation = _write(tool)
    return asyncio.run(operation.prepare(Desk(TICKET | ticket, etag), operation.parse(arguments)))


def _preview(tool: str, arguments: Json, **ticket: Any) -> Preview:
    prepared = _prepared(tool, arguments, **ticket)
    assert isinstance(prepared, Prepared), prepared
    assert prepared.version == '"3"'
    return prepared.preview


def _changes(preview: Preview) -> list[tuple[str, str, str]]:
    return [(change.field, change.before, change.after) for change in preview.changes]


@pytest.mark.parametrize("tool", SOUND)
def test_no_tool_takes_a_tenant_a_recipient_or_anything_else_unasked(tool: str) -> None:
    """Extra arguments are refused by schema and code alike, whatever they are called."""
    assert accepts(tool, SOUND[tool])
    for extra in ("to", "cc", "recipient", "email", "tenant", "env", "force", "idempotency_key"):
        assert not accepts(tool, SOUND[tool] | {extra: "globex"})


@pytest.mark.parametrize("tool", [name for name, sound in SOUND.items() if "ticket_id" in sound])
@pytest.mark.parametrize(
    "ticket_id", ["", "T-", "T-1\n", "t-1", "T-1/close", "T-1 T-2", 1, None, ["T-1"], "*"]
)
def test_a_ticket_is_named_by_one_id(tool: str, ticket_id: Json) -> None:
    """No list, no pattern, no path: one ticket."""
    assert not accepts(tool, SOUND[tool] | {"ticket_id": ticket_id})


@pytest.mark.parametrize(
    ("fields", "accepted"),
    [
        ({}, False),
        ({"priority": "urgent"}, True),
        ({"priority": "asap"}, False),
        ({"priority": None}, False),
        ({"tags": []}, True),
        ({"tags": ["login", "vip-2"]}, True),
        ({"tags": ["login", "login"]}, False),
        ({"tags": ["Log in"]}, False),
        ({"tags": ["a"] + [f"t{n}" for n in range(10)]}, False),
        ({"tags": "login"}, False),
        ({"status": "pending"}, True),
        ({"status": "closed"}, False),
        ({"subject": "New"}, False),
        ({"priority": "low", "tags": ["a"], "status": "open"}, True),
    ],
)
def test_an_update_names_its_fields(fields: dict[str, Json], accepted: bool) -> None:
    """At least one of three fields, each from its own small set; null is no value."""
    assert accepts("ticket.update", {"ticket_id": "T-1", **fields}) is accepted


@pytest.mark.parametrize("fields", [{"priority": "high"}, {"tags": []}, {"status": "pending", "tags": ["a"]}])
def test_an_update_sends_what_was_named_and_nothing_else(fields: dict[str, Json]) -> None:
    """What is left out is not in the request, not even as null."""
    operation = _write("ticket.update")
    request = operation.request(operation.parse({"ticket_id": "T-1", **fields}))
    assert (request.method, request.path, request.body) == ("PATCH", "/tickets/{ticket_id}", fields)


@pytest.mark.parametrize(
    ("body", "accepted"),
    [
        ("One line.", True),
        ("One,\ntwo,\n\nthree:\n  - four", True),
        ("", False),
        (" ", False),
        (" indented", False),
        ("ends\n", False),
        ("far\n\n\ndown", False),
        ("blank\n \nline", False),
        ("far\n         right", False),
        ("carriage\r\nreturn", False),
        ("a\ttab", False),
        ("a\x00b", False),
        ("turned \u202e round", False),
        ("zero\u200bwidth", False),
        ("line\u2028separator", False),
        ("x" * 2_001, False),
    ],
)
def test_a_mails_body_is_plain_lines(body: str, accepted: bool) -> None:
    """Lines of visible text: nothing hidden, nothing turned round, nothing pushed out of sight."""
    for tool in ("email.draft", "email.send"):
        assert accepts(tool, MAIL | {"body": body}) is accepted


@pytest.mark.parametrize("subject", ["", " x", "a\nBcc: all@example.com", "a\rb", "a\u202eb", "x" * 151])
def test_a_mails_subject_is_one_line(subject: str) -> None:
    """A subject cannot begin another header."""
    assert not accepts("email.send", MAIL | {"subject": subject})


_NASTY = st.text(st.sampled_from("ab \n\n\t\r\0\u200b\u202e\u2028\ufeff\u00ad\u3000é-"), max_size=12)


@given(_NASTY)
def test_schema_and_code_agree_on_every_text(text: str) -> None:
    """What policy lets through the code takes, and what it refuses the code refuses."""
    for tool, name in (("email.send", "subject"), ("email.send", "body"), ("ticket.reopen", "reason")):
        accepted = accepts(tool, SOUND[tool] | {name: text})
        assert not (accepted and set(text) & set("\t\r\0\u200b\u202e\u2028\ufeff\u00ad"))
        assert not (accepted and "\n\n\n" in text)
        assert not (accepted and "\n" in text and name != "body")


def test_an_update_shows_before_and_after_and_how_to_go_back() -> None:
    """Each named field as it is and as it will be, and the values that undo it."""
    preview = _preview(
        "ticket.update", {"ticket_id": "T-1", "priority": "high", "tags": [], "status": "pending"}
    )
    assert preview.target == "T-1 “Password reset loops”"
    assert _changes(preview) == [
        ("priority", "normal", "high"),
        ("tags", "login", ""),
        ("status", "open", "pending"),
    ]
    assert preview.stakes.startswith(
        "1 ticket of 1 customer (Jane Doe): it is taken up too early or too late;"
    )
    assert preview.undo.startswith("At any time: set priority to normal, tags to login, status to open again")


@pytest.mark.parametrize(
    ("fields", "ticket", "said"),
    [
        ({"priority": "normal"}, {}, "T-1 has priority like that already"),
        ({"priority": "normal", "tags": ["login"]}, {}, "T-1 has priority and tags like that already"),
        ({"status": "open"}, CLOSED, "T-1 is closed: reopen it first"),
    ],
)
def test_an_update_that_changes_nothing_is_not_proposed(fields: Json, ticket: Json, said: str) -> None:
    """Nobody is asked about nothing, nor about what the helpdesk will refuse."""
    answer = _prepared("ticket.update", {"ticket_id": "T-1", **fields}, **ticket)
    assert isinstance(answer, Answer)
    assert (answer.outcome, answer.text) == (Outcome.REFUSED, said)


def test_a_reopening_takes_the_close_back() -> None:
    """Only a closed ticket is opened again, and closing it is how to undo that."""
    preview = _preview("ticket.reopen", SOUND["ticket.reopen"], **CLOSED)
    assert _changes(preview) == [
        ("status", "closed", "open"),
        ("resolution", "article KB-12", ""),
        ("reason", "", "It is back."),
    ]
    assert "ticket.close" in preview.undo
    answer = _prepared("ticket.reopen", SOUND["ticket.reopen"])
    assert isinstance(answer, Answer)
    assert answer.text == "T-1 is open, not closed"


def test_a_mail_shows_whom_it_goes_to_and_that_nothing_takes_it_back() -> None:
    """The recipient is the ticket's requester; there is no undo, and the stakes say so."""
    preview = _preview("email.send", MAIL)
    assert _changes(preview) == [
        ("mail to", "", "jane@example.com"),
        ("subject", "", "Your ticket"),
        ("body", "", MAIL["body"]),
    ]
    assert "cannot be called back" in preview.stakes
    assert preview.undo == ""
    operation = _write("email.send")
    request = operation.request(operation.parse(MAIL))
    assert request.path == "/tickets/{ticket_id}/mails"
    assert request.body == {"subject": MAIL["subject"], "body": MAIL["body"]}
    assert not operation.finds


@pytest.mark.parametrize(
    "email",
    [
        "",
        "jane",
        "jane@",
        "a@b.example, c@d.example",
        "jane@example.com\nBcc: x@y",
        '"x y"@z',
        "j\u0430ne@x.y",
    ],
)
def test_a_requester_without_a_plain_address_gets_no_mail(email: str) -> None:
    """What is no single ASCII address is neither drafted to nor shown on a card."""
    with pytest.raises(Stopped) as stopped:
        _prepared("email.send", MAIL, requester={"name": "Jane", "email": email})
    assert stopped.value.answer.outcome is Outcome.REFUSED
    with pytest.raises(Stopped):
        _read("email.draft", MAIL, TICKET | {"requester": {"name": "Jane", "email": email}})


@pytest.mark.parametrize("tool", ["ticket.update", "ticket.close", "email.send"])
def test_another_ticket_or_no_version_is_not_proposed(tool: str) -> None:
    """A card shows the ticket that will change, at the version at which it was read."""
    for ticket, etag in (({"id": "T-2"}, '"3"'), ({}, "")):
        with pytest.raises(Stopped) as stopped:
            _prepared(tool, SOUND[tool], etag, **ticket)
        assert stopped.value.answer.outcome is Outcome.FAILED


def test_a_draft_is_an_artifact_and_a_result() -> None:
    """The draft names the requester, comes back to the model, and only the ticket was read for it."""
    made, desk = _read("email.draft", MAIL, TICKET)
    content = {"to": "jane@example.com", "subject": MAIL["subject"], "body": MAIL["body"]}
    assert made == Made(kind="email", content=content, result={"draft": content, "sent": False})
    assert desk.asked == [("/tickets/{ticket_id}", {"ticket_id": "T-1"})]


def test_a_search_asks_for_what_it_was_given_and_shows_summaries() -> None:
    """Words, status and limit become the query; bodies and addresses stay at the helpdesk."""
    summary = {name: TICKET[name] for name in ("id", "subject", "status", "priority", "tags", "customer_id")}
    page = {"tickets": [TICKET | {"updated_at": "2026-10-05T07:30:00.000Z"}] * 3, "cursor": "T-1"}
    found, desk = _read("tickets.search", {"words": "reset", "status": "open", "limit": 2}, page)
    assert desk.asked == [("/tickets", {"q": "reset", "limit": "2", "status": "open"})]
    assert found == {"tickets": [summary | {"updated_at": "2026-10-05T07:30:00.000Z"}] * 2, "more": True}
    _, desk = _read("tickets.search", {"status": None}, page | {"cursor": None})
    assert desk.asked == [("/tickets", {"q": "", "limit": "10"})]


def test_a_customer_is_shown_without_ways_to_reach_them() -> None:
    """Name, company, plan and since; an answer about somebody else is no answer."""
    customer = {"id": "C-1", "name": "Jane", "company": "Acme", "plan": "team", "since": "2020-01-15"}
    found, _ = _read("customers.get", {"customer_id": "C-1"}, customer | {"email": "j@x.y", "phone": "+1"})
    assert found == {"customer": customer}
    with pytest.raises(Stopped):
        _read("customers.get", {"customer_id": "C-2"}, customer)


def _undo(tool: str, arguments: Json, **ticket: Any) -> Json:
    prepared = _prepared(tool, arguments, **ticket)
    assert isinstance(prepared, Prepared), prepared
    undo = offered(LOADED.catalogue, SPECS[tool].undo, prepared.undo_arguments)
    return None if undo is None else {undo.tool: undo.arguments}


def test_a_close_is_undone_by_reopening_and_a_reopening_by_closing_as_it_was() -> None:
    """A ticket is closed again with its own reason and article, where the tool could have written them."""
    close = {"ticket_id": "T-1", "reason": "Solved."}
    reopened = {"ticket_id": "T-1", "reason": "Closing it was undone."}
    assert _undo("ticket.close", close) == {"ticket.reopen": reopened}
    again = {"ticket_id": "T-1", "reason": "It is back."}
    before = {"reason": "KB-12 helps.", "article": "KB-12"}
    closed = {"ticket_id": "T-1", "reason": "KB-12 helps.", "resolution_article": "KB-12"}
    assert _undo("ticket.reopen", again, status="closed", resolution=before) == {"ticket.close": closed}
    strange: list[Json] = [
        None,
        {"reason": "two\nlines"},
        {"reason": "x", "article": "elsewhere"},
        {"reason": ""},
    ]
    for resolution in strange:
        undo = _undo("ticket.reopen", again, status="closed", resolution=resolution)
        assert undo["ticket.close"]["reason"] == "Opening it again was undone."


@pytest.mark.parametrize(
    ("fields", "restored"),
    [
        ({"priority": "high"}, {"priority": "normal"}),
        ({"priority": "high", "status": "open"}, {"priority": "normal"}),
        ({"tags": ["a"], "status": "pending"}, {"tags": ["login"], "status": "open"}),
        ({"tags": []}, {"tags": ["login"]}),
    ],
)
def test_an_update_is_undone_by_restoring_what_it_changes_and_only_that(fields: Json, restored: Json) -> None:
    """A field that is set to what it is has nothing to restore; what is not named stays out."""
    assert _undo("ticket.update", {"ticket_id": "T-1", **fields}) == {
        "ticket.update": {"ticket_id": "T-1", **restored}
    }


def test_what_the_tool_could_not_write_itself_is_not_restored() -> None:
    """Tags that a colleague made up are no arguments of the tool: no undo for that, nor for a mail."""
    tags = {"ticket_id": "T-1", "tags": ["a"]}
    assert _undo("ticket.update", tags, tags=["VIP customer"]) is None
    said = _preview("ticket.update", tags, tags=["VIP customer"]).undo
    assert said == "At any time: set tags to VIP customer again in the helpdesk."
    assert _undo("email.send", MAIL) is None


def test_a_mail_of_a_usual_length_is_shown_whole_with_its_buttons() -> None:
    """Forty lines of prose fit on a card, each behind its bar; what does not fit has no buttons."""
    line = "We have looked into it & found what helps."
    body = "\n".join([line] * 40)
    card = json.dumps(_card(MAIL | {"body": body}), ensure_ascii=False)
    assert card.count(f"│ {line}") == 40
    assert "interlock.approve" in card
    crowded = json.dumps(_card(MAIL | {"body": "\n".join(["&&"] * 600)}))
    assert "interlock.approve" not in crowded
    assert "does not fit on a card" in crowded


def _card(arguments: Json) -> Json:
    spec = SPECS["email.send"]
    action = frozen(spec, arguments=arguments, preview=_preview("email.send", arguments))
    approval = approval_of(action, deadline_ms=None)
    return render(approval, people={}, now_ms=ASKED, page_url=None).blocks
