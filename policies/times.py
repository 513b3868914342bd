"""Times and spans: as cards and pages tell them, and as documents do."""

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def time_of(at_ms: int) -> str:
    """``2026-01-31T09:30:00.000Z`` of Unix milliseconds."""
    return (EPOCH + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def maybe_time(at_ms: int | None) -> str | None:
    return None if at_ms is None else time_of(at_ms)


def moment(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1_000, tz=UTC):%d %b %Y at %H:%M UTC}"


def span(span_ms: int) -> str:
    """The largest unit of it, and what is left in the next."""
    told: list[str] = []
    left = max(0, span_ms // 1_000)
    for unit, word in _UNITS:
        count, left = divmod(left, unit)
        if count or told:
            told.append(f"{count} {word}")
    return " ".join(part for part in told[:2] if not part.startswith("0 ")) or "0 s"
