"""When a run goes in circles: the same read, or the same call that did not work, again and again."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

from contracts.run import Outcome

_OPEN_OR_GOOD: Final = (None, "", Outcome.SUCCEEDED)


def looping(
    history: Sequence[tuple[str, str, str | None]], loop: int, *, writes: Collection[str] = frozenset()
) -> bool:
    """Whether one call was made ``loop`` times, counted over the whole run, in a row or not.

    ``history`` holds tool, arguments digest and ``Outcome`` of each call; None or empty: it is still open.
    Of the tools in ``writes`` only calls that came to a bad end count: each write that succeeded had its own
    approval.
    """
    seen = Counter((tool, digest) for tool, digest, outcome in history if _counts(tool, outcome, writes))
    return max(seen.values(), default=0) >= loop


def _counts(tool: str, outcome: str | None, writes: Collection[str]) -> bool:
    return tool not in writes or outcome not in _OPEN_OR_GOOD
