"""The toolbox against the helpdesk itself."""

import json

from contracts.run import Outcome
from contracts.toolbox import Answer
from tests.gates import open_gate
from tests.integration.toolbox.box import CLOSE, SPECS, close_frozen, toolbox
from tests.integration.toolbox.desk import control
from tests.integration.toolbox.vault import READ_TOKEN, SCOPE, WRITE_TOKEN, Vault


async def test_the_helpdesk_closes_a_ticket_once(helpdesk: str) -> None:
    """Search, read, prepare, arm, send, send again, look up: one execution under our key."""
    box = toolbox(helpdesk)
    search = await box.read(SPECS["kb.search"], {"query": "password reset token expired", "limit": 3}, SCOPE)
    articles = json.loads(search.content)["articles"]
    assert 1 <= len(articles) <= 3
    assert articles[0].keys() == {"id", "title", "snippet", "score"}
    read = await box.read(SPECS["tickets.get"], {"ticket_id": "T-18421"}, SCOPE)
    assert json.loads(read.content)["ticket"]["status"] == "open"
    frozen = await close_frozen(box, CLOSE | {"resolution_article": articles[0]["id"]})
    armed = await box.arm(SPECS["ticket.close"], frozen, SCOPE)
    assert armed.version == frozen.target_version
    assert await armed.find() is None
    first, second = await armed.send(open_gate), await armed.send(open_gate)
    assert first == second
    assert json.loads(first.content)["ticket"]["status"] == "closed"
    found = await armed.find()
    assert found is not None
    assert found.outcome is Outcome.SUCCEEDED
    assert (await control(helpdesk, "GET", "/writes"))["executions"] == {frozen.idempotency_key: 1}
    again = await box.prepare(SPECS["ticket.close"], CLOSE, SCOPE)
    assert isinstance(again, Answer)
    assert again.text == "T-18421 is already closed"


async def test_the_helpdesks_lost_answer_is_unknown_and_the_key_finds_it(helpdesk: str) -> None:
    """After a lost answer the write is unknown; the same key gets the stored answer and no second effect."""
    box = toolbox(helpdesk)
    frozen = await close_frozen(box, CLOSE | {"resolution_article": None})
    armed = await box.arm(SPECS["ticket.close"], frozen, SCOPE)
    await control(helpdesk, "PUT", "/faults", {"operation": "close", "mode": "lose_answer"})
    assert (await armed.send(open_gate)).outcome is Outcome.UNKNOWN
    assert (await armed.send(open_gate)).outcome is Outcome.SUCCEEDED
    assert (await control(helpdesk, "GET", "/writes"))["executions"] == {frozen.idempotency_key: 1}


async def test_the_helpdesk_refuses_a_ticket_that_changed(helpdesk: str) -> None:
    """If-Match holds to the version that was approved; arming shows the new one."""
    box = toolbox(helpdesk)
    frozen = await close_frozen(box, CLOSE | {"resolution_article": None})
    await control(helpdesk, "POST", "/touch/T-18421")
    armed = await box.arm(SPECS["ticket.close"], frozen, SCOPE)
    assert armed.version != frozen.target_version
    assert (await armed.send(open_gate)).outcome is Outcome.REFUSED
    assert (await control(helpdesk, "GET", "/writes"))["writes"] == []


async def test_the_helpdesk_refuses_keys_of_the_wrong_scope_and_tickets_of_others(helpdesk: str) -> None:
    """A write key does not read, a read key does not write, and what is not there is refused."""
    box = toolbox(helpdesk, Vault({"ticketing-read": WRITE_TOKEN}))
    read = await box.read(SPECS["tickets.get"], {"ticket_id": "T-18421"}, SCOPE)
    assert read.text == "the helpdesk refused our credential dev/acme/ticketing-read"
    swapped = toolbox(helpdesk, Vault({"ticketing-read": READ_TOKEN, "ticketing-write": READ_TOKEN}))
    armed = await swapped.arm(SPECS["ticket.close"], await close_frozen(swapped, CLOSE), SCOPE)
    assert (
        await armed.send(open_gate)
    ).text == "the helpdesk refused our credential dev/acme/ticketing-write"
    missing = await toolbox(helpdesk).prepare(
        SPECS["ticket.close"], CLOSE | {"ticket_id": "T-999999999"}, SCOPE
    )
    assert isinstance(missing, Answer)
    assert missing.outcome is Outcome.REFUSED
