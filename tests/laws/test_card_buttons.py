"""Laws of a card's buttons: who can do what from it, and when it offers nothing."""

from dataclasses import replace
from typing import Any

import pytest

from adapters.card_buttons import APPROVE, DENY, OPEN, WITHDRAW
from contracts.action import Change, Frozen, Preview
from contracts.approval import ApprovalState
from contracts.tokens import Grant
from tests.frozen import ASKED
from tests.laws.cards import (
    FROZEN,
    PAGE,
    PREVIEW,
    REFUND,
    SIGNED,
    actions,
    approval,
    body,
    buttons,
    grant,
    shown,
)

DEV = replace(FROZEN, env="dev")
LATER = ASKED + 5 * 3_600_000


def test_buttons_carry_the_approval_and_the_digest() -> None:
    """Each click names the approval and the bytes it is about."""
    card = shown(approval(DEV))
    approve, deny = buttons(card)
    assert [approve["action_id"], deny["action_id"]] == [APPROVE, DENY]
    assert approve["value"] == deny["value"] == f"apr_1|{DEV.digest()}"
    assert (approve["style"], deny["style"]) == ("primary", "danger")
    assert card.blocks[-2]["block_id"] == "apr_1"


@pytest.mark.parametrize(
    ("action", "asked"),
    [
        (DEV, False),
        (FROZEN, True),
        (replace(DEV, effect="destructive"), True),
        (replace(DEV, env="Prod"), True),
    ],
)
def test_only_what_weighs_is_asked_twice(action: Frozen, asked: bool) -> None:
    """Destructive, or in production: approving asks once more. Denying never does, it has a modal."""
    approve, deny = buttons(shown(approval(action, needed=3)))
    assert ("confirm" in approve) is asked
    assert "confirm" not in deny


def test_the_dialog_names_what_a_person_must_not_miss() -> None:
    """Environment, tenant, figure and target stand in the dialog, the places first."""
    approve = buttons(shown(approval(replace(REFUND, env="prod"), needed=3)))[0]
    assert approve["confirm"]["text"]["text"].split("\n") == [
        "⚠ PRODUCTION · acme",
        "EUR 49.00 · 1 customer",
        "order O-10231 of Maria Silva",
        "refund.create",
    ]


@pytest.mark.parametrize(
    "preview",
    [
        replace(PREVIEW, changes=(Change(field="body", before="", after="x" * 3_001),)),
        replace(
            PREVIEW, changes=tuple(Change(field=f"f{n}", before="", after="y" * 2_900) for n in range(45))
        ),
        replace(
            PREVIEW, changes=tuple(Change(field=f"f{n}", before="", after="y" * 2_000) for n in range(5))
        ),
        replace(PREVIEW, target="t" * 3_001),
        replace(PREVIEW, stakes="s" * 3_001),
        replace(PREVIEW, undo="u" * 3_001),
        replace(PREVIEW, changes=(Change(field="body", before="", after="\u200b" * 400),)),
    ],
)
def test_no_decision_unless_the_whole_action_fits(preview: Preview) -> None:
    """A part that was cut may be the part that matters: the card says where to read all of it."""
    card = shown(approval(replace(FROZEN, preview=preview)), page_url=PAGE)
    assert actions(card) == [OPEN]
    assert "interlock approvals show apr_1" in body(card)
    assert actions(shown(approval(replace(FROZEN, preview=preview)))) == []


@pytest.mark.parametrize(("count", "decides"), [(20, True), (21, False)])
def test_more_changes_than_a_person_takes_in_are_not_decided_on_a_card(count: int, decides: bool) -> None:
    """Twenty short lines can be read in a channel; forty are approved unread."""
    changes = tuple(Change(field=f"f{n}", before="1", after="2") for n in range(count))
    card = shown(approval(replace(FROZEN, preview=replace(PREVIEW, changes=changes))))
    assert (APPROVE in actions(card)) is decides
    assert ("more changes" in body(card)) is not decides


def test_long_arguments_take_the_buttons_away() -> None:
    """The frozen bytes count too, not only what the preview tells of them."""
    assert buttons(shown(approval(replace(FROZEN, arguments={"body": "x" * 3_000})))) == []


@pytest.mark.parametrize(
    "more", [{"tenant": "t" * 41}, {"env": "e" * 41}, {"tool": "t" * 101}, {"address": "a" * 101}]
)
def test_a_place_that_was_cut_takes_the_buttons_away(more: dict[str, Any]) -> None:
    """Two tenants whose names begin alike must not look alike."""
    assert buttons(shown(approval(replace(FROZEN, **more)))) == []


def test_the_agents_words_leave_the_buttons() -> None:
    """Its reasons are no part of the action."""
    assert actions(shown(approval(replace(FROZEN, words="because " * 5_000)))) == [APPROVE, DENY]


def test_a_record_that_is_not_the_frozen_one_has_no_buttons() -> None:
    """A harmless text over another action's digest is not offered for approval."""
    card = shown(approval(action_digest="sha256:" + "0" * 64), page_url=PAGE)
    assert buttons(card) == []
    assert "Decide nothing" in body(card)


def test_after_the_deadline_there_are_no_buttons() -> None:
    """Past its time a card offers nothing that could still count, and says so first."""
    card = shown(approval(), now_ms=LATER, page_url=PAGE)
    assert buttons(card) == []
    assert body(card).startswith("Expired · ")
    assert "It expires on" not in body(card)
    assert actions(shown(approval(deadline_ms=None), now_ms=LATER)) == [APPROVE, DENY]


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        (PAGE, True),
        (None, False),
        ("", False),
        ("javascript:alert(1)", False),
        ("https://x.example/ y", False),
        ("https://x.example/\u202e", False),
        ("https://x.example/" + "y" * 3_000, False),
    ],
)
def test_the_full_page_is_a_link_button(url: str | None, linked: bool) -> None:
    """It opens the page of this approval, where there is a sound address of one."""
    card = shown(approval(DEV), page_url=url)
    assert actions(card) == [APPROVE, DENY] + [OPEN] * linked
    assert not linked or buttons(card)[2]["url"] == url


GRACE = grant("grace", of=REFUND)


@pytest.mark.parametrize(
    ("needed", "given", "offered"),
    [
        (2, (), [APPROVE, DENY, OPEN]),
        (2, (GRACE,), [DENY, OPEN, WITHDRAW]),
        (2, (replace(GRACE, assertion=SIGNED),), [APPROVE, DENY, OPEN, WITHDRAW]),
        (3, (GRACE,), [APPROVE, DENY, OPEN, WITHDRAW]),
        (1, (), [DENY, OPEN]),
        (2, (GRACE, grant("grace", "withdraw", ASKED + 90_000, of=REFUND)), [APPROVE, DENY, OPEN]),
        (
            2,
            (
                replace(GRACE, assertion=SIGNED),
                grant("grace", "withdraw", ASKED + 90_000, of=REFUND),
                grant("ada", of=REFUND),
            ),
            [DENY, OPEN, WITHDRAW],
        ),
    ],
)
def test_the_last_approval_of_a_destructive_action_is_signed_on_the_page(
    needed: int, given: tuple[Grant, ...], offered: list[str]
) -> None:
    """No click completes it unless a passkey signed one of the approvals that stand."""
    card = shown(approval(REFUND, needed=needed, grants=given), page_url=PAGE)
    assert actions(card) == offered
    assert ("signed with a passkey on the full page" in body(card)) is (APPROVE not in offered)


@pytest.mark.parametrize(
    ("more", "offered"),
    [
        ({"needed": 2}, True),
        ({"state": ApprovalState.APPROVED}, True),
        ({"state": ApprovalState.APPROVED, "claimed": True}, False),
        ({"state": ApprovalState.APPROVED, "outcome": "skipped"}, False),
        ({"state": ApprovalState.DENIED}, False),
        ({"state": ApprovalState.CANCELLED}, False),
        ({"state": ApprovalState.EXPIRED}, False),
    ],
)
def test_an_approval_can_be_taken_back_until_the_claim(more: dict[str, Any], offered: bool) -> None:
    """The button stands while an approval stands and nothing was claimed."""
    card = shown(approval(grants=(grant("ada"),), decided_ms=ASKED, **more))
    assert (WITHDRAW in actions(card)) is offered
    assert WITHDRAW not in actions(shown(approval(**more)))
