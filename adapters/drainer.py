"""The drainer: hands each letter that is due to its kind's carrier. Any number of them may run."""

import asyncio
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from typing import Final

import structlog

from adapters.leases import Leases
from contracts.errors import InterlockError, RateLimited, Unavailable
from contracts.outbox import Carrier, Held, LetterKind
from contracts.ports import Clock

LOG: Final = structlog.get_logger("adapters.drainer")

_EVERY_S: Final = 0.3
_PAUSE_S: Final = 3.0


class Drainer:
    """Brings letters under leases; ``at_once`` of them at a time."""

    def __init__(
        self,
        leases: Leases,
        carriers: Mapping[LetterKind, Carrier],
        clock: Clock,
        *,
        at_once: int = 1,
        every_s: float = _EVERY_S,
    ) -> None:
        """``every_s``: seconds between two looks for what nobody announced."""
        self._leases = leases
        self._carriers = carriers
        self._clock = clock
        self._at_once = at_once
        self._every_s = every_s
        self._limited_until_ms = 0
        self._poked = asyncio.Event()

    def poke(self) -> None:
        """Something was ordered just now."""
        self._poked.set()

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        while True:
            self._poked.clear()
            pause = self._every_s
            try:
                if await self.drain_once():
                    continue
            except InterlockError as error:
                LOG.warning("outbox_waits", error=error.name, reason=error.sentence)
                pause = _PAUSE_S
            except Exception as error:
                # Whatever it is, the next round may go better, and without rounds nothing would ever leave.
                LOG.error("round_broke", error=type(error).__name__, at=_place(error))
                pause = _PAUSE_S
            await self._rest(pause)

    async def drain_once(self) -> int:
        """Bring what is due; how many arrived. Raises what the store raises."""
        if self._limited():
            return 0
        due = iter(await self._leases.due())
        brought = await asyncio.gather(
            *(self._bring(due) for _ in range(self._at_once)), return_exceptions=True
        )
        done = 0
        for many in brought:
            if isinstance(many, BaseException):
                raise many
            done += many
        return done

    async def _bring(self, due: Iterator[str]) -> int:
        """Letter by letter, from what all share."""
        done = 0
        for outbox_id in due:
            held = await self._leases.hold(outbox_id)
            if held is not None:
                done += await self._deliver(held)
            if self._limited():
                break
        return done

    async def _deliver(self, held: Held) -> bool:
        try:
            # Half of the lease: nobody is at it any more when it ends.
            async with asyncio.timeout(self._leases.lease_ms / 2_000):
                shown = await self._carriers[held.kind].carry(held)
        except TimeoutError:
            await self._failed(held, Unavailable("it did not arrive in time"))
        except InterlockError as error:
            await self._failed(held, error)
        except Exception as error:
            # One letter that we cannot bring must not hold up every other.
            LOG.error("carrier_broke", outbox_id=held.outbox_id, error=type(error).__name__, at=_place(error))
            await self._failed(held, error)
        else:
            await self._leases.done(held, shown)
            return True
        return False

    async def _failed(self, held: Held, error: Exception) -> None:
        if isinstance(error, RateLimited):
            self._limited_until_ms = self._clock.now_ms() + int(error.retry_after * 1_000)
        given_up = await self._leases.failed(held, error)
        say: Callable[..., object] = LOG.error if given_up else LOG.warning
        reason = error.sentence if isinstance(error, InterlockError) else ""
        say(
            "dead_letter" if given_up else "letter_failed",
            outbox_id=held.outbox_id,
            run_id=held.run_id,
            error=type(error).__name__,
            reason=reason,
        )

    def _limited(self) -> bool:
        return self._clock.now_ms() < self._limited_until_ms

    async def _rest(self, pause: float) -> None:
        try:
            async with asyncio.timeout(pause):
                await self._poked.wait()
        except TimeoutError:
            return


def _place(error: Exception) -> str:
    """Where it was raised. Its own words may hold anything, and stay out of the log."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{PurePath(frame.filename).name}:{frame.lineno}"
