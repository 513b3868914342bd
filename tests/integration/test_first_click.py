"""The first click on a card that stands in Slack before anybody has written down where."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import update

from adapters import schema
from adapters.approvals import StoreApprovals
from adapters.blocks import Card
from adapters.card_carrier import CARD_LEASE_MS, CardCarrier
from adapters.drainer import Drainer
from adapters.leases import Leases
from contracts.approval import ApprovalRecord, ApprovalState
from contracts.errors import Refused
from contracts.outbox import LetterKind
from tests.integration.test_gateway_world import CARD, CHANNEL, ENV, World, opened, press, signed

OTHER = "1764000000.000200"


@dataclass
class FakeSlack:
    """Implements ``adapters.card_carrier.Poster`` in memory; ``ends`` is how a taken post ends."""

    ends: BaseException | None = None
    messages: list[str] = field(default_factory=list)
    updated: list[tuple[str, str]] = field(default_factory=list)
    #: Whether the channel's history shows what was posted.
    remembers: bool = True

    async def post(self, channel: str, card: Card, metadata: Mapping[str, str]) -> str:
        del channel, card, metadata
        if isinstance(self.ends, Refused):
            raise self.ends
        self.messages.append([CARD, OTHER][len(self.messages)])
        if self.ends is not None:
            raise self.ends
        return self.messages[-1]

    async def update(self, channel: str, ts: str, card: Card) -> None:
        del card
        self.updated.append((channel, ts))

    async def find(self, channel: str, outbox_id: str, oldest: float) -> str | None:
        del channel, outbox_id, oldest
        return self.messages[-1] if self.messages and self.remembers else None


def drainer(world: World, slack: FakeSlack) -> Drainer:
    """The broker's, by its own login."""

    async def names() -> Mapping[str, str]:
        return {}

    store = world.stores["broker"]
    approvals = StoreApprovals(store, world.verifier, world.clock)
    carrier = CardCarrier(
        store, approvals, slack, names, world.clock, channel=CHANNEL, page_url=lambda _approval_id: None
    )
    kinds = {LetterKind.CARD: carrier}
    return Drainer(
        Leases(store, world.clock, env=ENV, kinds=kinds, lease_ms=CARD_LEASE_MS), kinds, world.clock
    )


async def unposted(world: World) -> ApprovalRecord:
    """An approval whose card is ordered and was never sent."""
    approval = await world.asked()

    async def work(connection: Any) -> None:
        await connection.execute(update(schema.approvals).values(channel=None, message_ts=None))

    await world.store.write(work)
    return await world.approvals.get(approval.approval_id)


async def click(world: World, approval: ApprovalRecord, ts: str, name: str = "ada") -> ApprovalRecord:
    """A signed click on that message; the approval after it."""
    container = {"type": "message", "message_ts": ts, "channel_id": CHANNEL, "is_ephemeral": False}
    body, headers = signed(press(approval, name, container=container), at_ms=world.clock.at_ms)
    answer = await world.http.post("/slack/interactions", content=body, headers=headers)
    assert answer.status_code == 200
    return await world.approvals.get(approval.approval_id)


async def killed(world: World, slack: FakeSlack) -> None:
    """The broker dies when Slack has taken the post and before it is written down."""
    slack.ends = asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError):
        await drainer(world, slack).drain_once()
    slack.ends = None
    assert slack.messages == [CARD]


async def test_the_first_click_after_the_brokers_death_counts(store_url: str) -> None:
    """It is accepted, its message becomes the card, and the next broker updates that one and posts none."""
    async with opened(store_url) as world:
        approval, slack = await unposted(world), FakeSlack()
        await killed(world, slack)
        after = await click(world, approval, CARD)
        assert (after.state, after.channel, after.message_ts) == (ApprovalState.APPROVED, CHANNEL, CARD)
        world.clock.at_ms += CARD_LEASE_MS
        slack.remembers = False
        assert await drainer(world, slack).drain_once() == 1
        assert (slack.messages, slack.updated) == ([CARD], [(CHANNEL, CARD)])


async def test_a_refused_click_adopts_no_message(store_url: str) -> None:
    """Whoever may not decide does not say which message is the card either."""
    async with opened(store_url) as world:
        approval, slack = await unposted(world), FakeSlack()
        await killed(world, slack)
        refused = await click(world, approval, OTHER, "mallory")
        assert (refused.state, refused.message_ts) == (ApprovalState.WAITING, None)
        assert (await click(world, approval, CARD)).state is ApprovalState.APPROVED


async def test_of_two_messages_one_counts(store_url: str) -> None:
    """Posted twice because the history lagged: the one that was written down counts, the other is refused."""
    async with opened(store_url) as world:
        approval, slack = await unposted(world), FakeSlack()
        await killed(world, slack)
        world.clock.at_ms += CARD_LEASE_MS
        slack.remembers = False
        assert await drainer(world, slack).drain_once() == 1
        assert slack.messages == [CARD, OTHER]
        assert (await click(world, approval, CARD)).state is ApprovalState.WAITING
        assert (await click(world, approval, OTHER)).state is ApprovalState.APPROVED
        assert ("principal:ada", "refused:other_card") in await world.outcomes(approval.approval_id)


async def test_a_click_while_the_post_is_looked_for_stops_the_second_post(store_url: str) -> None:
    """The message that the click named is the card: the post that was about to leave is not sent."""
    async with opened(store_url) as world:
        approval, slack = await unposted(world), FakeSlack()
        await killed(world, slack)
        world.clock.at_ms += CARD_LEASE_MS

        class Clicked(FakeSlack):
            """Its history lags, and somebody clicks meanwhile."""

            async def find(self, channel: str, outbox_id: str, oldest: float) -> str | None:
                del channel, outbox_id, oldest
                await click(world, approval, CARD)
                return None

        late = Clicked(messages=slack.messages)
        assert await drainer(world, late).drain_once() == 0
        world.clock.at_ms += CARD_LEASE_MS
        assert await drainer(world, late).drain_once() == 1
        assert (late.messages, late.updated) == ([CARD], [(CHANNEL, CARD)])


@pytest.mark.parametrize("tried", [False, True], ids=["never sent", "refused by Slack"])
async def test_without_a_card_no_click_counts(store_url: str, tried: bool) -> None:
    """A card that was never sent, or whose only post had no effect, cannot have been clicked."""
    async with opened(store_url) as world:
        approval = await unposted(world)
        if tried:
            assert await drainer(world, FakeSlack(ends=Refused("no"))).drain_once() == 0
        after = await click(world, approval, CARD)
        assert (after.state, after.channel, after.message_ts) == (ApprovalState.WAITING, None, None)
