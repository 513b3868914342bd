"""The outbox: brings each card up to its approval's row.

Whoever changes an approval only counts up its version. A row of the outbox says which version its message
shows; the drainer renders what lies behind, under a lease that one drainer holds. A post is announced in the
row before it leaves (``posting``): where its fate is not known, the message is looked for before another one
is sent.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import Row, Update, and_, case, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.blocks import Card
from adapters.cards import render
from adapters.schema import approvals, outbox
from adapters.slack import RateLimited, SetupRefused
from adapters.store import Store
from contracts.approval import ApprovalRecord
from contracts.errors import InterlockError, Refused, Unavailable, Unknown
from contracts.ports import Clock

LOG: Final = structlog.get_logger("adapters.outbox")

LEASE_MS: Final = 60_000
"""How long a claimed row is one drainer's own; it gives up its calls to Slack at half of that."""
MOST_MS: Final = 60_000
SETUP_ATTEMPTS: Final = 20
_UNSURE_MS: Final = 2_000
"""A post that broke off may still be on its way into the channel's history."""
_SKEW_S: Final = 600
"""How far our clock may be from Slack's; beyond 300 s no click would be accepted anyway."""
_BATCH: Final = 20
_POLL_S: Final = 0.3
_PAUSE_S: Final = 3.0


class Poster(Protocol):
    """Slack, as the outbox uses it: ``adapters.slack.SlackPoster``."""

    async def post(self, channel: str, card: Card, metadata: Mapping[str, str]) -> str: ...

    async def update(self, channel: str, ts: str, card: Card) -> None: ...

    async def find(self, channel: str, outbox_id: str, oldest: float) -> str | None: ...


class Reader(Protocol):
    """The part of ``contracts.ports.Approvals`` that the outbox uses."""

    async def get(self, approval_id: str) -> ApprovalRecord: ...


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A card that lies behind its approval."""

    outbox_id: str
    approval_id: str
    version: int
    #: The version that its message shows; 0: there is no message.
    done_version: int
    attempts: int
    #: A post left whose fate is not known yet.
    posting: bool
    #: Given up; ``retry`` takes it up again.
    dead: bool
    #: The last failure, in one sentence.
    error: str
    #: Unix milliseconds before which nothing is tried.
    next_ms: int


@dataclass(frozen=True, kw_only=True)
class _Held:
    """A row under this drainer's lease, which ends at the moment that names it."""

    outbox_id: str
    approval_id: str
    attempts: int
    posting: bool
    lease_ms: int


class OutboxRows:
    """The outbox's rows; also what the command line lists and retries."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def list_pending(self) -> tuple[Pending, ...]:
        """Cards that lie behind or were given up; the longest waiting first."""
        statement = (
            select(outbox, approvals.c.version)
            .join(approvals, approvals.c.approval_id == outbox.c.approval_id)
            .where(or_(outbox.c.done_version < approvals.c.version, outbox.c.dead))
            .order_by(outbox.c.next_ms)
        )
        async with self._store.read() as connection:
            return tuple(Pending(**row._mapping) for row in await connection.execute(statement))

    async def retry(self, outbox_id: str) -> None:
        """Take a card up again: at once, or when the post that is under way is over. Raises Unknown."""
        under_way = and_(outbox.c.posting, outbox.c.dead.is_(False))
        again = update(outbox).where(outbox.c.outbox_id == outbox_id)
        next_ms = case((under_way, outbox.c.next_ms), else_=self._clock.now_ms())
        if not await self._change(again.values(dead=False, attempts=0, error="", next_ms=next_ms)):
            raise Unknown(f"there is no card {outbox_id} in the outbox")

    async def due(self) -> tuple[str, ...]:
        """Ids of rows that lie behind and may be tried; one query."""
        statement = (
            select(outbox.c.outbox_id)
            .join(approvals, approvals.c.approval_id == outbox.c.approval_id)
            .where(outbox.c.dead.is_(False), outbox.c.next_ms <= self._clock.now_ms())
            .where(outbox.c.done_version < approvals.c.version)
            .order_by(outbox.c.next_ms)
            .limit(_BATCH)
        )
        async with self._store.read() as connection:
            return tuple(await connection.scalars(statement))

    async def hold(self, outbox_id: str) -> _Held | None:
        """Take the row's lease; None where another drainer was faster."""
        now = self._clock.now_ms()
        version = select(approvals.c.version).where(approvals.c.approval_id == outbox.c.approval_id)
        statement = (
            update(outbox)
            .where(outbox.c.outbox_id == outbox_id, outbox.c.dead.is_(False), outbox.c.next_ms <= now)
            .where(outbox.c.done_version < version.scalar_subquery())
            .values(next_ms=now + LEASE_MS)
            .returning(outbox.c.approval_id, outbox.c.attempts, outbox.c.posting)
        )

        async def work(connection: AsyncConnection) -> Row[Any] | None:
            return (await connection.execute(statement)).first()

        row = await self._store.write(work)
        if row is None:
            return None
        return _Held(outbox_id=outbox_id, lease_ms=now + LEASE_MS, **row._mapping)

    async def announce(self, held: _Held, channel: str) -> bool:
        """Commit that a post is about to leave; False where the lease was lost, or a click named its message.

        From now on a click in that channel may be the card's first (``policies.quorum``).
        """

        async def work(connection: AsyncConnection) -> bool:
            if (await connection.execute(self._mine(held).values(posting=True))).rowcount != 1:
                return False
            return (await connection.execute(_unplaced(held).values(channel=channel))).rowcount == 1

        return await self._store.write(work)

    async def retract(self, held: _Held) -> None:
        """Commit that the announced post had no effect; an earlier one whose fate is not known still may have."""

        async def work(connection: AsyncConnection) -> None:
            mine = await connection.execute(self._mine(held).values(posting=held.posting))
            if mine.rowcount == 1 and not held.posting:
                await connection.execute(_unplaced(held).values(channel=None))

        await self._store.write(work)

    async def done(self, held: _Held, shown: ApprovalRecord, channel: str, ts: str) -> None:
        """The message shows this version of the approval."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(_unplaced(held).values(channel=channel, message_ts=ts))
            await connection.execute(
                self._mine(held).values(
                    done_version=shown.version,
                    attempts=0,
                    posting=False,
                    error="",
                    next_ms=self._clock.now_ms(),
                )
            )

        await self._store.write(work)

    async def failed(self, held: _Held, error: InterlockError) -> None:
        """Say when to try again, or give the card up."""
        attempts = held.attempts + 1
        mendable = isinstance(error, Unavailable) or (
            isinstance(error, SetupRefused) and attempts < SETUP_ATTEMPTS
        )
        next_ms = self._clock.now_ms() + _wait_ms(error, attempts)
        await self._change(
            self._mine(held).values(
                attempts=attempts, error=error.sentence[:1_000], dead=not mendable, next_ms=next_ms
            )
        )

    def _mine(self, held: _Held) -> Update:
        """Changes the row only while the lease is this drainer's; afterwards the row may be anybody's."""
        own = and_(outbox.c.next_ms == held.lease_ms, outbox.c.next_ms > self._clock.now_ms())
        return update(outbox).where(outbox.c.outbox_id == held.outbox_id, own)

    async def _change(self, statement: Update) -> bool:
        async def work(connection: AsyncConnection) -> bool:
            return (await connection.execute(statement)).rowcount == 1

        return await self._store.write(work)


def _unplaced(held: _Held) -> Update:
    """Changes the approval only while nobody knows where its card stands."""
    return update(approvals).where(
        approvals.c.approval_id == held.approval_id, approvals.c.message_ts.is_(None)
    )


def _wait_ms(error: InterlockError, attempts: int) -> int:
    """Exponential from about 1 s up to 60 s, with jitter; Slack's own word where it gives one."""
    if isinstance(error, RateLimited):
        return int(error.retry_after * 1_000) + random.randrange(250)  # noqa: S311  jitter, no secret
    most = min(MOST_MS, 1_000 * 2 ** min(attempts, 10))
    return max(_UNSURE_MS, random.randrange(most // 2, most + 1))  # noqa: S311  jitter, no secret


class Outbox:
    """The drainer of one channel. Any number of them may run."""

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
        self.rows = OutboxRows(store, clock)
        self._approvals = approvals
        self._poster = poster
        self._names = names
        self._clock = clock
        self._channel = channel
        self._page_url = page_url
        self._limited_until_ms = 0

    async def run(self, stop: asyncio.Event, wake: asyncio.Event | None = None) -> None:
        """Drain until ``stop`` is set; ``wake`` makes it look at once."""
        while not stop.is_set():
            if wake is not None:
                wake.clear()
            pause = _POLL_S
            try:
                await self.drain_once()
            except InterlockError as error:
                LOG.warning("outbox_waits", error=error.name, reason=error.sentence)
                pause = _PAUSE_S
            await _first_of(stop, wake, pause)

    async def drain_once(self) -> int:
        """Bring what is due up to date; how many that were. Raises what the store and ``names`` raise."""
        if self._clock.now_ms() < self._limited_until_ms:
            return 0
        due = await self.rows.due()
        names = await self._names() if due else {}
        done = 0
        for outbox_id in due:
            held = await self.rows.hold(outbox_id)
            if held is not None:
                done += await self._deliver(held, names)
            if self._clock.now_ms() < self._limited_until_ms:
                break
        return done

    async def _deliver(self, held: _Held, names: Mapping[str, str]) -> int:
        try:
            async with asyncio.timeout(LEASE_MS / 2_000):
                shown, channel, ts = await self._show(held, names)
        except TimeoutError:
            await self._failed(held, Unavailable("the card was not delivered in time"))
        except InterlockError as error:
            await self._failed(held, error)
        else:
            await self.rows.done(held, shown, channel, ts)
            return 1
        return 0

    async def _show(self, held: _Held, names: Mapping[str, str]) -> tuple[ApprovalRecord, str, str]:
        """Post or update; the approval as the message shows it, and where the message stands."""
        approval = await self._approvals.get(held.approval_id)
        card = self._card(approval, names)
        channel = approval.channel or self._channel
        ts = approval.message_ts
        if ts is None and held.posting:
            ts = await self._poster.find(channel, held.outbox_id, approval.requested_ms / 1_000 - _SKEW_S)
        if ts is not None:
            await self._poster.update(channel, ts, card)
            return approval, channel, ts
        return approval, self._channel, await self._post(held, self._channel, card)

    async def _post(self, held: _Held, channel: str, card: Card) -> str:
        if not await self.rows.announce(held, channel):
            raise Unavailable("this card was taken over by another drainer, or its message turned up")
        metadata = {"outbox_id": held.outbox_id, "approval_id": held.approval_id}
        try:
            return await self._poster.post(channel, card, metadata)
        except (RateLimited, Refused):
            await self.rows.retract(held)
            raise

    def _card(self, approval: ApprovalRecord, names: Mapping[str, str]) -> Card:
        page_url = self._page_url(approval.approval_id)
        try:
            return render(approval, people=names, now_ms=self._clock.now_ms(), page_url=page_url)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            # A row that nobody can render must not hold up every other card.
            raise Refused(
                f"this approval has no card: its row is malformed ({type(error).__name__})"
            ) from error

    async def _failed(self, held: _Held, error: InterlockError) -> None:
        LOG.warning("card_failed", outbox_id=held.outbox_id, error=error.name, reason=error.sentence)
        if isinstance(error, RateLimited):
            self._limited_until_ms = self._clock.now_ms() + int(error.retry_after * 1_000)
        await self.rows.failed(held, error)


async def _first_of(stop: asyncio.Event, wake: asyncio.Event | None, pause: float) -> None:
    """Until one is set, or the next look is due."""
    waits = [asyncio.create_task(event.wait()) for event in (stop, wake) if event is not None]
    try:
        await asyncio.wait(waits, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
