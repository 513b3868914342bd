"""The stricter of decisions: what several rules that all hold come to."""

from typing import Final

from contracts.decision import Decision, Ruling

_STRICTNESS: Final = {Ruling.ALLOW: 0, Ruling.NEEDS_APPROVAL: 1, Ruling.DENY: 2}


def stricter(first: Decision, *others: Decision) -> Decision:
    """The one that permits least, of equals the first.

    A run is held to this of its pinned rules and those in force: its permissions shrink, and never grow.
    """
    return max((first, *others), key=_strictness)


def _strictness(decision: Decision) -> tuple[int, int]:
    return _STRICTNESS[decision.ruling], decision.approvals
