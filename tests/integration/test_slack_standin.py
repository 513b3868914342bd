"""The Slack stand-in behaves as Slack does, seen through Slack's own client and signature verifier."""

import asyncio
import contextlib
import io
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncRateLimitErrorRetryHandler,
    async_default_handlers,
)
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from embedded.slack import mrkdwn
from embedded.slack.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
ROOM = "C0APPROVALS"
BOT_TOKEN = "xoxb-planted-bot-token"
SIGNING_SECRET = "planted-signing-secret"
CONTROL_TOKEN = "planted-control-token"
Json = dict[str, Any]


@dataclass
class App:
    """A small app that verifies signatures with Slack's own code and answers what it is told to."""

    server: ThreadingHTTPServer
    received: list[Json] = field(default_factory=list)
    status: int = 200
    answer: str = ""
    delay: float = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/slack/interactions"


class Receiver(BaseHTTPRequestHandler):
    app: ClassVar[App]

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
        verified = SignatureVerifier(SIGNING_SECRET).is_valid_request(raw, dict(self.headers.items()))
        time.sleep(self.app.delay)
        self.app.received.append({"verified": verified, "payload": json.loads(parse_qs(raw)["payload"][0])})
        self.send_response(self.app.status if verified else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.app.answer)))
        self.end_headers()
        self.wfile.write(self.app.answer.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class named it
        """Say nothing."""


@contextlib.contextmanager
def listening() -> Iterator[App]:
    class Mine(Receiver):
        pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Mine)
    Mine.app = App(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield Mine.app
    server.shutdown()
    server.server_close()
    thread.join()


def config(interactions_url: str, **more: object) -> Json:
    return {
        "team": "T0INTERLOCK",
        "app": "A0INTERLOCK",
        "bot_user": "U0INTERLOCK",
        "bot_token": BOT_TOKEN,
        "signing_secret": SIGNING_SECRET,
        "control_token": CONTROL_TOKEN,
        "interactions_url": interactions_url,
        "channels": [{"id": ROOM, "name": "approvals"}, {"id": "C0QUIET", "name": "quiet"}],
        "people": [
            {"user": "U0ADA", "name": "Ada Lovelace", "principal": "principal:ada"},
            {"user": "U0GRACE", "name": "Grace Hopper", "principal": "principal:grace"},
            {"user": "U0MALLORY", "name": "Mallory", "team": "T0ELSEWHERE"},
        ],
    } | more


@dataclass
class Slack:
    """A running stand-in."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    def client(self) -> AsyncWebClient:
        client = AsyncWebClient(token=BOT_TOKEN, base_url=f"{self.url}/api/", retry_handlers=[])
        # The client takes a proxy from the environment even for loopback.
        client.proxy = None
        return client

    def http(self, method: str, path: str, body: Json | None = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.request(method, self.url + path, json=body, headers=named, trust_env=False, timeout=10)

    def ask(self, method: str, path: str, body: Json | None = None) -> httpx.Response:
        return self.http(method, f"/control/{path}", body, Authorization=f"Bearer {CONTROL_TOKEN}")

    def control(self, method: str, path: str, body: Json | None = None) -> Json:
        answer = self.ask(method, path, body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def click(self, ts: str, **more: object) -> Json:
        body = {"channel": ROOM, "ts": ts, "action_id": "approve", "user": "U0ADA"} | more
        return self.control("POST", "click", body)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(10)
        if self.process.stdout:
            self.process.stdout.close()
        return code


Start = Callable[..., Slack]


@pytest.fixture
def start(tmp_path: Path, app: App) -> Iterator[Start]:
    """Starts stand-ins that share one database file and stops them at the end."""
    running: list[Slack] = []

    def begin(**more: object) -> Slack:
        slack = run(tmp_path, config(app.url, **more))
        running.append(slack)
        return slack

    yield begin
    for slack in running:
        slack.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Slack, App]]:
    with listening() as app:
        slack = run(tmp_path_factory.mktemp("slack"), config(app.url))
        yield slack, app
        slack.stop()


@pytest.fixture
def app(shared: tuple[Slack, App]) -> App:
    """The receiving app, set back."""
    app = shared[1]
    app.received.clear()
    app.status, app.answer, app.delay = 200, "", 0.0
    return app


@pytest.fixture
def slack(shared: tuple[Slack, App], app: App) -> Slack:
    """A stand-in that all tests share, emptied."""
    assert not app.received
    shared[0].control("POST", "reset")
    return shared[0]


def command(folder: Path, config_file: Path, port: int = 0) -> list[str]:
    start = [sys.executable, "-m", "embedded.slack", "--port", str(port)]
    return [*start, "--db", str(folder / "slack.sqlite"), "--config", str(config_file)]


def run(folder: Path, settings: Json) -> Slack:
    path, log = folder / "slack.json", folder / "slack.log"
    path.write_text(json.dumps(settings))
    path.chmod(0o600)
    with log.open("a") as errors:
        process = subprocess.Popen(
            command(folder, path),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    return Slack(process, line.rpartition(" ")[2].strip(), log)


def refused(folder: Path, settings: Json | str, *, port: int = 0, mode: int = 0o600) -> str:
    """Starts with that config, expects exit 2, and gives what was said."""
    path = folder / "refused.json"
    path.write_text(settings if isinstance(settings, str) else json.dumps(settings))
    path.chmod(mode)
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        code = main(command(folder, path, port)[3:])
    assert code == 2
    assert said.getvalue().count("\n") == 1
    return said.getvalue()


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def section(text: str) -> Json:
    return {"type": "section", "text": plain(text)}


def button(action_id: str = "approve", **more: object) -> Json:
    return {"type": "button", "text": plain("Approve"), "action_id": action_id, "value": "v1"} | more


def actions(*elements: Json, **more: object) -> Json:
    return {"type": "actions", "elements": list(elements)} | more


def confirm(**more: object) -> Json:
    return {"title": plain("T"), "text": plain("t"), "confirm": plain("Yes"), "deny": plain("No")} | more


CARD = [section("Close T-18421?"), actions(button(), button("deny", value="v2"), block_id="decide")]


async def error_of(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


# The Web API


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


# Interactions


async def test_a_click_is_signed_and_shaped_as_slack_does(slack: Slack, app: App) -> None:
    """The app can verify the click with Slack's verifier and finds every field an approval is bound to."""
    ts = (await slack.client().chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    answer = slack.click(ts)
    assert (answer["status"], answer["acknowledged"]) == (200, True)
    (received,) = app.received
    payload = received["payload"]
    assert received["verified"]
    assert payload["type"] == "block_actions"
    assert payload["team"] == {"id": "T0INTERLOCK", "domain": "interlock"}
    assert payload["user"] == {
        "id": "U0ADA",
        "username": "ada.lovelace",
        "name": "ada.lovelace",
        "team_id": "T0INTERLOCK",
    }
    assert payload["api_app_id"] == "A0INTERLOCK"
    assert payload["channel"] == {"id": ROOM, "name": "approvals"}
    assert payload["container"]["message_ts"] == payload["message"]["ts"] == ts
    assert payload["message"]["blocks"][1]["block_id"] == "decide"
    (action,) = payload["actions"]
    assert (action["action_id"], action["block_id"], action["value"]) == ("approve", "decide", "v1")
    assert action["action_ts"] > ts
    assert payload["trigger_id"]
    assert payload["response_url"].startswith(slack.url)


async def test_what_was_sent_can_be_sent_again(slack: Slack, app: App) -> None:
    """The raw body and headers of a click verify when replayed, and not after a change."""
    ts = (await slack.client().chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    sent = slack.click(ts)
    verifier = SignatureVerifier(SIGNING_SECRET)
    assert verifier.is_valid_request(sent["body_sent"], sent["headers_sent"])
    assert not verifier.is_valid_request(sent["body_sent"].replace("U0ADA", "U0EVE"), sent["headers_sent"])
    async with httpx.AsyncClient(trust_env=False) as http:
        await http.post(app.url, content=sent["body_sent"], headers=sent["headers_sent"])
    assert len(app.received) == 2
    assert app.received[0]["payload"] == app.received[1]["payload"]
    assert slack.control("GET", "interactions")["interactions"][-1]["body_sent"] == sent["body_sent"]


async def test_a_forged_value_and_a_stale_button_can_be_sent(slack: Slack, app: App) -> None:
    """Control sends another value, and a button that the card no longer has, as a race would."""
    client = slack.client()
    ts = (await client.chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    slack.click(ts, value="forged")
    assert app.received[-1]["payload"]["actions"][0]["value"] == "forged"
    await client.chat_update(channel=ROOM, ts=ts, text="done", blocks=[section("Closed")])
    gone = slack.ask("POST", "click", {"channel": ROOM, "ts": ts, "action_id": "approve", "user": "U0ADA"})
    assert (gone.status_code, gone.json()["detail"]) == (404, "action_not_found")
    slack.click(ts, stale=True)
    assert app.received[-1]["payload"]["message"]["blocks"][1]["block_id"] == "decide"


async def test_a_person_of_another_workspace_carries_its_team(slack: Slack, app: App) -> None:
    """A Slack Connect guest's click names the guest's own workspace."""
    ts = (await slack.client().chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    slack.click(ts, user="U0MALLORY")
    payload = app.received[-1]["payload"]
    assert (payload["user"]["team_id"], payload["team"]["id"]) == ("T0ELSEWHERE", "T0INTERLOCK")


async def test_an_app_that_fails_or_is_slow_has_not_answered(start: Start, app: App) -> None:
    """Past the time to acknowledge, or with another status than 200, a click is not acknowledged."""
    slack = start(ack_seconds=0.3)
    ts = (await slack.client().chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    app.status = 500
    assert not slack.click(ts)["acknowledged"]
    app.status, app.delay = 200, 0.6
    late = slack.click(ts)
    assert (late["status"], late["error"]) == (None, "The app did not answer within 0.3 s.")
    assert slack.click(ts, wait=False)["body_sent"]


async def test_response_url_answers_five_times(slack: Slack, app: App) -> None:
    """A response_url posts to the clicker alone, replaces, deletes, and ends after five uses."""
    ts = (await slack.client().chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    slack.click(ts)
    url = app.received[-1]["payload"]["response_url"]

    def respond(**message: object) -> httpx.Response:
        return httpx.post(url, json=message, trust_env=False)

    assert respond(text="Only for Ada", response_type="ephemeral", replace_original=False).text == "ok"
    (aside,) = slack.control("GET", "ephemerals?user=U0ADA")["ephemerals"]
    assert aside["text"] == "Only for Ada"
    assert slack.control("GET", "ephemerals?user=U0GRACE")["ephemerals"] == []
    assert respond(blocks=[{"type": "carousel"}]).status_code == 400
    assert respond(text="For all", response_type="in_channel").status_code == 200
    assert respond(text="Replaced", replace_original=True).status_code == 200
    assert slack.control("GET", "messages")["messages"][0]["text"] == "Replaced"
    assert respond(text="four").status_code == 200
    assert respond(delete_original=True).status_code == 200
    assert [m["text"] for m in slack.control("GET", "messages")["messages"]] == ["For all"]
    used = respond(text="six")
    assert (used.status_code, used.json()["error"]) == (404, "used_url")


async def test_an_ephemeral_message_is_for_one_person(slack: Slack) -> None:
    """chat.postEphemeral stays out of history and can be clicked by its person alone."""
    client = slack.client()
    sent = await client.chat_postEphemeral(channel=ROOM, user="U0GRACE", text="psst", blocks=CARD)
    assert (await client.conversations_history(channel=ROOM))["messages"] == []
    assert slack.click(sent["message_ts"], user="U0GRACE")["acknowledged"]
    body = {"channel": ROOM, "ts": sent["message_ts"], "action_id": "approve", "user": "U0ADA"}
    assert slack.ask("POST", "click", body).status_code == 404


MODAL: Json = {
    "type": "modal",
    "callback_id": "reason",
    "private_metadata": "apr_1",
    "title": plain("Why?"),
    "submit": plain("Send"),
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "label": plain("Reason"),
            "element": {"type": "plain_text_input", "action_id": "text"},
        }
    ],
}


async def test_a_modal_opens_once_and_is_submitted(slack: Slack, app: App) -> None:
    """A trigger opens one modal; errors keep it open, an empty answer closes it."""
    client = slack.client()
    ts = (await client.chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    slack.click(ts)
    trigger = app.received[-1]["payload"]["trigger_id"]
    view = (await client.views_open(trigger_id=trigger, view=MODAL))["view"]
    assert await error_of(client.views_open(trigger_id=trigger, view=MODAL)) == "exchanged_trigger_id"
    values = {"why": {"text": {"type": "plain_text_input", "value": "too risky"}}}
    submission = {"view_id": view["id"], "user": "U0ADA", "values": values}
    app.answer = json.dumps({"response_action": "errors", "errors": {"why": "Say more."}})
    slack.control("POST", "submit", submission)
    assert len(slack.control("GET", "views?user=U0ADA")["views"]) == 1
    app.answer = ""
    assert slack.control("POST", "submit", submission)["acknowledged"]
    payload = app.received[-1]["payload"]
    assert payload["type"] == "view_submission"
    assert payload["view"]["state"]["values"] == values
    assert (payload["view"]["private_metadata"], payload["view"]["callback_id"]) == ("apr_1", "reason")
    assert slack.control("GET", "views?user=U0ADA")["views"] == []


async def test_a_modal_has_limits_and_a_trigger_ends(slack: Slack, app: App) -> None:
    """Title, private_metadata and a missing submit are refused; so are made-up and old triggers."""
    client = slack.client()
    ts = (await client.chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]

    def fresh() -> str:
        """A trigger lives for three seconds, which a slow machine may need for fewer tries than these."""
        slack.click(ts)
        return str(app.received[-1]["payload"]["trigger_id"])

    for wrong in (
        {"title": plain("x" * 25)},
        {"private_metadata": "x" * 3001},
        {"submit": plain("x" * 25)},
        {"blocks": MODAL["blocks"] * 2},
    ):
        refused = client.views_open(trigger_id=fresh(), view=MODAL | wrong)
        assert await error_of(refused) == "invalid_arguments"
    without = {key: value for key, value in MODAL.items() if key != "submit"}
    assert await error_of(client.views_open(trigger_id=fresh(), view=without)) == "invalid_arguments"
    assert await error_of(client.views_open(trigger_id="made.up", view=MODAL)) == "invalid_arguments"
    late = fresh()
    await asyncio.sleep(3.1)
    assert await error_of(client.views_open(trigger_id=late, view=MODAL)) == "expired_trigger_id"


# Trouble


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


# The process


async def test_a_restart_keeps_every_message(start: Start) -> None:
    """Even after SIGKILL messages and ephemerals are there, and the first click works."""
    slack = start()
    client = slack.client()
    ts = (await client.chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    await client.chat_postEphemeral(channel=ROOM, user="U0ADA", text="aside")
    slack.stop(signal.SIGKILL)
    again = start()
    assert [m["ts"] for m in again.control("GET", "messages")["messages"]] == [ts]
    assert [m["text"] for m in again.control("GET", "ephemerals")["ephemerals"]] == ["aside"]
    assert again.click(ts)["acknowledged"]
    assert (await again.client().chat_postMessage(channel=ROOM, text="next"))["ts"] > ts


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("served", [True, False])
async def test_a_signal_ends_it_cleanly(start: Start, number: signal.Signals, served: bool) -> None:
    """SIGTERM and SIGINT, even in its first moment, end it with status 0 and not a word."""
    slack = start()
    if served:
        await slack.client().auth_test()
    assert slack.stop(number) == 0
    assert slack.log.read_text() == ""


def test_wrong_starts_are_refused_in_one_sentence(tmp_path: Path) -> None:
    """A taken port, and a config that is open, malformed, incomplete or unknown, end with status 2."""
    good = config("http://127.0.0.1:9/slack/interactions")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = refused(tmp_path, good, port=taken.getsockname()[1])
        assert "is taken: choose another with --port" in said
    assert "chmod 600" in refused(tmp_path, good, mode=0o644)
    assert "is not JSON" in refused(tmp_path, "{")
    assert "bot_token" in refused(tmp_path, {k: v for k, v in good.items() if k != "bot_token"})
    assert "colour" in refused(tmp_path, good | {"colour": "red"})
    assert "one id twice" in refused(tmp_path, good | {"people": good["people"] * 2})
    (tmp_path / "slack.sqlite").write_text("this is no database, but long enough to be looked at as one" * 20)
    assert "database" in refused(tmp_path, good)


def test_a_refused_start_has_status_2_and_no_traceback(tmp_path: Path) -> None:
    """The process itself ends with status 2 and one sentence."""
    ended = subprocess.run(
        command(tmp_path, tmp_path / "missing.json"), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("Slack stand-in: The config file")
    assert ended.stderr.count("\n") == 1


def test_a_rejected_secret_is_not_repeated(tmp_path: Path) -> None:
    """The sentence about a wrong secret names the key and not its value."""
    said = refused(tmp_path, config("http://127.0.0.1:9/x") | {"signing_secret": "planted"})
    assert "signing_secret" in said
    assert "planted" not in said


def test_a_second_instance_is_refused(start: Start, tmp_path: Path) -> None:
    """Two stand-ins never share a database."""
    start()
    assert "already uses" in refused(tmp_path, config("http://127.0.0.1:9/x"))


async def test_secrets_are_neither_logged_nor_stored_nor_told(start: Start, tmp_path: Path) -> None:
    """Token, signing secret and control token appear in no log, file, page or control answer."""
    slack = start()
    ts = (await slack.client().chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    slack.click(ts)
    shown = [slack.http("GET", f"/channels/{ROOM}").text]
    shown += [json.dumps(slack.control("GET", what)) for what in ("calls", "messages", "interactions")]
    slack.stop()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("slack.sqlite*"))
    seen = "".join(shown) + slack.log.read_text() + stored.decode("latin-1")
    for secret in (BOT_TOKEN, SIGNING_SECRET, CONTROL_TOKEN):
        assert secret not in seen


# The page's doors


async def test_control_needs_its_token(slack: Slack) -> None:
    """Neither no token nor the bot's own opens the control interface."""
    assert slack.http("GET", "/control/messages").status_code == 401
    assert slack.http("GET", "/control/messages", Authorization=f"Bearer {BOT_TOKEN}").status_code == 401


async def test_only_the_page_itself_clicks(slack: Slack, app: App) -> None:
    """A click from another site, from no site, or under a foreign host name is refused."""
    ts = (await slack.client().chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    body = {"channel": ROOM, "ts": ts, "user": "U0ADA", "block_id": "decide", "action_id": "approve"}

    def press(**headers: str) -> int:
        return slack.http("POST", "/page/click", body, **headers).status_code

    assert press() == 403
    assert press(Origin="https://evil.example") == 403
    assert press(Origin=slack.url, Sec_Fetch_Site="cross-site") == 403
    assert press(Origin="http://evil.example", Host="evil.example") == 400
    assert app.received == []
    assert press(Origin=slack.url, Sec_Fetch_Site="same-origin") == 200
    assert len(app.received) == 1


async def test_the_page_escapes_and_is_sealed(slack: Slack) -> None:
    """Markup in a message is shown as text, under a policy that allows no foreign script."""
    evil = "<img src=x onerror=alert(1)> \"'& <javascript:alert(1)|click>"
    blocks: list[Json] = [
        section(evil),
        {"type": "section", "text": {"type": "mrkdwn", "text": evil + " *b* `<b>`"}},
        actions(
            button(value=evil, text=plain("<b>x</b>"), confirm=confirm(text=plain(evil), title=plain(evil)))
        ),
    ]
    await slack.client().chat_postMessage(channel=ROOM, text=evil, blocks=blocks)
    page = slack.http("GET", f"/channels/{ROOM}")
    assert "<img src=x" not in page.text
    assert 'href="javascript' not in page.text
    assert "default-src 'none'; script-src 'self'" in page.headers["content-security-policy"]
    assert page.status_code == 200
    assert slack.http("GET", "/healthz").json()["ok"]


def test_mrkdwn_reads_its_few_marks_and_escapes_the_rest() -> None:
    """Bold, italic, strike, code, mentions and links are drawn; anything else is text."""
    names = {"U0ADA": "Ada Lovelace", "C0APPROVALS": "approvals"}
    for text, html in (
        ("*bold* _it_ ~no~", "<b>bold</b> <i>it</i> <s>no</s>"),
        ("snake_case_name 2*3*4", "snake_case_name 2*3*4"),
        ("`*raw* <@U0ADA>`", "<code>*raw* &lt;@U0ADA&gt;</code>"),
        ("<@U0ADA>", '<span class="mention">@Ada Lovelace</span>'),
        ("a &lt;b&gt; &amp;amp;", "a &lt;b&gt; &amp;amp;"),
        ("<script>", "&lt;script&gt;"),
        ("> quoted\nnot", "<blockquote>quoted</blockquote>not"),
        ('<https://x.example/?a=1&amp;b="|go>', 'href="https://x.example/?a=1&amp;b=&quot;"'),
    ):
        assert html in mrkdwn.mrkdwn(text, names)
