"""Private answers in Slack, as plain text: what people and models wrote is never rendered as markup."""

from typing import Any, Final, Protocol

import httpx

from contracts.errors import Unavailable

_SECONDS: Final = 5.0
_SECTION: Final = 3_000


class Messages(Protocol):
    """Slack's Web API, as far as it is needed here."""

    async def private(self, channel: str, user: str, text: str) -> None: ...


class Whisper:
    """Implements ``gateway.ports.PrivateWord``."""

    def __init__(self, messages: Messages, *, proxied: bool) -> None:
        """``proxied``: whether the environment's proxy leads to Slack; it leads nowhere on loopback."""
        self._messages = messages
        # A redirect would take the answer elsewhere.
        self._client = httpx.AsyncClient(timeout=_SECONDS, follow_redirects=False, trust_env=proxied)

    async def close(self) -> None:
        await self._client.aclose()

    async def respond(self, url: str, text: str) -> None:
        """Raises Unavailable where Slack did not take it."""
        message = {"response_type": "ephemeral", "replace_original": False, **_plain(text[:_SECTION])}
        try:
            response = await self._client.post(url, json=message)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(f"Slack did not take the answer ({type(error).__name__})") from error
        if response.status_code != 200:
            raise Unavailable(f"Slack did not take the answer (HTTP {response.status_code})")

    async def say(self, *, channel: str, user: str, text: str) -> None:
        """Raises Unavailable or Refused where Slack did not take it."""
        await self._messages.private(channel, user, text)


def _plain(text: str) -> dict[str, Any]:
    """The text twice: as a plain block, and escaped for what shows no blocks (notifications)."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    block = {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}
    return {"text": escaped, "blocks": [block]}
