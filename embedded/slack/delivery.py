"""How a person's act reaches the app: signed as Slack signs it, and answered within Slack's time."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from urllib.parse import urlencode

import httpx

from embedded.slack.arguments import Refused
from embedded.slack.checks import Json
from embedded.slack.config import Person
from embedded.slack.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One request to the app, and its answer."""

    #: HTTP status; None while it is under way or when the app did not answer in time.
    status: int | None
    body: str
    #: Why there is no status, or why Slack would not take the answer, in a sentence.
    error: str | None
    #: The form body exactly as sent, and its headers: enough to send it again.
    body_sent: str
    headers_sent: dict[str, str]

    @property
    def acknowledged(self) -> bool:
        """Whether Slack would take this for an acknowledgement."""
        return self.status == 200 and self.error is None

    def as_json(self) -> Json:
        """The delivery as the control interface shows it."""
        return asdict(self) | {"acknowledged": self.acknowledged}


class Courier:
    """Signs and posts forms."""

    def __init__(self, workspace: Workspace, client: httpx.AsyncClient) -> None:
        self._workspace = workspace
        self._client = client
        self._under_way: set[asyncio.Task[Delivery]] = set()

    async def bring(self, url: str, fields: Mapping[str, str], *, wait: bool) -> Delivery:
        """Post the form, and say what came of it as far as that is waited for."""
        body = urlencode(fields)
        headers = self._signed(body)
        posted = asyncio.create_task(self._post(url, body, headers))
        self._under_way.add(posted)
        posted.add_done_callback(self._under_way.discard)
        if wait:
            return await posted
        return Delivery(status=None, body="", error=None, body_sent=body, headers_sent=headers)

    def _signed(self, body: str) -> dict[str, str]:
        at = str(int(time.time()))
        secret = self._workspace.settings.signing_secret.get_secret_value()
        mac = hmac.new(secret.encode(), f"v0:{at}:{body}".encode(), hashlib.sha256)
        return {
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": at,
            "X-Slack-Signature": f"v0={mac.hexdigest()}",
        }

    async def _post(self, url: str, body: str, headers: dict[str, str]) -> Delivery:
        settings = self._workspace.settings
        status, answer, error = None, "", None
        try:
            async with asyncio.timeout(settings.ack_seconds):
                response = await self._client.post(url, content=body, headers=headers)
            status, answer = response.status_code, response.text
        except TimeoutError:
            error = f"The app did not answer within {settings.ack_seconds:g} s."
        except httpx.HTTPError as failure:
            error = f"The app could not be reached: {type(failure).__name__}."
        delivery = Delivery(status=status, body=answer, error=error, body_sent=body, headers_sent=headers)
        self._workspace.interactions.append({"at": time.time()} | delivery.as_json())
        return delivery


def known(workspace: Workspace, user: str) -> Person:
    """The person of that user id. Raises Refused."""
    person = workspace.settings.person(user)
    if person is None:
        raise Refused("user_not_found")
    return person


def about(workspace: Workspace, person: Person, kind: str) -> Json:
    """What every interaction says: who it was, where, of which app."""
    settings = workspace.settings
    return {
        "type": kind,
        "user": {
            "id": person.user,
            "username": person.username,
            "name": person.username,
            "team_id": workspace.team_of(person),
        },
        "api_app_id": settings.app,
        "token": verification_token(settings.app),
        "trigger_id": workspace.triggers.mint(person.user),
        "team": {"id": settings.team, "domain": settings.domain},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def verification_token(app: str) -> str:
    """Slack's deprecated one: worth nothing, and in everything that it sends."""
    return hashlib.sha256(app.encode()).hexdigest()[:24]
