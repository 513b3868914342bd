"""Slash commands: what a person types, as a signed form, and the app's answer for them alone."""

import json

from embedded.slack.arguments import Refused
from embedded.slack.checks import Json
from embedded.slack.delivery import Courier, Delivery, known, verification_token
from embedded.slack.responses import post_answer
from embedded.slack.store import Answer
from embedded.slack.workspace import Workspace


class Commands:
    """Builds and sends slash commands."""

    def __init__(self, workspace: Workspace, courier: Courier) -> None:
        self._workspace = workspace
        self._courier = courier

    async def type(self, *, user: str, channel: str, text: str, wait: bool = True) -> Delivery:
        """Send a line such as ``/interlock help``, and show what the app answers.

        Raises Refused when there is no such person or channel, or the app has no command.
        """
        workspace = self._workspace
        url = workspace.settings.commands_url
        name, _, said = text.strip().partition(" ")
        if workspace.settings.channel(channel) is None:
            raise Refused("channel_not_found")
        if url is None or not name.startswith("/"):
            raise Refused("command_not_found")
        answer = Answer(channel=channel, ts=workspace.store.next_ts(), user=user, ephemeral=True)
        form = self._who(user) | self._where(channel, answer) | {"command": name, "text": said.strip()}
        delivery = await self._courier.bring(url, form, wait=wait)
        if delivery.acknowledged and delivery.body:
            post_answer(workspace, answer, _message(delivery.body))
        return delivery

    def _who(self, user: str) -> dict[str, str]:
        settings, person = self._workspace.settings, known(self._workspace, user)
        return {
            "token": verification_token(settings.app),
            "team_id": self._workspace.team_of(person),
            "team_domain": settings.domain,
            "user_id": person.user,
            "user_name": person.username,
            "api_app_id": settings.app,
            "is_enterprise_install": "false",
            "trigger_id": self._workspace.triggers.mint(person.user),
        }

    def _where(self, channel: str, answer: Answer) -> dict[str, str]:
        workspace = self._workspace
        room = workspace.settings.channel(channel)
        return {
            "channel_id": channel,
            "channel_name": room.name if room else "",
            "response_url": f"{workspace.base_url}/response/{workspace.store.mint_answer(answer)}",
        }


def _message(body: str) -> Json:
    """Slack shows an answer that is no JSON as it is."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"text": body}
