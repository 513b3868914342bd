"""Brings alerts to the channel of those who run Interlock, or to the one whom they are for, each once."""

from collections.abc import Mapping
from typing import Final, Protocol

from adapters.alert_card import alert_card
from adapters.alerts import read_alert
from adapters.blocks import Card
from adapters.posting import Posting
from adapters.store import Store
from contracts.alert import Alert
from contracts.errors import RateLimited, Refused, Unavailable
from contracts.outbox import Held
from contracts.ports import Clock

_SKEW_S: Final = 600
"""How far our clock may be from Slack's."""


class Poster(Protocol):
    """Slack, as alerts use it: ``adapters.slack.SlackPoster``."""

    async def post(self, channel: str, card: Card, metadata: Mapping[str, str]) -> str: ...

    async def find(self, channel: str, outbox_id: str, oldest: float) -> str | None: ...

    async def direct(self, user: str) -> str: ...


class AlertCarrier:
    """Implements ``contracts.outbox.Carrier`` for alerts."""

    def __init__(self, store: Store, poster: Poster, clock: Clock, *, channel: str) -> None:
        self._posting = Posting(store, clock)
        self._store = store
        self._poster = poster
        self._channel = channel

    async def carry(self, letter: Held) -> None:
        alert = await self._alert(letter.subject)
        if letter.posting and await self._arrived(letter, alert):
            return
        if not await self._posting.announce(letter):
            raise Unavailable("this alert was taken over by another drainer")
        try:
            metadata = {"outbox_id": letter.outbox_id, "alert_id": alert.alert_id}
            # Slack takes a user for a channel where something is posted, and nowhere else.
            await self._poster.post(alert.whom or self._channel, alert_card(alert), metadata)
        except (RateLimited, Refused):
            await self._posting.retract(letter)
            raise

    async def _arrived(self, letter: Held, alert: Alert) -> bool:
        oldest = alert.at_ms / 1_000 - _SKEW_S
        where = self._channel if alert.whom is None else await self._poster.direct(alert.whom)
        return await self._poster.find(where, letter.outbox_id, oldest) is not None

    async def _alert(self, identity: str) -> Alert:
        try:
            return await self._store.look(lambda connection: read_alert(connection, identity))
        except (TypeError, ValueError) as error:
            raise Refused(f"its row is malformed ({type(error).__name__})") from error
