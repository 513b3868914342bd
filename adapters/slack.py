"""Slack's Web API, as far as cards, their threads and forms need it.

No call is repeated here: a repeated post is a second message. Whether to try again, and what a failed post
may have left behind, is the outbox's to know.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.blocks import Card
from adapters.plain_text import escaped
from contracts.errors import RateLimited, Refused, SetupRefused, Unavailable
from contracts.secret import Secret

METADATA_EVENT: Final = "interlock_card"
"""``event_type`` of the metadata by which a card is found again."""

_TIMEOUT: Final = 10
_PAGE: Final = 200
_PAGES: Final = 20
_SECTION: Final = 3_000
#: Errors of Slack's own; after them nobody knows whether the call took effect.
_TRANSIENT: Final = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
#: What an operator mends in Slack or in the settings: cards wait for it.
_SETUP: Final = frozenset(
    {
        *("access_denied", "account_inactive", "ekm_access_denied", "invalid_auth", "missing_scope"),
        *("no_permission", "not_allowed_token_type", "not_authed", "org_login_required"),
        *("team_access_not_granted", "token_expired", "token_revoked"),
        *("channel_not_found", "is_archived", "not_in_channel", "restricted_action"),
    }
)


def slack_client(base_url: str | None, token: Secret) -> AsyncWebClient:
    """A client that never repeats a call; ``base_url`` is the stand-in's, None is Slack's own.

    slack_sdk's default handlers repeat a post whose connection broke after Slack had taken it. Its rate-limit
    handler sleeps inside the call, past the lease under which a card may be posted by this process alone.
    """
    quiet = logging.getLogger("adapters.slack.client")
    quiet.setLevel(logging.WARNING)  # on DEBUG it writes whole cards
    client = AsyncWebClient(
        token=token.reveal(),
        base_url=AsyncWebClient.BASE_URL if base_url is None else f"{base_url.rstrip('/')}/api/",
        timeout=_TIMEOUT,
        retry_handlers=[],
        logger=quiet,
    )
    if base_url is not None:
        client.proxy = None  # the environment's proxy leads out, not to the stand-in
    return client


class SlackPoster:
    """Posts, updates and finds cards, and replies to them; speaks to one person, and opens forms.

    Every method raises Unavailable (``RateLimited`` with a time) or Refused (``SetupRefused`` where an
    operator can mend it).
    """

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._own_user: str | None = None

    async def post(self, channel: str, card: Card, metadata: Mapping[str, str]) -> str:
        """The new message's ``ts``. ``metadata`` is its event payload, ``outbox_id`` among it."""
        tag = {"event_type": METADATA_EVENT, "event_payload": dict(metadata)}
        answer = await _answer(
            self._client.chat_postMessage(
                channel=channel, metadata=tag, unfurl_links=False, unfurl_media=False, **_content(card)
            )
        )
        return str(answer["ts"])

    async def update(self, channel: str, ts: str, card: Card) -> None:
        """Put the card in the message's place."""
        await _answer(self._client.chat_update(channel=channel, ts=ts, **_content(card)))

    async def find(self, channel: str, outbox_id: str, oldest: float) -> str | None:
        """``ts`` of our own message for this outbox row since ``oldest`` (Unix seconds), if there is one."""
        since = f"{max(0.0, oldest):.6f}"
        return await self._sought(
            partial(self._client.conversations_history, channel=channel, oldest=since), outbox_id
        )

    async def direct(self, user: str) -> str:
        """The channel of what only this user and we read: a history is of channels, not of users."""
        answer = await _answer(self._client.conversations_open(users=user))
        return str(answer["channel"]["id"])

    async def private(self, channel: str, user: str, text: str) -> None:
        """Say something in the channel that only this user sees."""
        shown = text[:_SECTION]
        block = {"type": "section", "text": {"type": "plain_text", "text": shown, "emoji": False}}
        await _answer(
            self._client.chat_postEphemeral(
                channel=channel, user=user, text=escaped(shown), blocks=[block], parse="none"
            )
        )

    async def open(self, trigger_id: str, view: Mapping[str, Any]) -> None:
        """Show a modal to the person whose act gave the trigger, which holds for 3 s and once."""
        await _answer(self._client.views_open(trigger_id=trigger_id, view=dict(view)))

    async def identity(self) -> Mapping[str, Any]:
        """Who the token is: ``team_id``, ``user_id``, ``bot_id`` and more of ``auth.test``."""
        return await _answer(self._client.auth_test())

    async def reply(self, channel: str, ts: str, note: Card, metadata: Mapping[str, str]) -> None:
        """Post into the thread of the message ``ts``. ``metadata`` as for ``post``."""
        tag = {"event_type": METADATA_EVENT, "event_payload": dict(metadata)}
        await _answer(
            self._client.chat_postMessage(
                channel=channel,
                thread_ts=ts,
                metadata=tag,
                unfurl_links=False,
                unfurl_media=False,
                **_content(note),
            )
        )

    async def replied(self, channel: str, ts: str, outbox_id: str) -> bool:
        """Whether our own reply for this outbox row stands in the thread of the message ``ts``."""
        thread = partial(self._client.conversations_replies, channel=channel, ts=ts)
        return await self._sought(thread, outbox_id) is not None

    async def _sought(self, method: Callable[..., Any], outbox_id: str) -> str | None:
        """``ts`` of our own message for this outbox row among those that the method lists."""
        own, cursor = await self._user(), ""
        for _ in range(_PAGES):
            page = await _answer(method(include_all_metadata=True, limit=_PAGE, cursor=cursor or None))
            for message in page["messages"]:
                if message.get("user") == own and _outbox_id(message) == outbox_id:
                    return str(message["ts"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return None
        raise Unavailable(f"there are more than {_PAGE * _PAGES} messages since the card was ordered")

    async def _user(self) -> str:
        if self._own_user is None:
            self._own_user = str((await self.identity())["user_id"])
        return self._own_user


async def _answer(call: Awaitable[AsyncSlackResponse]) -> Mapping[str, Any]:
    try:
        response = await call
    except SlackApiError as error:
        raise _judged(error.response) from error
    except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        # ValueError: a body that is no text, which slack_sdk lets through.
        raise Unavailable(f"Slack did not answer: {type(error).__name__}") from error
    return dict(response.data) if isinstance(response.data, dict) else {}


def _content(card: Card) -> dict[str, Any]:
    """``parse`` is said because chat.update, unlike chat.postMessage, would look for names and links."""
    return {"text": card.text, "blocks": card.blocks, "parse": "none", "link_names": False}


def _outbox_id(message: Mapping[str, Any]) -> str | None:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != METADATA_EVENT:
        return None
    found: str | None = (metadata.get("event_payload") or {}).get("outbox_id")
    return found


def _judged(response: Any) -> Unavailable | Refused:
    """What Slack's answer means. Its own words carry no token; the request does and is not looked at."""
    if not isinstance(response, AsyncSlackResponse):
        return Unavailable("Slack answered with something that is not JSON")
    method = response.api_url.rpartition("/")[2]
    data = response.data if isinstance(response.data, dict) else {}
    word = str(data.get("error") or "")[:80]
    if response.status_code == 429 or word in ("ratelimited", "rate_limited"):
        seconds = _retry_after(response.headers)
        return RateLimited(f"Slack limits the rate of {method}: again in {seconds:.0f} s", seconds)
    if response.status_code >= 500 or not word or word in _TRANSIENT:
        return Unavailable(f"Slack answered {method} with HTTP {response.status_code} {word}".rstrip())
    if word in _SETUP:
        return SetupRefused(f"Slack refused {method}: {word}; check the app's token, scopes and channel")
    details = (data.get("response_metadata") or {}).get("messages") or []
    return Refused(f"Slack refused {method}: {'; '.join([word, *map(str, details)])[:500]}")


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that Slack asks for, within 1 and 3,600."""
    said = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    return float(min(max(int(said), 1), 3_600)) if said.isascii() and said.isdigit() else 1.0
