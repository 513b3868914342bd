"""The real gateway and the stand-in together: Deny opens the form, which denies or says why it does not."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import httpx
import pytest

from adapters.denial_form import SlackDenialForms
from adapters.slack import SlackPoster, slack_client
from contracts.approval import ApprovalRecord, ApprovalState
from contracts.denial import CALLBACK, REASON, DenialForm
from contracts.secret import Secret
from gateway.whisper import Whisper
from tests.integration.served_world import Served, served
from tests.integration.slack_standin.app import Json
from tests.integration.slack_standin.blocks import actions, button, section
from tests.integration.slack_standin.workspace import BOT_TOKEN, ROOM, Slack, config, run
from tests.integration.test_gateway_world import SIGNING_SECRET, World


def eventually(holds: Callable[[], bool], seconds: float = 10) -> None:
    """What follows the acknowledgement has happened."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


@dataclass
class Room:
    """A gateway and the channel of its cards."""

    gateway: Served
    slack: Slack
    asked: int = 0

    def card(self) -> tuple[ApprovalRecord, str]:
        """An approval that waits, and the ``ts`` of its card."""
        self.asked += 1
        approval = self.gateway.do(self.gateway.world.asked(key=f"k-{self.asked}"))
        value = f"{approval.approval_id}|{approval.action_digest}"
        blocks = [section("Close T-1?"), actions(button("interlock.deny", value=value))]
        token = {"Authorization": f"Bearer {BOT_TOKEN}"}
        message = {"channel": ROOM, "text": "Close T-1?", "blocks": blocks}
        ts = self.slack.http("POST", "/api/chat.postMessage", message, **token).json()["ts"]
        self.gateway.do(self.gateway.world.stand(approval.approval_id, ts))
        return approval, ts

    def deny(self, ts: str, user: str = "U0ADA") -> Json:
        return self.slack.click(ts, action_id="interlock.deny", user=user)

    def view(self, user: str = "U0ADA") -> Json:
        """The one form that is open in front of that person."""
        eventually(lambda: bool(self.slack.control("GET", f"views?user={user}")["views"]))
        (view,) = self.slack.control("GET", f"views?user={user}")["views"]
        return dict(view)

    def send(self, view: Json, reason: str, user: str = "U0ADA") -> httpx.Response:
        values = {REASON: {REASON: {"type": "plain_text_input", "value": reason}}}
        return self.slack.ask("POST", "submit", {"view_id": view["id"], "user": user, "values": values})

    def told(self, user: str = "U0ADA") -> str:
        """The one thing that this person alone was told."""
        eventually(lambda: bool(self.slack.control("GET", f"ephemerals?user={user}")["ephemerals"]))
        (said,) = self.slack.control("GET", f"ephemerals?user={user}")["ephemerals"]
        return str(said["text"])

    def state(self, approval: ApprovalRecord) -> ApprovalState:
        return self.gateway.do(self.gateway.world.approvals.get(approval.approval_id)).state


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("denying")
    with served(folder) as gateway:
        slack = run(folder, config(f"{gateway.url}/slack/interactions", signing_secret=SIGNING_SECRET))
        try:
            private = gateway.do(_meet(gateway.world, slack.url))
            yield Room(gateway=gateway, slack=slack)
            gateway.do(private.close())
        finally:
            slack.stop()


async def _meet(world: World, slack_url: str) -> Whisper:
    """Have the gateway speak to this stand-in."""
    poster = SlackPoster(slack_client(slack_url, Secret(BOT_TOKEN)))
    private, forms = Whisper(poster, proxied=False), SlackDenialForms(poster)
    slack = replace(world.parts.slack, url=slack_url, private=private, forms=forms)
    world.app.state.parts = replace(world.parts, slack=slack)
    return private


@pytest.fixture
def room(whole: Room) -> Room:
    whole.slack.control("POST", "reset")
    return whole


def test_deny_opens_the_form_and_the_form_denies(room: Room) -> None:
    """Slack's rules take the view; sent off with a reason it closes, and the action is denied."""
    approval, ts = room.card()
    delivery = room.deny(ts)
    assert (delivery["status"], delivery["body"]) == (200, "")
    view = room.view()
    assert view["callback_id"] == CALLBACK
    assert "dev · acme · ticket.close · T-1" in view["blocks"][0]["text"]["text"]
    assert room.state(approval) is ApprovalState.WAITING
    assert room.send(view, "Another customer's ticket.").json()["acknowledged"]
    assert room.slack.control("GET", "views")["views"] == []
    after = room.gateway.do(room.gateway.world.approvals.get(approval.approval_id))
    assert (after.state, after.denial) == (ApprovalState.DENIED, "Another customer's ticket.")


class SlowForms:
    """Implements ``gateway.ports.DenialForms``: it opens nothing until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), asyncio.Event()

    async def show(self, trigger_id: str, approval: ApprovalRecord, form: DenialForm) -> None:
        del trigger_id, approval, form
        self.begun.set()
        await self.go.wait()


def test_a_press_is_acknowledged_before_its_form_opens(room: Room) -> None:
    """However slow Slack is to open it: the press, and the next one on the same connection, are answered."""
    whole, forms = room.gateway.world.app.state.parts, SlowForms()
    room.gateway.world.app.state.parts = replace(whole, slack=replace(whole.slack, forms=forms))
    try:
        _, ts = room.card()
        assert room.deny(ts)["status"] == 200
        assert forms.begun.wait(10)
        assert room.deny(ts)["status"] == 200
    finally:
        room.gateway.loop.call_soon_threadsafe(forms.go.set)
        room.gateway.world.app.state.parts = whole


def test_a_form_that_came_too_late_says_so_and_stays(room: Room) -> None:
    """The second of two people reads at the field that the first one was faster, and who it was."""
    _, ts = room.card()
    room.deny(ts)
    room.deny(ts, "U0GRACE")
    assert room.send(room.view("U0GRACE"), "Not this one.", "U0GRACE").json()["acknowledged"]
    answer = room.send(room.view(), "Not this one either.").json()
    assert answer["acknowledged"]
    assert "already denied by Grace" in answer["body"]
    room.view()


def test_who_may_not_deny_is_told_in_private_and_sees_no_form(room: Room) -> None:
    """A stranger's press opens nothing."""
    approval, ts = room.card()
    room.deny(ts, "U0MALLORY")
    assert "people file" in room.told("U0MALLORY")
    assert room.slack.control("GET", "views")["views"] == []
    assert room.state(approval) is ApprovalState.WAITING


def test_a_form_that_slack_does_not_open_leaves_other_ways(room: Room) -> None:
    """A rate limit on views.open: the press is acknowledged, and its person reads how else to deny."""
    approval, ts = room.card()
    room.slack.control("POST", "faults", {"method": "views.open", "kind": "rate_limited"})
    assert room.deny(ts)["acknowledged"]
    assert f"interlock approvals decide {approval.approval_id} --deny" in room.told()
    assert room.state(approval) is ApprovalState.WAITING


def test_a_reason_beyond_the_field_is_not_even_sent(room: Room) -> None:
    """Slack's own clients hold people to what the form asks for."""
    _, ts = room.card()
    room.deny(ts)
    view = room.view()
    for reason in ("", "x" * 1_001):
        assert room.send(view, reason).json()["detail"] == "invalid_values"
    assert room.send(view, "x" * 1_000).json()["acknowledged"]
