"""Brings notes into the threads of their cards.

As with a card, a reply is announced in its letter's row before it leaves (``posting``): where its fate is not
known, it is looked for in the thread before another one is sent.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.approval_rows import approval_record
from adapters.audit_log import append
from adapters.blocks import Card
from adapters.leases import mine
from adapters.notes import escalation, notice, reminder
from adapters.notices import noticed
from adapters.posting import Posting
from adapters.schema import approvals, outbox
from adapters.standing import closed
from adapters.store import Store
from contracts.approval import ApprovalRecord, ApprovalState
from contracts.errors import RateLimited, Refused, SetupRefused, Unavailable
from contracts.outbox import Held, LetterKind
from contracts.ports import Clock
from contracts.run import Outcome
from policies.deciders import called, undecided
from policies.people import People


class ThreadPoster(Protocol):
    """Slack, as notes use it: ``adapters.slack.SlackPoster``."""

    async def reply(self, channel: str, ts: str, note: Card, metadata: Mapping[str, str]) -> None: ...

    async def replied(self, channel: str, ts: str, outbox_id: str) -> bool: ...


class Reader(Protocol):
    """The part of ``contracts.ports.Approvals`` that notes use."""

    async def get(self, approval_id: str) -> ApprovalRecord: ...


class NoteCarrier:
    """Implements ``contracts.outbox.Carrier`` for reminders, escalations and notices.

    It believes the books alone: a letter that comes early, or of which nothing is true any more, is over.
    """

    def __init__(
        self,
        store: Store,
        approvals: Reader,
        poster: ThreadPoster,
        people: Callable[[], Awaitable[People]],
        clock: Clock,
    ) -> None:
        self._posting = Posting(store, clock)
        self._moments = _Moments(store, clock)
        self._store = store
        self._approvals = approvals
        self._poster = poster
        self._people = people
        self._clock = clock

    async def carry(self, letter: Held) -> None:
        approval = await self._approvals.get(noticed(letter.subject)[0])
        note = await self._note(letter, approval)
        if note is None:
            return
        if letter.kind is LetterKind.ESCALATION:
            # The second group may decide whether or not Slack answers, and the card is to say so.
            await self._moments.mark(letter, approval, "escalated", visible=True)
        await self._say(letter, approval, note)
        if letter.kind is LetterKind.REMINDER:
            await self._moments.mark(letter, approval, "reminded", visible=False)

    async def _note(self, letter: Held, approval: ApprovalRecord) -> Card | None:
        """What is to be said now; None: nothing any more."""
        people, now = await self._in_force(), self._clock.now_ms()
        try:
            match letter.kind:
                case LetterKind.NOTICE if _told(letter, approval):
                    return notice(approval, people.by_subject(approval.on_behalf_of or approval.caller))
                case LetterKind.REMINDER if await self._waits(approval, approval.remind_ms, now):
                    return reminder(approval, undecided(approval, people, now))
                case LetterKind.ESCALATION if await self._waits(approval, approval.escalate_ms, now):
                    return escalation(approval, called(approval, people, now))
                case _:
                    return None
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise Refused(
                f"nothing can be said of it: its row is malformed ({type(error).__name__})"
            ) from error

    async def _waits(self, approval: ApprovalRecord, since_ms: int | None, now: int) -> bool:
        """Whether it waits still, and that moment has come."""
        if approval.state is not ApprovalState.WAITING or since_ms is None or now < since_ms:
            return False
        if approval.deadline_ms is not None and now > approval.deadline_ms:
            return False
        return await self._store.look(lambda connection: closed(connection, approval.run_id)) is None

    async def _say(self, letter: Held, approval: ApprovalRecord, note: Card) -> None:
        channel, ts = approval.channel, approval.message_ts
        if channel is None or ts is None:
            raise Unavailable("its card is not in Slack yet")
        if letter.posting and await self._poster.replied(channel, ts, letter.outbox_id):
            return
        if not await self._posting.announce(letter):
            raise Unavailable("this note was taken over by another drainer")
        try:
            metadata = {"outbox_id": letter.outbox_id, "approval_id": approval.approval_id}
            await self._poster.reply(channel, ts, note, metadata)
        except (RateLimited, Refused):
            await self._posting.retract(letter)
            raise

    async def _in_force(self) -> People:
        try:
            return await self._people()
        except Refused as error:
            # It is not this note's fault, and publishing the people anew mends it for all.
            raise SetupRefused(f"the people in force cannot be read: {error.sentence}") from error


def _told(letter: Held, approval: ApprovalRecord) -> bool:
    """Whether what the notice was ordered for is still what came of it."""
    unknown = noticed(letter.subject)[1]
    return approval.outcome is not None and (approval.outcome == Outcome.UNKNOWN) is unknown


class _Moments:
    """That a letter's moment came, as the rows say it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def mark(self, held: Held, approval: ApprovalRecord, outcome: str, *, visible: bool) -> None:
        """Audit, once for each letter, that its moment came; ``visible``: on the card too."""

        async def work(connection: AsyncConnection) -> None:
            now = self._clock.now_ms()
            first = mine(held, now).where(outbox.c.done_version == 0).values(done_version=1)
            if (await connection.execute(first)).rowcount != 1:
                return
            if visible:
                own = update(approvals).where(approvals.c.approval_id == approval.approval_id)
                await connection.execute(own.values(version=approvals.c.version + 1))
            await append(
                connection, await approval_record(connection, approval, now, actor="run", outcome=outcome)
            )

        await self._store.write(work)
