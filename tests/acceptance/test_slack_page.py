"""A person approves on the stand-in's page, in a real browser, and the app receives the signed click."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from slack_sdk.signature import SignatureVerifier

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
BOT_TOKEN, SIGNING_SECRET = "xoxb-page-bot-token", "page-signing-secret"
ROOM = "C0APPROVALS"
Json = dict[str, Any]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM.exists() and "CI" not in os.environ,
        reason="NOTICE: no Chromium at /usr/bin/chromium, so the page was not tried in a browser",
    ),
]


@dataclass
class App:
    """A receiving app."""

    received: list[Json] = field(default_factory=list)
    status: int = 200
    answer: str = ""


class Receiver(BaseHTTPRequestHandler):
    app: ClassVar[App]

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
        verified = SignatureVerifier(SIGNING_SECRET).is_valid_request(raw, dict(self.headers.items()))
        self.app.received.append({"verified": verified} | json.loads(parse_qs(raw)["payload"][0]))
        self.send_response(self.app.status)
        self.send_header("Content-Length", str(len(self.app.answer)))
        self.end_headers()
        self.wfile.write(self.app.answer.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class named it
        """Say nothing."""


@contextmanager
def listening() -> Iterator[tuple[App, str]]:
    class Mine(Receiver):
        app = App()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Mine)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield Mine.app, f"http://127.0.0.1:{server.server_address[1]}/slack/interactions"
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Slack:
    """The stand-in under the browser."""

    url: str
    app: App

    def api(self, method: str, **arguments: object) -> Json:
        headers = {"Authorization": f"Bearer {BOT_TOKEN}"}
        answer = httpx.post(f"{self.url}/api/{method}", json=arguments, headers=headers, trust_env=False)
        assert answer.json()["ok"], answer.text
        return dict(answer.json())


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[Slack]:
    path = tmp_path / "slack.json"
    with listening() as (app, interactions_url):
        settings = {
            "team": "T0INTERLOCK",
            "app": "A0INTERLOCK",
            "bot_user": "U0INTERLOCK",
            "bot_token": BOT_TOKEN,
            "signing_secret": SIGNING_SECRET,
            "control_token": "page-control-token",
            "interactions_url": interactions_url,
            "ack_seconds": 2,
            "channels": [{"id": ROOM, "name": "approvals"}, {"id": "C0OPS", "name": "operations"}],
            "people": [
                {"user": "U0ADA", "name": "Ada Lovelace", "principal": "principal:ada"},
                {"user": "U0GRACE", "name": "Grace Hopper", "principal": "principal:grace"},
                {"user": "U0MALLORY", "name": "Mallory Vane"},
            ],
        }
        path.touch(0o600)
        path.write_text(json.dumps(settings))
        start = [sys.executable, "-m", "embedded.slack", "--port", "0", "--config", str(path)]
        process = subprocess.Popen(
            [*start, "--db", str(tmp_path / "slack.sqlite")], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        with process.stdout:
            yield Slack(process.stdout.readline().rpartition(" ")[2].strip(), app)
            process.terminate()
            assert process.wait(10) == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, slack: Slack) -> Iterator[Page]:
    """A page that fails the test on any script error or refused resource."""
    page = browser.new_page(viewport={"width": 1180, "height": 860})
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    page.goto(f"{slack.url}/")
    yield page
    page.close()
    # What these tests make the app answer, the browser does not see: any error here is the page's own.
    assert troubles == []


def text(said: str, kind: str = "plain_text") -> Json:
    return {"type": kind, "text": said}


def card() -> list[Json]:
    sure = {
        "title": text("Close ticket T-18421?"),
        "text": text("This sends exactly the action on the card, once."),
        "confirm": text("Approve"),
        "deny": text("Go back"),
    }
    approve = {"type": "button", "action_id": "approve", "text": text("Approve"), "style": "primary"}
    deny = {"type": "button", "action_id": "deny", "text": text("Deny"), "style": "danger"}
    look = {
        "type": "button",
        "action_id": "look",
        "text": text("Show the run"),
        "url": "http://127.0.0.1:9/run",
    }
    fields = ("Tenant\nacme", "Environment\ndev", "Route\nsupport/close", "Requested by\nuser:u-1042")
    before_after = (
        "*Status*  `open` → `solved`\n*Resolution*  Password reset link, see <https://kb.example/KB-12|KB-12>"
    )
    return [
        {"type": "header", "text": text("Approval needed: ticket.close on T-18421")},
        {"type": "section", "fields": [text(line) for line in fields]},
        {"type": "section", "text": text(before_after, "mrkdwn")},
        {"type": "divider"},
        {
            "type": "context",
            "elements": [text("⏳ Answer by 14:05 UTC · undone by reopening the ticket")],
        },
        {
            "type": "actions",
            "block_id": "decide",
            "elements": [approve | {"value": "apr_1", "confirm": sure}, deny | {"value": "apr_1"}, look],
        },
    ]


def post_card(slack: Slack) -> str:
    return str(slack.api("chat.postMessage", channel=ROOM, text="Approval needed", blocks=card())["ts"])


def shot(page: Page, name: str) -> None:
    """Keeps a picture where the caller asked for pictures."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"slack-{name}.png")


def test_a_card_is_approved_by_a_person_who_confirms(slack: Slack, page: Page) -> None:
    """The chosen person's confirmed click arrives once, signed, and the card changes in place."""
    expect(page.get_by_text("Nothing has been posted to")).to_be_visible()
    ts = post_card(slack)
    expect(page.get_by_role("heading", name="Approval needed: ticket.close")).to_be_visible()
    page.get_by_label("acting as").select_option(label="Grace Hopper")
    page.wait_for_url("**as=U0GRACE")
    approve = page.get_by_role("button", name="Approve")
    shot(page, "card")

    approve.click()
    dialog = page.get_by_role("dialog", name="Close ticket T-18421?")
    dialog.get_by_role("button", name="Go back").click()
    expect(dialog).to_be_hidden()
    assert slack.app.received == []

    approve.click()
    shot(page, "confirm")
    with page.expect_response("**/page/click"):
        dialog.get_by_role("button", name="Approve").click()
    expect(dialog).to_be_hidden()
    (click,) = slack.app.received
    assert click["verified"]
    assert click["user"]["id"] == "U0GRACE"
    assert click["actions"][0]["value"] == "apr_1"
    assert click["message"]["ts"] == ts

    done = [{"type": "section", "text": text("✅ Closed. Approved by <@U0GRACE>.", "mrkdwn")}]
    slack.api("chat.update", channel=ROOM, ts=ts, text="Closed", blocks=done)
    expect(page.get_by_text("Approved by @Grace Hopper")).to_be_visible()
    expect(approve).to_have_count(0)


def test_a_link_opens_beside_the_channel_and_the_app_hears_of_it(slack: Slack, page: Page) -> None:
    """At once, or where it asks first, once that is confirmed; the channel stays where it was."""
    open_it = {"type": "button", "text": text("Open"), "action_id": "open", "url": f"{slack.url}/healthz"}
    sure = {key: text(key.capitalize()) for key in ("title", "text", "confirm", "deny")}
    blocks = [{"type": "actions", "elements": [open_it, open_it | {"action_id": "ask", "confirm": sure}]}]
    slack.api("chat.postMessage", channel=ROOM, text="Links", blocks=blocks)
    links = page.get_by_role("link", name="Open (opens in a new tab)")
    with page.expect_popup() as beside, page.expect_response("**/page/click"):
        links.first.click()
    assert beside.value.url == f"{slack.url}/healthz"
    links.last.click()
    dialog = page.get_by_role("dialog", name="Title")
    assert len(page.context.pages) == 2
    with page.expect_popup() as beside, page.expect_response("**/page/click"):
        dialog.get_by_role("button", name="Confirm").click()
    assert beside.value.url == f"{slack.url}/healthz"
    assert [sent["actions"][0]["action_id"] for sent in slack.app.received] == ["open", "ask"]


def test_a_card_that_changes_under_a_person_is_clicked_as_they_saw_it(slack: Slack, page: Page) -> None:
    """A confirmed click on a button that went away meanwhile reaches the app, which has its answer."""
    ts = post_card(slack)
    page.get_by_role("button", name="Approve").click()
    gone = [{"type": "section", "text": text("Denied by Grace.")}]
    slack.api("chat.update", channel=ROOM, ts=ts, text="Denied", blocks=gone)
    expect(page.get_by_text("Denied by Grace.")).to_be_visible()
    with page.expect_response("**/page/click"):
        page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    assert [sent["actions"][0]["value"] for sent in slack.app.received] == ["apr_1"]


def test_the_keyboard_stays_where_it_was_when_a_card_changes(slack: Slack, page: Page) -> None:
    """On the same button, or at its card where the button is gone."""
    ts = post_card(slack)
    deny = page.get_by_role("button", name="Deny")
    deny.focus()
    slack.api("chat.postMessage", channel=ROOM, thread_ts=ts, text="<@U0GRACE>: half of the time is over.")
    expect(page.get_by_text("@Grace Hopper: half of the time is over.")).to_be_visible()
    expect(deny).to_be_focused()
    gone = [{"type": "section", "text": text("Denied by Grace.")}]
    slack.api("chat.update", channel=ROOM, ts=ts, text="Denied", blocks=gone)
    expect(page.get_by_text("Denied by Grace.")).to_be_visible()
    expect(page.locator(".entry")).to_be_focused()


def test_an_app_that_does_not_answer_is_shown_as_such(slack: Slack, page: Page) -> None:
    """A click that was not acknowledged says so beside the button."""
    slack.app.status = 500
    post_card(slack)
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("alert")).to_have_text(re.compile("The app did not answer"))
    shot(page, "failed")


def test_asides_and_threads_reach_the_right_people(slack: Slack, page: Page) -> None:
    """Replies stand under their card; an ephemeral message is seen by its person alone, until dismissed."""
    ts = post_card(slack)
    slack.api("chat.postMessage", channel=ROOM, text="Posted to *two* approvers.", thread_ts=ts)
    slack.api("chat.postEphemeral", channel=ROOM, user="U0ADA", text="Your own run: not yours to approve.")
    expect(page.get_by_text("1 reply")).to_be_visible()
    aside = page.get_by_text("not yours to approve")
    expect(aside).to_be_visible()
    shot(page, "thread")
    page.get_by_label("acting as").select_option(label="Mallory Vane (stranger)")
    page.wait_for_url("**as=U0MALLORY")
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    expect(aside).to_have_count(0)
    page.get_by_label("acting as").select_option(label="Ada Lovelace")
    page.wait_for_url("**as=U0ADA")
    page.get_by_role("button", name="Dismiss").click()
    expect(aside).to_have_count(0)


def test_a_modal_asks_and_shows_what_was_wrong(slack: Slack, page: Page) -> None:
    """A modal opens for the clicker, shows the app's errors at the field, and closes when accepted."""
    post_card(slack)
    with page.expect_response("**/page/click"):
        page.get_by_role("button", name="Deny").click()
    options = [{"text": text("Too risky"), "value": "risk"}, {"text": text("Wrong ticket"), "value": "wrong"}]
    blocks = [
        {"type": "section", "text": text("The reason goes back to the agent.")},
        {
            "type": "input",
            "block_id": "kind",
            "label": text("What is wrong?"),
            "element": {"type": "static_select", "action_id": "kind", "options": options},
        },
        {
            "type": "input",
            "block_id": "why",
            "label": text("Reason"),
            "element": {"type": "plain_text_input", "action_id": "why", "multiline": True},
        },
    ]
    view = {"type": "modal", "title": text("Deny this action"), "submit": text("Deny"), "blocks": blocks}
    slack.api("views.open", trigger_id=slack.app.received[0]["trigger_id"], view=view)
    modal = page.get_by_role("dialog", name="Deny this action")
    modal.get_by_role("button", name="Deny").click()
    expect(modal.get_by_text("Please complete this required field.")).to_have_count(2)
    modal.get_by_label("What is wrong?").select_option(label="Wrong ticket")
    modal.get_by_label("Reason").fill("no")
    slack.app.answer = json.dumps({"response_action": "errors", "errors": {"why": "Say a little more."}})
    modal.get_by_role("button", name="Deny").click()
    expect(modal.get_by_text("Say a little more.")).to_be_visible()
    expect(modal.get_by_text("Please complete this required field.")).to_have_count(0)
    expect(modal.get_by_label("Reason")).to_be_focused()
    expect(modal.get_by_label("Reason")).to_have_attribute("aria-invalid", "true")
    shot(page, "modal")
    slack.app.answer = ""
    modal.get_by_label("Reason").fill("It is another customer's ticket.")
    modal.get_by_role("button", name="Deny").click()
    expect(modal).to_be_hidden()
    state = slack.app.received[-1]["view"]["state"]["values"]
    assert state["kind"]["kind"]["selected_option"]["value"] == "wrong"
    assert state["why"]["why"]["value"] == "It is another customer's ticket."


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1180), ("dark", 1180), ("light", 390), ("dark", 390)]
)
def test_the_page_fits_its_window(browser: Browser, slack: Slack, scheme: Any, width: int) -> None:
    """Light or dark, wide or on a phone: nothing is cut off sideways."""
    ts = post_card(slack)
    slack.api("chat.postMessage", channel=ROOM, text="Posted by `interlock` · _waiting_", thread_ts=ts)
    slack.api("chat.postEphemeral", channel=ROOM, user="U0ADA", text="Only you see this one.")
    slack.api("chat.postMessage", channel=ROOM, text="> quoted\n```a long line " + "x" * 300 + "```")
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(f"{slack.url}/channels/{ROOM}?as=U0ADA")
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.getElementById('log').scrollWidth") <= width
    page.evaluate("document.getElementById('log').scrollTop = 0")
    shot(page, f"{scheme}-{width}")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_card_thread_and_modal(slack: Slack, page: Page, scheme: Any) -> None:
    """Nothing lies beside the screen, and axe finds no fault, in light and in dark."""
    ts = post_card(slack)
    slack.api("chat.postMessage", channel=ROOM, thread_ts=ts, text="<@U0GRACE>: half of the time is over.")
    slack.api("chat.postEphemeral", channel=ROOM, user="U0ADA", text="Your own run: not yours to approve.")
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_text("not yours to approve")).to_be_visible()
    _sound(page, f"phone-{scheme}")
    with page.expect_response("**/page/click"):
        page.get_by_role("button", name="Deny").click()
    reason = {"type": "plain_text_input", "action_id": "why", "multiline": True, "focus_on_load": True}
    blocks = [{"type": "input", "block_id": "why", "label": text("Reason"), "element": reason}]
    view = {"type": "modal", "title": text("Deny this action"), "submit": text("Deny"), "blocks": blocks}
    slack.api("views.open", trigger_id=slack.app.received[0]["trigger_id"], view=view)
    expect(page.get_by_label("Reason")).to_be_focused()
    page.get_by_role("dialog").get_by_role("button", name="Deny").click()
    _sound(page, f"phone-{scheme}-modal")


def _sound(page: Page, name: str) -> None:
    shot(page, name)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found] == []
