"""The Web API, seen through Slack's own client."""

import json

import httpx

from tests.integration.slack_standin.blocks import CARD, section
from tests.integration.slack_standin.workspace import BOT_TOKEN, ROOM, Slack, error_of


async def test_auth_test_names_the_bot(slack: Slack) -> None:
    """auth.test says which workspace and bot a token stands for."""
    answer = await slack.client().auth_test()
    assert (answer["team_id"], answer["user_id"]) == ("T0INTERLOCK", "U0INTERLOCK")


async def test_wrong_or_missing_token_does_nothing(slack: Slack) -> None:
    """A call with another token or none is refused and posts nothing."""
    for token, error in (("xoxb-other", "invalid_auth"), (None, "not_authed")):
        client = slack.client()
        client.token = token
        assert await error_of(client.chat_postMessage(channel=ROOM, text="hello")) == error
    assert slack.control("GET", "messages") == {"messages": []}


async def test_form_bodies_work_like_json(slack: Slack) -> None:
    """A form body with the token in it and blocks as JSON text is read as Slack reads it."""
    form = {"token": BOT_TOKEN, "channel": ROOM, "text": "t", "blocks": json.dumps(CARD)}
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = (await http.post(f"{slack.url}/api/chat.postMessage", data=form)).json()
        bad = (await http.post(f"{slack.url}/api/chat.postMessage", data=form | {"blocks": "[{"})).json()
        smuggled = (await http.post(f"{slack.url}/api/auth.test", json={"token": BOT_TOKEN})).json()
    assert answer["ok"]
    assert answer["message"]["blocks"][1]["block_id"] == "decide"
    assert bad["error"] == "invalid_blocks_format"
    assert smuggled["error"] == "not_authed"


async def test_posts_come_back_from_history_with_metadata_only_when_asked(slack: Slack) -> None:
    """conversations.history gives newest first, pages by cursor, and gives metadata only on request."""
    client = slack.client()
    metadata = {"event_type": "card", "event_payload": {"key": "k1"}}
    sent = [
        (await client.chat_postMessage(channel=ROOM, text=f"m{n}", metadata=metadata))["ts"] for n in range(3)
    ]
    page = await client.conversations_history(channel=ROOM, limit=2, include_all_metadata=True)
    assert [m["ts"] for m in page["messages"]] == [sent[2], sent[1]]
    assert page["messages"][0]["metadata"] == metadata
    rest = await client.conversations_history(channel=ROOM, cursor=page["response_metadata"]["next_cursor"])
    assert [m["ts"] for m in rest["messages"]] == [sent[0]]
    assert not rest["has_more"]
    assert "metadata" not in rest["messages"][0]
    since = await client.conversations_history(channel=ROOM, oldest=sent[1])
    assert [m["ts"] for m in since["messages"]] == [sent[2]]
    from_it_on = await client.conversations_history(channel=ROOM, oldest=sent[1], inclusive=True)
    assert len(from_it_on["messages"]) == 2


async def test_replies_stay_in_their_thread(slack: Slack) -> None:
    """A reply is in conversations.replies after its parent and not in the channel's history."""
    client = slack.client()
    parent = (await client.chat_postMessage(channel=ROOM, text="card"))["ts"]
    reply = (await client.chat_postMessage(channel=ROOM, text="outcome", thread_ts=parent))["ts"]
    thread = await client.conversations_replies(channel=ROOM, ts=parent)
    assert [m["ts"] for m in thread["messages"]] == [parent, reply]
    assert thread["messages"][0]["reply_count"] == 1
    assert [m["ts"] for m in (await client.conversations_history(channel=ROOM))["messages"]] == [parent]
    stray = client.chat_postMessage(channel=ROOM, text="x", thread_ts="1.000000")
    assert await error_of(stray) == "thread_not_found"


async def test_update_replaces_in_place(slack: Slack) -> None:
    """Blocks replace blocks without a mark; text alone takes the blocks away and marks the edit."""
    client = slack.client()
    ts = (await client.chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    await client.chat_update(channel=ROOM, ts=ts, text="done", blocks=[section("Closed")])
    (message,) = slack.control("GET", "messages")["messages"]
    assert message["blocks"][0]["text"]["text"] == "Closed"
    assert "edited" not in message
    await client.chat_update(channel=ROOM, ts=ts, text="done")
    (message,) = slack.control("GET", "messages")["messages"]
    assert "blocks" not in message
    assert message["edited"]["user"] == "U0INTERLOCK"
    assert await error_of(client.chat_update(channel=ROOM, ts="1.000000", text="x")) == "message_not_found"
    assert await error_of(client.chat_update(channel=ROOM, ts=ts, text="x" * 4001)) == "msg_too_long"


async def test_users_and_channels_must_exist(slack: Slack) -> None:
    """Unknown people, channels and methods get Slack's words for it."""
    client = slack.client()
    assert (await client.users_info(user="U0ADA"))["user"]["real_name"] == "Ada Lovelace"
    assert (await client.users_info(user="U0MALLORY"))["user"]["team_id"] == "T0ELSEWHERE"
    assert await error_of(client.users_info(user="U0NOBODY")) == "user_not_found"
    assert await error_of(client.chat_postMessage(channel="C0NO", text="x")) == "channel_not_found"
    assert await error_of(client.api_call("chat.postMessage", json={"channel": ROOM})) == "no_text"
    assert await error_of(client.api_call("chat.nothing")) == "unknown_method"


async def test_a_message_for_one_person_is_for_nobody_else(slack: Slack) -> None:
    """A user id takes a post; what was posted is read under the channel that conversations.open names."""
    client, metadata = slack.client(), {"event_type": "card", "event_payload": {"key": "k1"}}
    posted = await client.chat_postMessage(channel="U0ADA", text="for you", metadata=metadata)
    opened = (await client.conversations_open(users="U0ADA"))["channel"]["id"]
    assert posted["channel"] == opened
    page = await client.conversations_history(channel=opened, include_all_metadata=True)
    assert [message["metadata"] for message in page["messages"]] == [metadata]
    assert (await client.conversations_history(channel=ROOM))["messages"] == []
    assert await error_of(client.conversations_history(channel="U0ADA")) == "channel_not_found"
    assert await error_of(client.chat_postMessage(channel="U0NOBODY", text="t")) == "channel_not_found"
    assert await error_of(client.conversations_open(users="U0NOBODY")) == "user_not_found"


async def test_the_page_shows_it_to_that_person_alone(slack: Slack) -> None:
    """Whoever acts as somebody else is led away from it, and its changes are not told."""
    await slack.client().chat_postMessage(channel="U0ADA", text="for you")
    async with httpx.AsyncClient(base_url=slack.url, trust_env=False) as http:
        assert "for you" in (await http.get("/channels/D0ADA?as=U0ADA")).text
        assert (await http.get("/channels/D0ADA?as=U0GRACE")).is_redirect
        assert (await http.get("/page/channels/D0ADA?as=U0GRACE")).status_code == 404
