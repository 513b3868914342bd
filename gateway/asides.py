"""What one person is told in private about their own click."""

from typing import Final
from urllib.parse import SplitResult, urlsplit

import structlog

from contracts.errors import InterlockError
from gateway.background import cause
from gateway.interactions import Interaction
from gateway.parts import SlackApp

LOG: Final = structlog.get_logger("gateway.slack")

_ORIGIN: Final = "https://hooks.slack.com"


async def tell(app: SlackApp, heard: Interaction, sentence: str) -> None:
    """Tell the person who clicked. A failure is logged and changes nothing: the card shows what stands."""
    try:
        if not await _responded(app, heard, sentence):
            await app.private.say(channel=app.channel, user=heard.user.id, text=sentence)
    except InterlockError as error:
        LOG.warning("refusal not told", user=heard.slack_name, error=cause(error))


async def _responded(app: SlackApp, heard: Interaction, sentence: str) -> bool:
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
