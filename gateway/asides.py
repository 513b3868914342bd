"""What one person is told in private about their own click."""

from typing import Final, Protocol
from urllib.parse import SplitResult, urlsplit

import structlog

from contracts.errors import InterlockError
from gateway.background import cause
from gateway.parts import SlackApp

LOG: Final = structlog.get_logger("gateway.slack")

_ORIGIN: Final = "https://hooks.slack.com"


class Heard(Protocol):
    """What a person did in Slack."""

    @property
    def response_url(self) -> str | None: ...
    @property
    def slack_user(self) -> str: ...
    @property
    def slack_name(self) -> str: ...


async def tell(app: SlackApp, heard: Heard, sentence: str) -> None:
    """Tell the person who did it. A failure is logged and changes nothing: the card shows what stands."""
    try:
        if not await _responded(app, heard, sentence):
            await app.private.say(channel=app.channel, user=heard.slack_user, text=sentence)
    except InterlockError as error:
        LOG.warning("refusal not told", user=heard.slack_name, error=cause(error))


async def _responded(app: SlackApp, heard: Heard, sentence: str) -> bool:
    """Whether the click's own ``response_url`` took it. To be told twice is better than not at all."""
    if heard.response_url is None or not answerable(heard.response_url, app.url):
        return False
    try:
        await app.private.respond(heard.response_url, sentence)
    except InterlockError as error:
        LOG.warning("response_url failed", user=heard.slack_name, error=cause(error))
        return False
    return True


def answerable(url: str, slack_url: str) -> bool:
    """Whether a ``response_url`` is the configured Slack's: nobody else gets to choose whom we call."""
    try:
        return _origin(urlsplit(url)) == _origin(urlsplit(slack_url or _ORIGIN)) != ("", "", None)
    except ValueError:
        return False


def _origin(url: SplitResult) -> tuple[str, str, int | None]:
    if url.username is not None or url.password is not None:
        raise ValueError("an address of Slack's names no user")
    port = url.port or {"https": 443, "http": 80}.get(url.scheme)
    return url.scheme, url.hostname or "", port
