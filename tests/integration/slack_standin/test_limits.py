"""Slack's limits, each at its edge."""

import pytest
from slack_sdk.errors import SlackApiError

from tests.integration.slack_standin.app import Json
from tests.integration.slack_standin.blocks import actions, button, confirm, plain, section
from tests.integration.slack_standin.workspace import ROOM, Slack, error_of


def nested(count: int) -> list[Json]:
    return [{"type": "divider"} for _ in range(count)]


#: (what, the largest blocks that pass, blocks one past the limit, pointer of the complaint)
LIMITS: list[tuple[str, list[Json], list[Json], str]] = [
    ("50 blocks", nested(50), nested(51), "/blocks"),
    ("section text", [section("x" * 3000)], [section("x" * 3001)], "/blocks/0/text/text"),
    (
        "10 fields",
        [{"type": "section", "fields": [plain("f")] * 10}],
        [{"type": "section", "fields": [plain("f")] * 11}],
        "/blocks/0/fields",
    ),
    (
        "field text",
        [{"type": "section", "fields": [plain("x" * 2000)]}],
        [{"type": "section", "fields": [plain("x" * 2001)]}],
        "/blocks/0/fields/0/text",
    ),
    (
        "header text",
        [{"type": "header", "text": plain("x" * 150)}],
        [{"type": "header", "text": plain("x" * 151)}],
        "/blocks/0/text/text",
    ),
    (
        "header is plain_text",
        [{"type": "header", "text": plain("x")}],
        [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
        "/blocks/0/text/type",
    ),
    (
        "button text",
        [actions(button(text=plain("x" * 75)))],
        [actions(button(text=plain("x" * 76)))],
        "/blocks/0/elements/0/text/text",
    ),
    (
        "button value",
        [actions(button(value="x" * 2000))],
        [actions(button(value="x" * 2001))],
        "/blocks/0/elements/0/value",
    ),
    (
        "button url",
        [actions(button(url="https://x.example/" + "x" * 2982))],
        [actions(button(url="https://x.example/" + "x" * 2983))],
        "/blocks/0/elements/0/url",
    ),
    (
        "url scheme",
        [actions(button(url="http://x.example"))],
        [actions(button(url="javascript:alert(1)"))],
        "/blocks/0/elements/0/url",
    ),
    (
        "style",
        [actions(button(style="danger"))],
        [actions(button(style="default"))],
        "/blocks/0/elements/0/style",
    ),
    (
        "action_id",
        [actions(button("x" * 255))],
        [actions(button("x" * 256))],
        "/blocks/0/elements/0/action_id",
    ),
    (
        "block_id",
        [section("x") | {"block_id": "x" * 255}],
        [section("x") | {"block_id": "x" * 256}],
        "/blocks/0/block_id",
    ),
    (
        "25 elements",
        [actions(*(button(f"a{n}") for n in range(25)))],
        [actions(*(button(f"a{n}") for n in range(26)))],
        "/blocks/0/elements",
    ),
    (
        "10 in a context",
        [{"type": "context", "elements": [plain("x")] * 10}],
        [{"type": "context", "elements": [plain("x")] * 11}],
        "/blocks/0/elements",
    ),
    *(
        (
            f"confirm {part}",
            [actions(button(confirm=confirm(**{part: plain("x" * most)})))],
            [actions(button(confirm=confirm(**{part: plain("x" * (most + 1))})))],
            f"/blocks/0/elements/0/confirm/{part}/text",
        )
        for part, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30))
    ),
    (
        "own block_id",
        [section("x") | {"block_id": "a"}, section("y") | {"block_id": "b"}],
        [section("x") | {"block_id": "a"}, section("y") | {"block_id": "a"}],
        "/blocks",
    ),
    ("own action_id", [actions(button("a"), button("b"))], [actions(button("a"), button("a"))], "/elements"),
    ("known block", [section("x")], [{"type": "carousel"}], "/blocks/0/type"),
    ("known element", [actions(button())], [actions({"type": "slider"})], "/blocks/0/elements/0/type"),
    ("text or fields", [section("x")], [{"type": "section"}], "/blocks/0"),
    ("some text", [section("x")], [section("")], "/blocks/0/text/text"),
    ("known fields", [section("x")], [section("x") | {"colour": "red"}], "/blocks/0"),
    ("whole confirm", [actions(button(confirm=confirm()))], [actions(button(confirm={}))], "/confirm"),
    ("no input in a message", [section("x")], [{"type": "input"}], "/blocks/0/type"),
]


async def test_every_block_limit_holds_at_its_edge(slack: Slack) -> None:
    """The largest allowed passes, one more is invalid_blocks with a pointer to the place."""
    client = slack.client()
    for what, largest, too_much, pointer in LIMITS:
        assert (await client.chat_postMessage(channel=ROOM, text="t", blocks=largest))["ok"], what
        with pytest.raises(SlackApiError) as caught:
            await client.chat_postMessage(channel=ROOM, text="t", blocks=too_much)
        answer = caught.value.response
        assert (answer.status_code, answer["error"]) == (200, "invalid_blocks"), what
        assert any(f"{pointer}]" in said for said in answer["response_metadata"]["messages"]), what
    assert len(slack.control("GET", "messages")["messages"]) == len(LIMITS)


async def test_text_is_cut_and_blocks_together_are_bounded(slack: Slack) -> None:
    """Text past 40,000 is cut; blocks that are each right but too much together are refused."""
    client = slack.client()
    posted = await client.chat_postMessage(channel=ROOM, text="x" * 40_001)
    assert len(posted["message"]["text"]) == 40_000
    much = [section("x" * 3000) for _ in range(5)]
    assert (
        await error_of(client.chat_postMessage(channel=ROOM, blocks=much, text="t")) == "msg_blocks_too_long"
    )


async def test_metadata_is_bounded_and_shaped(slack: Slack) -> None:
    """Metadata past 16 KB or without type and payload is refused."""
    client = slack.client()
    large = {"event_type": "card", "event_payload": {"x": "x" * 16_384}}
    post = client.chat_postMessage
    assert await error_of(post(channel=ROOM, text="t", metadata=large)) == "metadata_too_large"
    assert await error_of(post(channel=ROOM, text="t", metadata={"a": 1})) == "invalid_metadata_format"
