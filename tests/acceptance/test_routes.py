"""Each shipped route once through the whole stack, against the helpdesk's own count."""

import json

from tests.acceptance.conftest import ADA, World

#: Another tenant than the one whose tickets the other tests use up.
TENANT = "globex"
#: By what they are about: nobody answered it, help was in vain, the customer confirmed.
UNANSWERED, IN_VAIN, CONFIRMED = "T-18092", "T-18134", "T-18113"
LOST_UPDATE, LOST_MAIL = "T-18323", "T-18344"
REFUND, ORDER = "T-19268", "O-10259"


async def _approved(world: World, route: str, ticket: str) -> str:
    """A run on this ticket, with its one write approved by a click; the run's id."""
    run_id = await world.submit(route, {"ticket_id": ticket}, tenant=TENANT)
    waiting = await world.asked(run_id, ticket)
    assert await world.writes(ticket) == []
    await world.click(waiting, ADA)
    return run_id


async def test_draft_makes_an_artifact_and_writes_nothing(world: World) -> None:
    """The run's result holds the draft, addressed to whoever asked; no write, no mail, nobody was asked."""
    run_id = await world.submit("support/draft", {"ticket_id": CONFIRMED}, tenant=TENANT)
    run = await world.reaches(run_id, "completed")
    (artifact,) = run["result"]["artifacts"]
    drafted = run["actions"][-1]
    assert artifact["kind"] == "email"
    assert artifact["action"] == {"step": drafted["step"], "tool": "email.draft"}
    assert artifact["content"].keys() == {"to", "subject", "body"}
    assert artifact["content"]["to"].endswith(".example")
    assert [action["tool"] for action in run["actions"]] == [
        *("tickets.get", "customers.get", "kb.search", "email.draft")
    ]
    assert {action["decision"] for action in run["actions"]} == {"allow"}
    assert (await world.writes(CONFIRMED), await world.mails(CONFIRMED)) == ([], [])


async def test_update_changes_a_ticket_once_after_a_click(world: World) -> None:
    """One write, by the approved key, of what the card showed."""
    run = await world.reaches(await _approved(world, "support/update", IN_VAIN), "completed")
    assert run["actions"][-1]["outcome"] == "succeeded"
    (write,) = await world.writes(IN_VAIN)
    assert (write["operation"], write["scope"]) == ("patch", "write")
    assert write["idempotency_key"] == run["actions"][-1]["idempotency_key"]
    assert run["result"]["text"] == f"{IN_VAIN} was changed."


async def test_send_mails_the_requester_once_after_a_click(world: World) -> None:
    """One mail, with the mail credential, whose every line was on the card."""
    run_id = await world.submit("support/send", {"ticket_id": UNANSWERED}, tenant=TENANT)
    waiting = await world.asked(run_id, UNANSWERED)
    card = json.dumps((await world.card(waiting))["blocks"], ensure_ascii=False)
    assert await world.mails(UNANSWERED) == []
    await world.click(waiting, ADA)
    run = await world.reaches(run_id, "completed")
    assert run["actions"][-1]["outcome"] == "succeeded"
    (write,), (mail,) = await world.writes(UNANSWERED), await world.mails(UNANSWERED)
    assert (write["operation"], write["scope"]) == ("send_mail", "mail")
    assert write["idempotency_key"] == waiting.key
    assert mail["recipient"] in card
    assert mail["subject"] in card
    assert all(f"│ {line}" in card for line in mail["body"].split("\n") if line)
    assert "It cannot be undone" in card


async def test_triage_reads_and_writes_nothing(world: World) -> None:
    """A summary of the open tickets; nothing was written by anybody meanwhile."""
    before = await world.all_writes()
    run_id = await world.submit("ops/triage", {"status": "open", "limit": 5}, tenant=TENANT)
    run = await world.reaches(run_id, "completed")
    assert [action["tool"] for action in run["actions"]] == ["tickets.search", *["tickets.get"] * 3]
    assert {action["effect"] for action in run["actions"]} == {"read"}
    assert run["result"]["text"].startswith("5 tickets, and there are more: ")
    assert await world.all_writes() == before


async def test_research_reads_the_documentation_and_names_its_page(world: World) -> None:
    """A page of the web, got without a credential, answers; the action says which rule let it out."""
    question = {"question": "Why does my password reset link say auth token expired?"}
    run = await world.reaches(await world.submit("research", question, tenant=TENANT), "completed")
    assert [action["tool"] for action in run["actions"]] == ["kb.search", "http.get"]
    assert run["actions"][-1]["reasons"] == [
        *("the route allows `http.get`", "the route lets it reach docs.interlock.test")
    ]
    assert "is valid for 30 minutes" in run["result"]["text"]
    assert "http://docs.interlock.test/docs/KB-2001" in run["result"]["text"]


async def test_a_refund_takes_two_people_and_the_second_s_passkey(world: World) -> None:
    """What the ticket asks for is proposed; one click pays nothing, nor do two, and a signature pays once."""
    run_id = await world.submit("billing/refund", {"ticket_id": REFUND}, tenant=TENANT)
    waiting = await world.asked(run_id, ORDER)
    card = json.dumps((await world.card(waiting))["blocks"], ensure_ascii=False)
    assert f"order {ORDER} of Rashid Karim" in card
    assert "EUR 240.00" in card
    await world.click(waiting, ADA)
    approval = await world.approval(waiting.approval_id)
    assert (approval["state"], approval["needed"], len(approval["grants"])) == ("waiting", 2, 1)
    second = await world.decide(waiting, "grace", "approve")
    assert (second.status_code, second.json()["refusal"]) == (403, "needs_passkey")
    assert second.json()["detail"].endswith(f"/approvals/{waiting.approval_id}")
    assert (await world.run(run_id))["state"] == "waiting_approval"
    assert await world.writes(ORDER) == []
    assert (await world.sign(waiting)).status_code == 303
    run = await world.reaches(run_id, "completed")
    assert run["actions"][-1]["approvers"] == ["principal:ada", "principal:grace"]
    (write,) = await world.writes(ORDER)
    assert (write["operation"], write["idempotency_key"]) == ("refund", run["actions"][-1]["idempotency_key"])


async def test_a_mail_without_an_answer_is_unknown_and_was_sent_once(world: World) -> None:
    """``none``: nothing repeats it and nobody claims to know; a person looks, and says that it was sent."""
    await world.fault("send_mail", "lose_answer")
    question = await world.questioned(await _approved(world, "support/send", LOST_MAIL), LOST_MAIL)
    assert (await world.decide(question, "grace", "it_did")).status_code == 200
    run = await world.reaches(question.run_id, "completed")
    assert run["actions"][-1]["outcome"] == "succeeded"
    assert len(await world.mails(LOST_MAIL)) == len(await world.writes(LOST_MAIL)) == 1


async def test_an_update_without_an_answer_is_found_and_was_done_once(world: World) -> None:
    """``lookup``: the helpdesk says what it did under our key, so the run goes on."""
    await world.fault("patch", "lose_answer")
    run = await world.reaches(await _approved(world, "support/update", LOST_UPDATE), "completed")
    assert run["actions"][-1]["outcome"] == "succeeded"
    assert len(await world.writes(LOST_UPDATE)) == 1
