"""Ending: a session ends at its minute, by hand, or with its process; always with a report."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from breakglass.carrying import Carrying
from breakglass.hands import Hands
from breakglass.holding import Holding
from breakglass.members import Members
from breakglass.warranted import Signed, signed
from contracts.break_glass import SessionRecord, SessionState
from contracts.break_glass_ports import Acts, End, Sessions
from contracts.errors import InterlockError, Unavailable
from contracts.ports import Clock
from gateway.background import cause
from policies.break_glass import lapses_ms

LOG: Final = structlog.get_logger("breakglass.ending")

ITSELF: Final = "break-glass"
"""Who ends what ends by itself."""

_OVER: Final = "its minutes are over"
_STOPPED: Final = "the break-glass process was stopped"
_DIED: Final = "the break-glass process ended while it was open"
_STOP_SECONDS: Final = 3.0
"""Less than a supervisor waits before it kills."""
_PAUSES: Final = (0.5, 1.0, 2.0, 4.0)
"""Seconds between looks at a target that is to say what a write did."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """Of every session of the environment that nobody else ends."""

    members: Members
    sessions: Sessions
    acts: Acts
    holding: Holding
    hands: Hands
    carrying: Carrying
    clock: Clock
    env: str
    #: Seconds between looks at a target that does not answer, before its write is unknown.
    pauses: Sequence[float] = _PAUSES
    _locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    #: By session: who first wanted it ended, why, and whether what was confirmed goes on. From then on
    #: nothing begins in it.
    _wanted: dict[str, tuple[str, str, bool]] = field(default_factory=dict)
    #: By session: what is ending it.
    _ending: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def close(self, principal: str, session_id: str, reason: str) -> SessionRecord:
        """By hand, by anyone of the group for that tenant; of one that waits: refused. Again is nothing.

        Raises:
            Unknown: there is no such session, or not for this person.
            Unavailable: an act in hand has no end yet, or another process has the session.
        """
        async with self.members.refusing("close", principal, session_id):
            person, record = await self.members.visible(principal, session_id)
        if record.state is SessionState.WAITING:
            return await self._unopened(record, SessionState.REFUSED, person.principal, reason)
        if not record.state.ended and not await self.holding.keep(session_id):
            raise Unavailable("another break-glass process has this session; close it there")
        return await self.end(session_id, person.principal, reason)

    async def round(self) -> None:
        """Say that this process lives, and begin to end what is to end."""
        for record in await self.sessions.unended(self.env):
            try:
                await self._look(record)
            except InterlockError as error:
                # One that cannot be looked after must not keep the others from their ends.
                LOG.warning("session waits", session_id=record.opening.session_id, error=cause(error))

    async def stop(self) -> None:
        """End the sessions that this process has; what does not come about now is done by who starts next."""
        for task in list(self._ending.values()):
            task.cancel()
        await asyncio.gather(*self._ending.values(), return_exceptions=True)
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                for record in await self.sessions.unended(self.env):
                    if self.holding.own(record.opening.session_id):
                        await self._ended(record.opening.session_id, _STOPPED)
        except (TimeoutError, InterlockError) as error:
            LOG.warning("sessions are left open", error=cause(error))

    async def end(self, session_id: str, actor: str, why: str, *, died: bool = False) -> SessionRecord:
        """End one that is open: what is in hand first, then the report. Again is nothing.

        ``died``: its process did. What its person had confirmed goes on then, as an agent's approved write
        does; whoever ends a session by hand wants nothing more to leave. Where the end does not come about
        now, the rounds go on with it, and nothing begins meanwhile.
        """
        async with self._locks[session_id]:
            record = await self.sessions.get(session_id)
            if record.state.ended:
                return record
            actor, why, goes_on = self._wanted.get(session_id, (actor, why, died))
            died = died and goes_on
            self._wanted[session_id] = actor, why, died
            await self.hands.close(session_id)
            await self._settle(record, died=died)
            end = End(state=SessionState.CLOSED, actor=actor, why=why)
            record = await self.sessions.end(session_id, end)
            self.hands.open(session_id)
            self.holding.forget(session_id)
            del self._wanted[session_id]
            LOG.info("session ended", session_id=session_id, state=record.state)
            return record

    async def _look(self, record: SessionRecord) -> None:
        session_id, now = record.opening.session_id, self.clock.now_ms()
        if record.state is SessionState.WAITING:
            if now >= lapses_ms(record.opening):
                await self._unopened(record, SessionState.LAPSED, ITSELF, "nobody consented in time")
        elif await self.holding.keep(session_id):
            if not self.holding.own(session_id):
                self._begin(session_id, _DIED, died=True)
            elif session_id in self._wanted or self._over(record, now):
                self._begin(session_id, _OVER)

    def _over(self, record: SessionRecord, now_ms: int) -> bool:
        until_ms = record.until_ms
        return until_ms is None or now_ms >= until_ms or self.holding.over(record.opening.session_id)

    def _begin(self, session_id: str, why: str, *, died: bool = False) -> None:
        """Beside the rounds: an act in hand may take its time, and other sessions end meanwhile."""
        if session_id not in self._ending:
            task = asyncio.create_task(self._ended(session_id, why, died=died))
            self._ending[session_id] = task
            task.add_done_callback(lambda _: self._ending.pop(session_id, None))

    async def _ended(self, session_id: str, why: str, *, died: bool = False) -> None:
        try:
            await self.end(session_id, ITSELF, why, died=died)
        except Exception as error:
            # Whatever it is, the next round tries again: a session must not stay open for it.
            LOG.warning("session does not end yet", session_id=session_id, error=cause(error))

    async def _unopened(
        self, record: SessionRecord, state: SessionState, actor: str, why: str
    ) -> SessionRecord:
        return await self.sessions.end(
            record.opening.session_id, End(state=state, actor=actor, why=why or "it was refused")
        )

    async def _settle(self, record: SessionRecord, *, died: bool) -> None:
        """What has no end, to its end; what no attempt can ever carry there, to nobody's knowing."""
        try:
            await self._carry(signed(self.carrying.verifier, record), died=died)
        except Unavailable:
            raise
        except Exception as error:
            # A replaced key, a forgotten tenant, an answer that no book can hold: whatever it is, the session
            # must not stay open for it.
            LOG.warning("acts are broken off", session_id=record.opening.session_id, error=cause(error))
            await self.sessions.break_off(record.opening.session_id)

    async def _carry(self, session: Signed, *, died: bool) -> None:
        """What has no end, to its end; what stays unknown is a person's to say."""
        for action in await self.acts.of(session.run.warrant.run_id):
            confirmed = action.outcome is None and action.seal is not None
            if confirmed and (died or await self.carrying.ledger.known(action.key_hash or "")):
                await self._carried(session, action.action_id)

    async def _carried(self, session: Signed, action_id: str) -> None:
        for pause in self.pauses:
            try:
                await self.carrying.carry(session, action_id)
            except Unavailable:
                await asyncio.sleep(pause)
            else:
                return
        await self.carrying.carry(session, action_id, blindly=True)
