"""What a run hears: that somebody decided or lifted a switch, and what nobody of ours would say."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from contracts import names
    from contracts.attempts import Found
    from contracts.wire import Nudge, Overheard
    from policies.attempts import found, found_in
    from workflows.options import BROKER

_NUDGES: Final = 1_000
_TOLD: Final = 5
"""Attempts of one history that are put on record; a flood of them costs it no more events."""
_TELL_WITHIN: Final = timedelta(minutes=1)


class Listening:
    """The messages of a run. They are taken as they come, so that no shape of one holds the run up.

    What speaks of break-glass wakes nobody, and is put on record; the history of a run that hears none has
    not one event more.
    """

    def __init__(self) -> None:
        #: Grants that woke this run, and approvals to look at.
        self._grants: set[str] = set()
        self._decided: set[str] = set()
        self._resumed = False
        #: How many attempts were told of, and those that are being told.
        self._told = 0
        self._telling: set[asyncio.Future[None]] = set()

    @workflow.signal(name=names.RESUMED)
    def resumed(self, *said: Any) -> None:
        """A kill switch was lifted: look again."""
        if not self._overhear(found(said), "signal"):
            self._resumed = True

    @workflow.signal(name=names.DECIDED)
    def decided_signal(self, *said: Any) -> None:
        """Somebody decided: look at the grants. Takes a ``Nudge``."""
        nudge = _nudge(said)
        if not self._overhear(found(said), "signal") and nudge is not None:
            self._wake(nudge)

    @workflow.update(name=names.DECIDED)
    def decided(self, *said: Any) -> None:
        """Somebody decided: look at the grants. Takes a ``Nudge``."""
        nudge = _nudge(said)
        if self._overhear(found(said), "update") or nudge is None:
            raise ApplicationError("this names nothing that was decided")
        self._wake(nudge)

    @decided.validator
    def _few(self, *said: Any) -> None:
        if self._takes_down(found(said)):
            return
        if _nudge(said) is None:
            raise ApplicationError("this names nothing that was decided")
        if len(self._grants) >= _NUDGES:
            raise ApplicationError("this run was woken too often; it looks again at its deadline")

    @workflow.signal(dynamic=True)
    def unknown_signal(self, name: str, said: Sequence[RawValue]) -> None:
        """Nobody of ours sends it."""
        self._overhear(_raw(name, said), "signal")

    @workflow.update(dynamic=True)
    def unknown_update(self, name: str, said: Sequence[RawValue]) -> None:
        """Nobody of ours sends it."""
        self._overhear(_raw(name, said), "update")
        raise ApplicationError("a run takes no such update")

    @unknown_update.validator
    def _none(self, name: str, said: Sequence[RawValue]) -> None:
        if not self._takes_down(_raw(name, said)):
            raise ApplicationError("a run takes no such update")

    def _takes_down(self, what: Found | None) -> bool:
        """Whether an update is let in to be put on record: what is rejected leaves no event."""
        return what is not None and self._told < _TOLD

    def _overhear(self, what: Found | None, way: str) -> bool:
        """Whether it speaks of break-glass; then a broker puts it on record."""
        if what is not None and self._told < _TOLD:
            self._told += 1
            telling = asyncio.ensure_future(tell(Overheard(what=what, way=way)))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)
        return what is not None

    def _wake(self, nudge: Nudge) -> None:
        """An update and a signal may both bring the same grant; a flood of made-up ones is not kept."""
        if nudge.grant_id not in self._grants and len(self._grants) < _NUDGES:
            self._grants.add(nudge.grant_id)
            self._decided.add(nudge.approval_id)

    async def _heard_out(self) -> None:
        """Before this history ends: every message was answered, and told of where it has to be."""
        await workflow.wait_condition(lambda: workflow.all_handlers_finished() and not self._telling)


async def tell(overheard: Overheard) -> None:
    # The run goes on whether or not it can be written down.
    with suppress(ActivityError):
        await workflow.execute_activity(
            names.OVERHEARD, overheard, schedule_to_close_timeout=_TELL_WITHIN, **BROKER
        )


def _nudge(said: tuple[Any, ...]) -> Nudge | None:
    match said:
        case ({"approval_id": str(approval_id), "grant_id": str(grant_id)},):
            return Nudge(approval_id=approval_id, grant_id=grant_id)
    return None


def _raw(name: str, said: Sequence[RawValue]) -> Found | None:
    """Of a message of any name, whatever its shape."""
    return gravest([found(name), *(found_in(one.payload.data) for one in said)])


def gravest(spoken: Iterable[Found | None]) -> Found | None:
    return min((what for what in spoken if what is not None), key=list(Found).index, default=None)
