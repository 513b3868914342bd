"""What Slack sends to the app when a person acts: block_actions, view_submission and view_closed."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from embedded.slack.arguments import Refused
from embedded.slack.checks import Json
from embedded.slack.delivery import Courier, Delivery, about, known
from embedded.slack.forms import complaints, read_answer
from embedded.slack.methods import new_view
from embedded.slack.store import Answer
from embedded.slack.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Click:
    """A person presses a button."""

    channel: str
    ts: str
    user: str
    action_id: str
    #: Names the block where several have that action.
    block_id: str | None = None
    #: Sent in place of the button's own value: what a forger with the signing secret would send.
    value: str | None = None
    #: Press the button as the newest earlier state of the message had it, if it has no such button any more.
    stale: bool = False


class Interactions:
    """Builds and sends interactions."""

    def __init__(self, workspace: Workspace, courier: Courier) -> None:
        self._workspace = workspace
        self._courier = courier

    async def click(self, click: Click, *, wait: bool = True) -> Delivery:
        """Send the block_actions of that click. Raises Refused when there is no such person or button."""
        return await self._send(self._block_actions(click), wait=wait)

    async def submit(
        self, *, user: str, view_id: str, values: Mapping[str, Mapping[str, Json]], wait: bool = True
    ) -> Delivery:
        """Send the view_submission of an open modal and do what the app answers.

        Raises Refused when there is no such modal, or its fields do not let these values pass.
        """
        person = known(self._workspace, user)
        view = _view(self._workspace, user, view_id)
        if found := complaints(view, values):
            raise Refused("invalid_values", [f"{name}: {said}" for name, said in found.items()])
        sent = view | {"state": {"values": values}}
        payload = about(self._workspace, person, "view_submission") | {"view": sent, "response_urls": []}
        delivery = await self._send(payload, wait=wait)
        if not delivery.acknowledged:
            return delivery
        asked = read_answer(delivery.body, view)
        if asked is None:
            return replace(delivery, error="The app's answer is none that Slack takes for a modal.")
        self._obey(user, view_id, asked)
        return delivery

    async def close(self, *, user: str, view_id: str) -> None:
        """Close a modal without submitting it; the app hears of it if it asked to."""
        person = known(self._workspace, user)
        view = _view(self._workspace, user, view_id)
        self._workspace.store.close_view(view_id)
        if view.get("notify_on_close"):
            payload = about(self._workspace, person, "view_closed") | {"view": view, "is_cleared": False}
            await self._send(payload, wait=True)

    def _block_actions(self, click: Click) -> Json:
        workspace = self._workspace
        person = known(workspace, click.user)
        channel = workspace.settings.channel(click.channel)
        if channel is None:
            raise Refused("channel_not_found")
        message, ephemeral = self._message(click)
        block, button = _button(message, click)
        answer = Answer(channel=click.channel, ts=click.ts, user=click.user, ephemeral=ephemeral)
        container = {
            "type": "message",
            "message_ts": click.ts,
            "channel_id": click.channel,
            "is_ephemeral": ephemeral,
        }
        if thread_ts := message.get("thread_ts"):
            container["thread_ts"] = thread_ts
        action = {key: value for key, value in button.items() if key != "url"} | {
            "block_id": block["block_id"],
            "action_ts": workspace.store.next_ts(),
        }
        if click.value is not None:
            action["value"] = click.value
        payload = about(self._workspace, person, "block_actions") | {
            "container": container,
            "channel": {"id": channel.id, "name": channel.name},
            "state": {"values": {}},
            "response_url": f"{workspace.base_url}/response/{workspace.store.mint_answer(answer)}",
            "actions": [action],
        }
        # Slack leaves the message out where it was ephemeral.
        return payload if ephemeral else payload | {"message": _without_channel(message)}

    def _message(self, click: Click) -> tuple[Json, bool]:
        store = self._workspace.store
        states = [store.message(click.channel, click.ts)] + (store.revisions(click.ts) if click.stale else [])
        for state in filter(None, states):
            if not click.stale or _has(state, click):
                return state, False
        hidden = store.ephemeral(click.ts, user=click.user)
        if hidden is None:
            raise Refused("message_not_found")
        return hidden, True

    async def _send(self, payload: Json, *, wait: bool) -> Delivery:
        fields = {"payload": json.dumps(payload, ensure_ascii=False, separators=(",", ":"))}
        return await self._courier.bring(self._workspace.settings.interactions_url, fields, wait=wait)

    def _obey(self, user: str, view_id: str, asked: Json) -> None:
        """Do to the modal what the app's answer asks for."""
        store = self._workspace.store
        match asked.get("response_action"):
            case "errors":
                return
            case "clear":
                store.close_views(user)
            case "update":
                ids = {"id": view_id, "root_view_id": view_id}
                store.put_view(new_view(self._workspace, asked["view"]) | ids, user=user)
            case _:
                store.close_view(view_id)


def buttons(message: Json) -> list[tuple[Json, Json]]:
    """Every button of a message with the block it is in."""
    found = []
    for block in message.get("blocks", []):
        elements = block.get("elements", []) if block["type"] == "actions" else [block.get("accessory")]
        found += [(block, element) for element in elements if element and element["type"] == "button"]
    return found


def _matching(message: Json, click: Click) -> list[tuple[Json, Json]]:
    return [
        (block, button)
        for block, button in buttons(message)
        if button["action_id"] == click.action_id and click.block_id in (None, block["block_id"])
    ]


def _has(message: Json, click: Click) -> bool:
    return bool(_matching(message, click))


def _button(message: Json, click: Click) -> tuple[Json, Json]:
    found = _matching(message, click)
    if not found:
        raise Refused("action_not_found")
    return copy.deepcopy(found[0])


def _view(workspace: Workspace, user: str, view_id: str) -> Json:
    for view in workspace.store.open_views(user):
        if view["id"] == view_id:
            return {key: value for key, value in view.items() if key != "user_shown_to"}
    raise Refused("view_not_found")


def _without_channel(message: Json) -> Json:
    return {key: value for key, value in message.items() if key != "channel"}
