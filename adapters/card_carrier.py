"""Brings each card up to its approval's row.

A post is announced in the row before it leaves (``posting``): where its fate is not known, the message is
looked for before another one is sent.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.blocks import Card
from adapters.cards import render
from adapters.leases import mine, unplaced
from adapters.store import Store
from contracts.approval import ApprovalRecord
from contracts.errors import RateLimited, Refused, SetupRefused, Unavailable
from contracts.outbox import Held, Shown
from contracts.ports import Clock

CARD_LEASE_MS: Final = 24_000
"""How long a card is one drainer's own, so at most how long a dead broker's waits; twice a call to Slack."""
_SKEW_S: Final = 600
"""How far our clock may be from Slack's; beyond 300 s no click would be accepted anyway."""


class Poster(Protocol):
    """Slack, as cards use it: ``adapters.slack.SlackPoster``."""

    async def post(self, channel: str, card: Card, metadata: Mapping[str, str]) -> str: ...

    async def update(self, channel: str, ts: str, card: Card) -> None: ...

    async def find(self, channel: str, outbox_id: str, oldest: float) -> str | None: ...


class Reader(Protocol):
    """The part of ``contracts.ports.Approvals`` that cards use."""

    async def get(self, approval_id: str) -> ApprovalRecord: ...


class CardCarrier:
    """Implements ``contracts.outbox.Carrier`` for the cards of one channel."""

    def __init__(
        self,
        store: Store,
        approvals: Reader,
        poster: Poster,
        names: Callable[[], Awaitable[Mapping[str, str]]],
        clock: Clock,
        *,
        channel: str,
        page_url: Callable[[str], str | None],
    ) -> None:
        """``names`` gives display names by principal, ``page_url`` the page of an approval's id."""
        self._posts = _Posts(store, clock)
        self._approvals = approvals
        self._poster = poster
        self._names = names
        self._clock = clock
        self._channel = channel
        self._page_url = page_url

    async def carry(self, letter: Held) -> Shown:
        approval = await self._approvals.get(letter.approval_id or "")
        card = await self._card(approval)
        channel, ts = approval.channel or self._channel, approval.message_ts
        if ts is None and letter.posting:
            ts = await self._poster.find(channel, letter.outbox_id, approval.requested_ms / 1_000 - _SKEW_S)
        if ts is not None:
            await self._poster.update(channel, ts, card)
        else:
            channel, ts = self._channel, await self._post(letter, card)
        return Shown(channel=channel, message_ts=ts, version=approval.version)

    async def _post(self, letter: Held, card: Card) -> str:
        if not await self._posts.announce(letter, self._channel):
            raise Unavailable("this card was taken over by another drainer, or its message turned up")
        metadata = {"outbox_id": letter.outbox_id, "approval_id": letter.approval_id or ""}
        try:
            return await self._poster.post(self._channel, card, metadata)
        except (RateLimited, Refused):
            await self._posts.retract(letter)
            raise

    async def _card(self, approval: ApprovalRecord) -> Card:
        people = await self._people()
        page_url = self._page_url(approval.approval_id)
        try:
            return render(approval, people=people, now_ms=self._clock.now_ms(), page_url=page_url)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise Refused(
                f"this approval has no card: its row is malformed ({type(error).__name__})"
            ) from error

    async def _people(self) -> Mapping[str, str]:
        try:
            return await self._names()
        except Refused as error:
            # It is not this card's fault, and publishing the people anew mends it for all.
            raise SetupRefused(f"the people in force cannot be read: {error.sentence}") from error


class _Posts:
    """Posts on their way, as the rows say it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def announce(self, held: Held, channel: str) -> bool:
        """Commit that a post is about to leave; False where the lease was lost, or a click named its message.

        From now on a click in that channel may be the card's first (``policies.quorum``).
        """

        async def work(connection: AsyncConnection) -> bool:
            announced = await connection.execute(mine(held, self._clock.now_ms()).values(posting=True))
            if announced.rowcount != 1:
                return False
            return (await connection.execute(unplaced(held).values(channel=channel))).rowcount == 1

        return await self._store.write(work)

    async def retract(self, held: Held) -> None:
        """Commit that the announced post had no effect; an earlier one of unknown fate still may have."""

        async def work(connection: AsyncConnection) -> None:
            own = mine(held, self._clock.now_ms())
            retracted = await connection.execute(own.values(posting=held.posting))
            if retracted.rowcount == 1 and not held.posting:
                await connection.execute(unplaced(held).values(channel=None))

        await self._store.write(work)
