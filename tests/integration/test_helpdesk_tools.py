"""The helpdesk's tools against the helpdesk itself: ways to retry, refunds, a draft that touches nothing."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from contracts.action import Frozen
from contracts.digest import Json
from contracts.errors import Malformed
from contracts.run import Outcome
from contracts.toolbox import Answer
from contracts.transcript import RESULT_LIMIT
from tests.gates import open_gate
from tests.integration.helpdesk.served import TOKENS, Served, start
from tests.integration.toolbox.box import LOADED, SPECS, freeze
from tests.integration.toolbox.vault import SCOPE, Vault
from tools.armed import ArmedWrite
from tools.operation import Made, PythonRead, Reader
from tools.ticket import TicketArguments
from tools.toolbox import HttpToolbox

TOKEN = TOKENS["acme-read"]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = start(tmp_path_factory.mktemp("helpdesk"))
    yield served
    assert served.stop() == 0


@pytest.fixture
def faulty(desk: Served) -> Iterator[Served]:
    yield desk
    desk.control("DELETE", "faults")


def _box(desk: Served, **tokens: str) -> HttpToolbox:
    kept = {f"ticketing-{scope}": TOKENS[f"acme-{scope}"] for scope in ("read", "write")}
    kept |= {"refunds-read": TOKENS["acme-orders"], "refunds-write": TOKENS["acme-refund"]}
    vault = Vault({**kept, "mail-write": TOKENS["acme-mail"], **tokens})
    return HttpToolbox(LOADED.operations, vault, {"helpdesk": desk.address})


async def _read(desk: Served, tool: str, arguments: Json) -> Any:
    answer = await _box(desk).read(SPECS[tool], arguments, SCOPE)
    assert answer.outcome is Outcome.SUCCEEDED, answer.text
    return json.loads(answer.content)


async def _frozen(box: HttpToolbox, tool: str, arguments: dict[str, Any]) -> Frozen:
    target = SPECS[tool].target
    assert target is not None
    return await freeze(box, SPECS[tool], arguments, arguments[target.removeprefix("/")])


async def _armed(
    desk: Served, tool: str, arguments: dict[str, Any], **tokens: str
) -> tuple[ArmedWrite, Frozen]:
    box = _box(desk, **tokens)
    frozen = await _frozen(box, tool, arguments)
    return await box.arm(SPECS[tool], frozen, SCOPE), frozen


def _lose_answer(desk: Served, operation: str) -> None:
    desk.control("PUT", "faults", json={"operation": operation, "mode": "lose_answer"})


async def test_what_the_reads_show_leads_from_one_to_the_next(desk: Served) -> None:
    """A search finds tickets, a ticket names its customer, and a customer has a name."""
    found = await _read(desk, "tickets.search", {"words": "auth token", "status": "open", "limit": 5})
    assert "T-18421" in [ticket["id"] for ticket in found["tickets"]]
    assert {ticket["status"] for ticket in found["tickets"]} == {"open"}
    page = await _read(desk, "tickets.search", {"limit": 3})
    assert (len(page["tickets"]), page["more"]) == (3, True)
    ticket = (await _read(desk, "tickets.get", {"ticket_id": "T-18421"}))["ticket"]
    shown = (await _read(desk, "customers.get", {"customer_id": ticket["customer_id"]}))["customer"]
    assert (shown["name"], shown["company"]) == (ticket["requester"]["name"], "Nordlys Design")
    answer = await _box(desk).read(SPECS["customers.get"], {"customer_id": "C-2001"}, SCOPE)
    assert answer.outcome is Outcome.REFUSED


async def test_a_draft_reads_the_ticket_and_touches_nothing(desk: Served) -> None:
    """The draft is an artifact addressed to the requester; the helpdesk saw one read, no write, no mail."""
    before = desk.control("GET", "requests")["requests"]
    arguments = {"ticket_id": "T-18421", "subject": "Re: your login", "body": "Hello,\n\nall is well."}
    answer = await _box(desk).read(SPECS["email.draft"], arguments, SCOPE)
    draft = {
        "to": "marta.lindqvist@nordlys.example",
        "subject": arguments["subject"],
        "body": arguments["body"],
    }
    assert answer.artifact == {"kind": "email", "content": draft}
    assert json.loads(answer.content) == {"draft": draft, "sent": False}
    seen = desk.control("GET", "requests")["requests"][len(before) :]
    assert [(one["method"], one["path"]) for one in seen] == [("GET", "/tickets/T-18421")]
    assert desk.mails("T-18421") == []


class Echo(PythonRead[TicketArguments]):
    """A tool whose artifact repeats what it should not know, as long as it was told."""

    version = "1"
    description = "Repeat."
    arguments = TicketArguments

    def __init__(self, length: int) -> None:
        self.length = length

    async def read(self, session: Reader, arguments: TicketArguments) -> Json:
        await session.get("/tickets/{ticket_id}", parts={"ticket_id": arguments.ticket_id})
        content = {"body": f"{TOKEN} {'x' * self.length}"}
        return Made(kind="email", content=content, result="made")


@pytest.mark.parametrize(("length", "outcome"), [(9, Outcome.SUCCEEDED), (RESULT_LIMIT, Outcome.FAILED)])
async def test_an_artifact_is_scrubbed_and_whole_or_refused(
    desk: Served, length: int, outcome: Outcome
) -> None:
    """No secret in use is kept in an artifact; one that is too large is not cut, it is no artifact."""
    spec = replace(SPECS["tickets.get"], name="echo")
    box = HttpToolbox({"echo": Echo(length)}, Vault({"ticketing-read": TOKEN}), {"helpdesk": desk.address})
    answer = await box.read(spec, {"ticket_id": "T-18421"}, SCOPE)
    assert answer.outcome is outcome
    assert TOKEN not in str(answer)
    kept = {"kind": "email", "content": {"body": f"[secret removed] {'x' * length}"}}
    assert answer.artifact == (kept if outcome is Outcome.SUCCEEDED else None)
    assert answer.artifact or "make it shorter" in answer.text


async def test_an_update_is_found_by_its_key(faulty: Served) -> None:
    """``lookup``: after a lost answer the key finds what was done, once, at the version that was approved."""
    arguments = {"ticket_id": "T-18421", "priority": "urgent", "tags": ["login"]}
    armed, frozen = await _armed(faulty, "ticket.update", arguments)
    assert await armed.find() is None
    _lose_answer(faulty, "patch")
    assert (await armed.send(open_gate)).outcome is Outcome.UNKNOWN
    found = await armed.find()
    assert found is not None
    assert found.outcome is Outcome.SUCCEEDED
    (write,) = json.loads(found.content)["writes"]
    assert (write["operation"], write["ticket"]) == ("patch", "T-18421")
    assert faulty.executions(frozen.idempotency_key) == 1
    ticket = (await _read(faulty, "tickets.get", {"ticket_id": "T-18421"}))["ticket"]
    assert (ticket["priority"], ticket["tags"], ticket["status"]) == ("urgent", ["login"], "open")


async def test_an_update_of_a_ticket_that_changed_is_refused(desk: Served) -> None:
    """If-Match holds to the version that was approved."""
    box = _box(desk)
    frozen = await _frozen(box, "ticket.update", {"ticket_id": "T-18400", "priority": "urgent"})
    desk.control("POST", "touch/T-18400")
    armed = await box.arm(SPECS["ticket.update"], frozen, SCOPE)
    assert armed.version != frozen.target_version
    assert (await armed.send(open_gate)).outcome is Outcome.REFUSED
    assert desk.executions(frozen.idempotency_key) == 0


async def test_a_reopening_takes_back_a_close_once(faulty: Served) -> None:
    """``native``: sent again after a lost answer, the helpdesk answers from memory and does nothing more."""
    close, _ = await _armed(faulty, "ticket.close", {"ticket_id": "T-18442", "reason": "Solved."})
    assert (await close.send(open_gate)).outcome is Outcome.SUCCEEDED
    armed, frozen = await _armed(faulty, "ticket.reopen", {"ticket_id": "T-18442", "reason": "It is back."})
    _lose_answer(faulty, "reopen")
    assert (await armed.send(open_gate)).outcome is Outcome.UNKNOWN
    assert (await armed.send(open_gate)).outcome is Outcome.SUCCEEDED
    assert faulty.executions(frozen.idempotency_key) == 1
    assert (await _read(faulty, "tickets.get", {"ticket_id": "T-18442"}))["ticket"]["status"] == "open"


MAIL = {"ticket_id": "T-18463", "subject": "Your ticket", "body": "Hello,\n\nplease try again."}


async def test_a_mail_goes_out_with_its_own_credential_and_key(desk: Served) -> None:
    """The requester gets exactly the approved text; the helpdesk logged our key, and the mail scope."""
    armed, frozen = await _armed(desk, "email.send", MAIL)
    answer = await armed.send(open_gate)
    assert json.loads(answer.content)["mail"]["ticket"] == "T-18463"
    (mail,) = desk.mails("T-18463")
    assert mail["recipient"] == frozen.preview.changes[0].after
    assert (mail["subject"], mail["body"]) == (MAIL["subject"], MAIL["body"])
    (write,) = desk.control("GET", "writes", params={"key": frozen.idempotency_key})["writes"]
    assert (write["operation"], write["scope"]) == ("send_mail", "mail")


async def test_nobody_can_say_whether_a_mail_without_an_answer_was_sent(faulty: Served) -> None:
    """``none``: the key finds nothing, and whoever sent again would send a second mail."""
    armed, frozen = await _armed(faulty, "email.send", MAIL | {"ticket_id": "T-18484"})
    _lose_answer(faulty, "send_mail")
    answer = await armed.send(open_gate)
    assert (answer.outcome, answer.transient) == (Outcome.UNKNOWN, False)
    with pytest.raises(Malformed):
        await armed.find()
    assert faulty.executions(frozen.idempotency_key) == 1
    await armed.send(open_gate)
    assert faulty.executions(frozen.idempotency_key) == 2


async def test_a_mail_is_not_sent_with_a_key_that_changes_tickets(desk: Served) -> None:
    """The write credential in the mail's place is refused, and nothing leaves."""
    armed, _ = await _armed(
        desk, "email.send", MAIL | {"ticket_id": "T-18505"}, **{"mail-write": TOKENS["acme-write"]}
    )
    answer: Answer = await armed.send(open_gate)
    assert answer.text == "the helpdesk refused our credential dev/acme/mail-write"
    assert desk.mails("T-18505") == []


REFUND = {"order_id": "O-10231", "amount_cents": 4900, "currency": "EUR", "reason": "Bought by mistake."}


async def test_a_refund_is_paid_once_with_its_own_credentials(faulty: Served) -> None:
    """``native``: after a lost answer the same key gets the stored one; the order says what was paid."""
    armed, frozen = await _armed(faulty, "refund.create", REFUND)
    assert frozen.preview.target == "order O-10231 of Marta Lindqvist"
    assert frozen.preview.figures == ("EUR 49.00", "1 customer")
    _lose_answer(faulty, "refund")
    assert (await armed.send(open_gate)).outcome is Outcome.UNKNOWN
    answer = await armed.send(open_gate)
    assert json.loads(answer.content)["order"]["refunded_cents"] == 4900
    assert faulty.executions(frozen.idempotency_key) == 1
    (refund,) = faulty.refunds("O-10231")
    assert (refund["amount_cents"], refund["reason"]) == (4900, REFUND["reason"])
    (write,) = faulty.control("GET", "writes", params={"key": frozen.idempotency_key})["writes"]
    assert (write["operation"], write["scope"]) == ("refund", "refund")
    order = (await _read(faulty, "orders.get", {"order_id": "O-10231"}))["order"]
    assert (order["refunded_cents"], order["refundable_cents"]) == (4900, 9800)


async def test_a_refund_of_an_order_that_changed_is_refused_before_it_is_paid(desk: Served) -> None:
    """What approvers saw was another state of the order: arming shows it, and the helpdesk refuses."""
    box, refund = _box(desk), REFUND | {"order_id": "O-10252"}
    frozen = await _frozen(box, "refund.create", refund)
    desk.control("POST", "touch-order/O-10252")
    armed = await box.arm(SPECS["refund.create"], frozen, SCOPE)
    assert armed.version != frozen.target_version
    answer = await armed.send(open_gate)
    assert (answer.outcome, answer.changed) == (Outcome.REFUSED, True)
    assert desk.refunds("O-10252") == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"order_id": "O-10336", "amount_cents": 29_800}, "EUR 198.67 of O-10336 can still be refunded"),
        ({"order_id": "O-10357"}, "O-10357 is refunded in full already"),
        ({"order_id": "O-10294"}, "O-10294 was paid in USD, not in EUR"),
        ({"order_id": "O-99999"}, "there is no such order"),
        ({"order_id": "O-10238"}, "there is no such order"),
    ],
)
async def test_a_refund_that_cannot_be_paid_asks_nobody(
    desk: Served, change: dict[str, Any], said: str
) -> None:
    """Too much, nothing left, another currency, no such order, another tenant's: an answer, no proposal."""
    answer = await _box(desk).prepare(SPECS["refund.create"], REFUND | change, SCOPE)
    assert isinstance(answer, Answer)
    assert answer.outcome is Outcome.REFUSED
    assert said in answer.text


@pytest.mark.parametrize("token", ["acme-write", "acme-mail", "acme-orders"])
async def test_a_refund_is_not_paid_with_another_tools_key(desk: Served, token: str) -> None:
    """Whoever may change tickets, send mails or read orders pays nothing."""
    armed, _ = await _armed(
        desk, "refund.create", REFUND | {"order_id": "O-10315"}, **{"refunds-write": TOKENS[token]}
    )
    assert (await armed.send(open_gate)).text == "the helpdesk refused our credential dev/acme/refunds-write"
    assert desk.refunds("O-10315") == []
