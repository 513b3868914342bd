"""Cards as people read them, and the approvals that they are drawn from."""

import json
import unicodedata
from collections.abc import Iterator
from typing import Any

from slack_sdk.models.blocks import Block

from adapters.blocks import Card, Heading
from adapters.card import TOTAL
from adapters.cards import render
from contracts.action import Change, Frozen, Preview
from contracts.approval import ApprovalRecord
from contracts.passkey import Assertion
from contracts.tokens import Grant
from embedded.slack import blocks as kit
from tests.frozen import ASKED, approval_of, frozen

PEOPLE = {"principal:ada": "Ada Lovelace", "principal:grace": "Grace Hopper", "user:u-1042": "Uma"}
FROZEN = frozen()
PREVIEW = FROZEN.preview
REFUND = frozen(
    tool="refund.create",
    effect="destructive",
    env="dev",
    route="billing/refund",
    arguments={"order_id": "O-10231", "amount_cents": 4_900, "currency": "EUR", "reason": "Arrived broken."},
    target="O-10231",
    preview=Preview(
        target="order O-10231 of Maria Silva",
        changes=(
            Change(field="refunded", before="EUR 0.00", after="EUR 49.00"),
            Change(field="still refundable", before="EUR 120.00", after="EUR 71.00"),
            Change(field="reason", before="", after="Arrived broken."),
        ),
        stakes="1 customer (Maria Silva) gets EUR 49.00 of our money.",
        figures=("EUR 49.00", "1 customer"),
    ),
    words="The ticket says that the lamp arrived broken; the order was paid 3 days ago.",
)
"""Destructive: two people, one of them with a passkey."""

SIGNED = Assertion(credential_id="c", authenticator_data="a", client_data="d", signature="s")
PAGE = "http://localhost:8700/approvals/apr_1"


def approval(frozen_action: Frozen = FROZEN, /, **more: Any) -> ApprovalRecord:
    return approval_of(frozen_action, **more)


def grant(
    approver: str,
    decision: str = "approve",
    at_ms: int = ASKED + 60_000,
    *,
    of: Frozen = FROZEN,
    assertion: Assertion | None = None,
) -> Grant:
    return Grant(
        jti=f"gr_{approver}_{decision}",
        approval_id="apr_1",
        action_digest=of.digest(),
        run_id="run_1",
        tenant="acme",
        env="prod",
        approver=f"principal:{approver}",
        decision=decision,
        way="slack",
        at_ms=at_ms,
        assertion=assertion,
    )


def shown(record: ApprovalRecord, *, now_ms: int = ASKED, page_url: str | None = None) -> Card:
    card = render(record, people=PEOPLE, now_ms=now_ms, page_url=page_url)
    lawful(card)
    return card


def lawful(card: Card) -> None:
    """Within Slack's limits as its own models and the stand-in read them; markup in our own words alone."""
    assert kit.complaints(kit.MESSAGE, "/blocks", card.blocks) == []
    assert kit.text_length(card.blocks) <= TOTAL < kit.BLOCKS_TEXT
    parsed = Block.parse_all(card.blocks)
    assert len(parsed) == len(card.blocks)
    for block, read in zip(card.blocks, parsed, strict=True):
        read.validate_json()
        assert json.loads(json.dumps(read.to_dict())) == block
    assert set(marked_up(card.blocks)) <= {f"*{words}*" for words in Heading}
    assert '"emoji": true' not in json.dumps(card.blocks)
    assert 0 < len(card.text) <= 1_000
    assert not set("<>") & set(card.text)
    for text in texts(card.blocks, "plain_text"):
        assert not [
            c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        ]


def texts(value: Any, *kinds: str) -> Iterator[str]:
    """Texts of these kinds, in their order."""
    if isinstance(value, list):
        for entry in value:
            yield from texts(entry, *kinds)
    elif isinstance(value, dict):
        if value.get("type") in ("plain_text", "mrkdwn"):
            yield from [value["text"]] if value["type"] in kinds else []
        else:
            for entry in value.values():
                yield from texts(entry, *kinds)


def marked_up(value: Any) -> Iterator[str]:
    return texts(value, "mrkdwn")


def body(card: Card) -> str:
    """As it is read, less its buttons; headings of ours between stars."""
    blocks = [block for block in card.blocks if block["type"] != "actions"]
    return "\n".join(texts(blocks, "plain_text", "mrkdwn"))


def large(card: Card) -> list[str]:
    """What stands in large letters."""
    return [block["text"]["text"] for block in card.blocks if block["type"] == "header"]


def fields(card: Card) -> list[str]:
    return [field["text"] for block in card.blocks for field in block.get("fields", ())]


def actions(card: Card) -> list[str]:
    return [button["action_id"] for button in buttons(card)]


def buttons(card: Card) -> list[dict[str, Any]]:
    return [e for block in card.blocks if block["type"] == "actions" for e in block["elements"]]
