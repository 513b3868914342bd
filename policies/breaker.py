"""A route's circuit breaker: when it opens, whom it lets through, and when it closes. Pure.

closed ── too much went wrong ──> open ── open_for later, one run tries ──> half open
half open ── the probe completed ──> closed;  ── it ended otherwise ──> open
half open ── the probe took longer than open_for ──> another run may try; each that completes closes it
any ── a person resets it ──> closed

It opens by what happened within its window and since it last closed. It never closes by the passing of time.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from contracts.breaker import BreakerRecord, BreakerState
from policies.amounts import milliseconds
from policies.limits import moment
from policies.route import Breaker

ACTOR: Final = "breaker"
_TRIED: Final = "the run that tried did not complete; before, "


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What happened on a route within its breaker's window."""

    #: Runs that ended, and those of them that failed.
    runs: int = 0
    failed: int = 0
    #: Calls that were denied.
    denials: int = 0
    #: Writes of which nobody knew what they did.
    unknowns: int = 0
    #: Charged by models.
    usd: Decimal = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Passage:
    """What a breaker says to one run: ``refused`` None lets it through."""

    refused: str | None = None
    #: Of one that is refused: whole seconds until it may try again.
    retry_after: int = 0
    #: The breaker as it is from now on; None: as it was.
    now: BreakerRecord | None = None


def fresh(env: str, route: str) -> BreakerRecord:
    """A breaker that never opened."""
    return BreakerRecord(
        env=env,
        route=route,
        state=BreakerState.CLOSED,
        reason="",
        actor=ACTOR,
        at_ms=0,
        until_ms=None,
        probe_run=None,
        since_ms=0,
    )


def since(breaker: Breaker, record: BreakerRecord, now_ms: int) -> int:
    """From when on it counts: Unix milliseconds. Of one that is not closed: what opened it is shown too."""
    window = now_ms - milliseconds(breaker.window)
    return max(window, record.since_ms) if record.state is BreakerState.CLOSED else window


def trips(breaker: Breaker, counts: Counts) -> str | None:
    """Why it opens; None: it does not."""
    ratio = Decimal(breaker.failure_ratio)
    if counts.runs >= breaker.min_runs and counts.failed > 0 and counts.failed >= ratio * counts.runs:
        return f"{counts.failed} of {counts.runs} runs failed within {breaker.window}"
    if breaker.denials is not None and counts.denials >= breaker.denials:
        return f"calls denied within {breaker.window}: {counts.denials}"
    if breaker.unknowns is not None and counts.unknowns >= breaker.unknowns:
        return f"of {counts.unknowns} writes within {breaker.window} nobody knew what they did"
    if breaker.usd is not None and 0 < counts.usd >= Decimal(breaker.usd):
        return f"{counts.usd:f} US dollars were spent within {breaker.window}"
    return None


def opened(record: BreakerRecord, breaker: Breaker, reason: str, now_ms: int) -> BreakerRecord:
    return replace(
        record,
        state=BreakerState.OPEN,
        reason=reason,
        actor=ACTOR,
        at_ms=now_ms,
        until_ms=now_ms + milliseconds(breaker.open_for),
        probe_run=None,
        since_ms=now_ms,
    )


def closed(record: BreakerRecord, actor: str, now_ms: int) -> BreakerRecord:
    """Closed, and what happened before is forgotten. The reason stays: it says why it last opened."""
    return replace(
        record,
        state=BreakerState.CLOSED,
        actor=actor,
        at_ms=now_ms,
        until_ms=None,
        probe_run=None,
        since_ms=now_ms,
    )


def lets(record: BreakerRecord, breaker: Breaker, run_id: str, now_ms: int) -> Passage:
    """Whether a run may start, or write, now; the one that may try takes the probe."""
    if record.state is BreakerState.CLOSED or record.probe_run == run_id:
        return Passage()
    if holds(record, now_ms):
        return Passage(refused=sentence(record), retry_after=retry_after(record, now_ms))
    return Passage(
        now=replace(
            record,
            state=BreakerState.HALF_OPEN,
            actor=ACTOR,
            at_ms=now_ms,
            until_ms=now_ms + milliseconds(breaker.open_for),
            probe_run=run_id,
        )
    )


def holds(record: BreakerRecord, now_ms: int) -> bool:
    """Whether nobody new is let through now."""
    return record.state is not BreakerState.CLOSED and now_ms < (record.until_ms or 0)


def judged(record: BreakerRecord, breaker: Breaker, *, completed: bool, now_ms: int) -> BreakerRecord:
    """Half open, and its probe has ended: that decides."""
    if completed:
        return closed(record, ACTOR, now_ms)
    return opened(record, breaker, f"{_TRIED}{record.reason.removeprefix(_TRIED)}", now_ms)


def retry_after(record: BreakerRecord, now_ms: int) -> int:
    """Whole seconds until somebody may try again, at least one."""
    return max(1, -(-((record.until_ms or 0) - now_ms) // 1_000))


def sentence(record: BreakerRecord) -> str:
    """Why nothing starts or writes on the route now, and until when."""
    if record.state is BreakerState.HALF_OPEN:
        return (
            f"the circuit breaker of {record.route} waits for the run that tries,"
            f" until {moment(record.until_ms or 0)}: {record.reason}"
        )
    return (
        f"the circuit breaker of {record.route} is open until {moment(record.until_ms or 0)}: {record.reason}"
    )
