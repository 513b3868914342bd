"""Trouble on order: limits on the rate, lost answers, refusals."""

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncRateLimitErrorRetryHandler,
    async_default_handlers,
)

from tests.integration.slack_standin.workspace import ROOM, Slack, Start


async def test_rate_limited_says_when_to_come_back(slack: Slack) -> None:
    """A 429 has Retry-After and posts nothing; Slack's own retry handler then gets through, once."""
    slack.control("POST", "faults", {"method": "chat.postMessage", "kind": "rate_limited", "retry_after": 1})
    client = slack.client()
    client.retry_handlers = [AsyncRateLimitErrorRetryHandler(max_retry_count=1)]
    assert (await client.chat_postMessage(channel=ROOM, text="hello"))["ok"]
    first, second = slack.control("GET", "calls")["calls"]
    assert (first["status"], first["error"]) == (429, "ratelimited")
    assert second["ok"]
    assert len(slack.control("GET", "messages")["messages"]) == 1


async def test_a_dropped_answer_has_been_posted(slack: Slack) -> None:
    """After `drop` the client sees a broken line, and the message is there all the same."""
    slack.control("POST", "faults", {"method": "chat.postMessage", "kind": "drop"})
    with pytest.raises(Exception, match=r"disconnected|reset"):
        await slack.client().chat_postMessage(channel=ROOM, text="twice?")
    assert [m["text"] for m in slack.control("GET", "messages")["messages"]] == ["twice?"]
    assert slack.control("GET", "faults") == {"faults": []}


async def test_the_default_client_posts_twice_on_a_dropped_answer(slack: Slack) -> None:
    """Slack's client with its default retries doubles a message whose answer was lost."""
    slack.control("POST", "faults", {"method": "chat.postMessage", "kind": "drop"})
    client = slack.client()
    client.retry_handlers = async_default_handlers()
    await client.chat_postMessage(channel=ROOM, text="twice?")
    assert [m["text"] for m in slack.control("GET", "messages")["messages"]] == ["twice?", "twice?"]


async def test_fail_does_nothing_and_can_be_lifted(slack: Slack) -> None:
    """`fail` answers 500 without posting, for as many calls as it was told, or until cleared."""
    slack.control("POST", "faults", {"method": "*", "kind": "fail", "count": 5})
    with pytest.raises(SlackApiError) as caught:
        await slack.client().chat_postMessage(channel=ROOM, text="x")
    assert caught.value.response.status_code == 500
    assert slack.control("GET", "faults")["faults"][0]["count"] == 4
    slack.control("DELETE", "faults")
    assert (await slack.client().chat_postMessage(channel=ROOM, text="y"))["ok"]
    assert len(slack.control("GET", "messages")["messages"]) == 1


async def test_a_channel_takes_one_message_a_second_when_told_to(start: Start) -> None:
    """Past its burst a channel answers 429; another channel is not concerned."""
    slack = start(messages_per_second=1, burst=2)
    client = slack.client()
    for _ in range(2):
        await client.chat_postMessage(channel=ROOM, text="x")
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=ROOM, text="x")
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "1"
    assert (await client.chat_postMessage(channel="C0QUIET", text="x"))["ok"]
