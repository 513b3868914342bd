"""Times and spans as a card tells them."""

from datetime import UTC, datetime


def moment(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1_000, tz=UTC):%d %b %Y at %H:%M UTC}"


def span(span_ms: int) -> str:
    seconds = max(0, span_ms // 1_000)
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    parts = [
        (seconds // unit % wrap, word) for (unit, word), wrap in zip(units, (10**9, 24, 60, 60), strict=True)
    ]
    told = [f"{count} {word}" for count, word in parts if count]
    return " ".join(told[:2]) or "0 s"
