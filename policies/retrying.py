"""When a letter of the outbox is tried again, and when it is given up: one rule for every kind of them.

- Refused: given up at once. The answer is no, and asking again changes nothing.
- SetupRefused, or no error of ours: tried again for some time, as somebody may mend it; then given up.
- Unavailable, Halted: tried again for ever.

What was given up is a dead letter: it is kept, audited, shown to operators and taken up again on their word.
"""

from typing import Final

from contracts.errors import InterlockError, RateLimited, SetupRefused

MENDING_ATTEMPTS: Final = 20
"""Attempts, over some quarter of an hour, in which what somebody has to mend may get mended."""
LONGEST_MS: Final = 60_000
_SHORTEST_MS: Final = 2_000
"""A post that broke off may still be on its way into the channel's history."""


def wait_ms(error: Exception, attempts: int, chance: float) -> int | None:
    """Milliseconds until the next attempt; None: there is none.

    From about a second up to a minute, doubling; where the reader says when to ask again, its word.

    Args:
        attempts: failures so far, this one included.
        chance: from 0 to 1, so that those that failed together do not come again together.
    """
    if not _mends(error, attempts):
        return None
    if isinstance(error, RateLimited):
        return int(error.retry_after * 1_000 + chance * 250)
    most = min(LONGEST_MS, 1_000 * 2 ** min(attempts, 10))
    return max(_SHORTEST_MS, int(most / 2 * (1 + chance)))


def _mends(error: Exception, attempts: int) -> bool:
    if isinstance(error, InterlockError) and not isinstance(error, SetupRefused):
        return error.retryable
    return attempts < MENDING_ATTEMPTS
