"""Whether a request may leave right now, as the activities ask the store."""

from typing import Protocol

from contracts.run import ActionRecord, WarrantedRun
from contracts.tool import ToolSpec


class Leaving(Protocol):
    """What may have changed since a call was let through. Each answer is the monotonic moment it speaks of.

    Raises Halted where a kill switch says not now.
    """

    async def may_leave(self, run: WarrantedRun, action: ActionRecord, spec: ToolSpec) -> float:
        """Raises Denied where the run is closed, or the pinned policy or the one in force denies the call."""
        ...

    async def not_stopped(self, run: WarrantedRun, spec: ToolSpec) -> float:
        """For the reads of a write: its claim judges the rest, and a closed run's write is looked up yet."""
        ...
