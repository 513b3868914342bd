"""Cards as people read them, and the approvals that they are drawn from."""

import json
import unicodedata
from collections.abc import Iterator
from typing import Any

from slack_sdk.models.blocks import Block

from adapters.blocks import Card
from adapters.card import TOTAL
from adapters.cards import render
from contracts.action import Frozen
from contracts.approval import ApprovalRecord
from contracts.tokens import Grant
from embedded.slack import blocks as kit
from tests.frozen import ASKED, approval_of, frozen

PEOPLE = {"principal:ada": "Ada Lovelace", "principal:grace": "Grace Hopper", "user:u-1042": "Uma"}
FROZEN = frozen()
PREVIEW = FROZEN.preview


def approval(frozen_action: Frozen = FROZEN, /, **more: Any) -> ApprovalRecord:
    return approval_of(frozen_action, **more)


def grant(approver: str, decision: str = "approve", at_ms: int = ASKED + 60_000) -> Grant:
    return Grant(
        jti=f"gr_{approver}_{decision}",
        approval_id="apr_1",
        action_digest=FROZEN.digest(),
        run_id="run_1",
        tenant="acme",
        env="prod",
        approver=f"principal:{approver}",
        decision=decision,
        way="slack",
        at_ms=at_ms,
    )


def shown(record: ApprovalRecord, *, now_ms: int = ASKED, page_url: str | None = None) -> Card:
    card = render(record, people=PEOPLE, now_ms=now_ms, page_url=page_url)
    lawful(card)
    return card


def lawful(card: Card) -> None:
    """Within Slack's limits as Slack's own models and the stand-in read them, and without markup."""
    assert kit.complaints(kit.MESSAGE, "/blocks", card.blocks) == []
    assert kit.text_length(card.blocks) <= TOTAL < kit.BLOCKS_TEXT
    for block in card.blocks:
        parsed = Block.parse(block)
        assert parsed is not None
        parsed.validate_json()
    assert '"mrkdwn"' not in json.dumps(card.blocks)
    assert 0 < len(card.text) <= 1_000
    assert not set("<>") & set(card.text)
    for text in texts(card.blocks):
        assert not [
            c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        ]


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for entry in value:
            yield from texts(entry)
    elif isinstance(value, dict):
        if value.get("type") == "plain_text":
            yield value["text"]
        else:
            for entry in value.values():
                yield from texts(entry)


def body(card: Card) -> str:
    return "\n".join(texts([block for block in card.blocks if block["type"] != "actions"]))


def buttons(card: Card) -> list[dict[str, Any]]:
    return [e for block in card.blocks if block["type"] == "actions" for e in block["elements"]]
