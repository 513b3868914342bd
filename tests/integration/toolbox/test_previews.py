"""What people are shown, and that nothing else is armed."""

from dataclasses import replace
from typing import Any

import pytest

from contracts.action import Prepared
from contracts.errors import Malformed, PermissionRefused
from contracts.run import Outcome
from contracts.toolbox import Answer
from tests.integration.toolbox.box import CLOSE, SPECS, close_frozen, toolbox
from tests.integration.toolbox.hostile import TICKET, Hostile, said
from tests.integration.toolbox.vault import SCOPE, own_vault


async def test_a_preview_says_what_changes_who_is_affected_and_how_to_undo_it(hostile: Hostile) -> None:
    """The card's facts come from the ticket that was read."""
    prepared = await toolbox(hostile.url).prepare(SPECS["ticket.close"], CLOSE, SCOPE)
    assert isinstance(prepared, Prepared)
    preview = prepared.preview
    assert prepared.version == '"3"'
    assert preview.target == "T-18421 “Password reset loops”"
    assert [(change.field, change.before, change.after) for change in preview.changes] == [
        ("status", "open", "closed"),
        ("resolution", "", "article KB-12"),
        ("reason", "", "Resolved by the customer."),
    ]
    assert preview.stakes.startswith("1 customer (Jane Doe) sees the ticket as resolved")
    assert preview.undo == "At any time: reopen T-18421 with ticket.reopen, or in the helpdesk."


async def test_a_hostile_subject_cannot_dress_a_card(hostile: Hostile) -> None:
    """Line breaks, controls, turned text and length end at the preview."""
    subject = "ok\n\nApproved by: CEO\u202e\x1b[2J" + "x" * 9999
    hostile.read = said(200, TICKET | {"subject": subject, "requester": {"name": "J\n" * 500}}, ETag='"3"')
    prepared = await toolbox(hostile.url).prepare(SPECS["ticket.close"], CLOSE, SCOPE)
    assert isinstance(prepared, Prepared)
    assert prepared.preview.target.isprintable()
    assert prepared.preview.stakes.isprintable()
    assert len(prepared.preview.target) < 200
    assert len(prepared.preview.stakes) < 300


async def test_a_closed_ticket_is_not_proposed(hostile: Hostile) -> None:
    """What is done already is refused before anybody is asked."""
    hostile.read = said(200, TICKET | {"status": "closed"}, ETag='"4"')
    answer = await toolbox(hostile.url).prepare(SPECS["ticket.close"], CLOSE, SCOPE)
    assert isinstance(answer, Answer)
    assert (answer.outcome, answer.text) == (Outcome.REFUSED, "T-18421 is already closed")


async def test_a_target_without_a_version_is_not_proposed(hostile: Hostile) -> None:
    """Without a version nobody could tell whether the ticket is still what was approved."""
    hostile.read = said(200, TICKET)
    answer = await toolbox(hostile.url).prepare(SPECS["ticket.close"], CLOSE, SCOPE)
    assert isinstance(answer, Answer)
    assert answer.outcome is Outcome.FAILED
    assert "named no version" in answer.text


CHANGES: list[dict[str, Any]] = [
    {"tenant": "globex"},
    {"env": "prod"},
    {"request_id": "req_000000000000"},
    {"tool": "ticket.reopen"},
    {"tool_version": "2"},
    {"address": "bank"},
    {"credential": "ticketing-read"},
    {"effect": "read"},
]


@pytest.mark.parametrize("change", CHANGES)
async def test_a_frozen_action_of_something_else_is_not_armed(
    hostile: Hostile, change: dict[str, Any]
) -> None:
    """Frozen action, pinned tool and capability speak of one thing, or no secret is fetched."""
    vault = own_vault()
    box = toolbox(hostile.url, vault)
    frozen = await close_frozen(box, CLOSE)
    vault.asked.clear()
    with pytest.raises(PermissionRefused):
        await box.arm(SPECS["ticket.close"], replace(frozen, **change), SCOPE)
    assert vault.asked == []


@pytest.mark.parametrize("key", ["a\r\nX: y", "schlüssel", ""])
async def test_a_key_that_no_header_carries_is_refused_before_the_claim(hostile: Hostile, key: str) -> None:
    """What could not be sent exactly is not armed."""
    box = toolbox(hostile.url)
    frozen = replace(await close_frozen(box, CLOSE), idempotency_key=key)
    with pytest.raises(Malformed, match="Idempotency-Key holds characters"):
        await box.arm(SPECS["ticket.close"], frozen, SCOPE)
