"""What may be done with a write whose claim was already taken by the same action."""

from typing import Final

from contracts.tool import Retry

SETTLED: Final = "settled"
"""The claim's answer is known and stored."""
UNSENT: Final = "unsent"
"""The claim's holder knows that no byte of the request left."""

_SURE: Final = 0.9
"""Share of a target's declared retention that we count on: its clock is not ours."""

_SKEW_SECONDS: Final = -60.0
"""A send that lies further in the future than this has an age that nobody knows."""


def reclaim(retry: Retry, state: str, sent_ago_seconds: float, same_process: bool) -> str:
    """``stored``: answer from the books. ``send``: again, with the same key. ``lookup``: ask the target for
    our key. ``unknown``: nobody knows whether it happened; nothing repeats it.

    Only the target can stop a second effect: what may still be in some process's hands is never sent again
    unless the target deduplicates on our key and has not forgotten it.
    """
    if state == SETTLED:
        return "stored"
    if state == UNSENT and same_process:
        return "send"
    if retry.kind == "native" and _remembered(retry, sent_ago_seconds):
        return "send"
    return "lookup" if retry.kind == "lookup" else "unknown"


def _remembered(retry: Retry, sent_ago_seconds: float) -> bool:
    return _SKEW_SECONDS <= sent_ago_seconds <= _SURE * retry.retention_seconds


def outlived(holder: str, asking: str) -> bool:
    """Whether a later attempt of the asking one's own activity holds the claim: Temporal gave this one up."""
    (held_by, _, later), (activity, _, attempt) = holder.rpartition(":"), asking.rpartition(":")
    return held_by == activity and later.isdigit() and attempt.isdigit() and int(later) > int(attempt)
