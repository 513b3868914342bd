"""A route's circuit breaker as the store keeps it, shared by every process."""

from dataclasses import dataclass
from enum import StrEnum


class BreakerState(StrEnum):
    """Whether runs of the route may start and write."""

    CLOSED = "closed"
    #: New runs are refused, and writes wait.
    OPEN = "open"
    #: One run may try; all else waits as if it were open.
    HALF_OPEN = "half_open"


@dataclass(frozen=True, kw_only=True)
class BreakerRecord:
    """One breaker. A route that has no row is closed."""

    env: str
    route: str
    state: BreakerState
    #: Why it opened, in one sentence; empty: it never did.
    reason: str
    #: Who changed it last: ``breaker``, or the operator who reset it.
    actor: str
    #: Unix milliseconds of that change.
    at_ms: int
    #: Of ``open``: when one run may try. Of ``half_open``: when another may, if the probe has not ended.
    until_ms: int | None
    #: Of ``half_open``: the run that tries; None: the next that wants to.
    probe_run: str | None
    #: Unix milliseconds at which it opened or closed last: what happened before counts no more, and a run
    #: that was accepted before has not tried.
    since_ms: int
