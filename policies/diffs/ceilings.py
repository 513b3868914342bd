"""Limits against limits: one is kept by another that counts as widely, as long, and up to as little."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from contracts.digest import Json
from policies.amounts import milliseconds
from policies.change import Change, Spot
from policies.diffs.keys import said

_REACH: Final = {"run": 0, "route": 1, "tenant": 2}
"""How widely is counted: what a run has used, its route has, and its tenant."""


@dataclass(frozen=True, kw_only=True)
class _Ceiling:
    tool: str
    #: The argument that is summed; None: calls are counted.
    argument: str | None
    per: str
    window: str
    most: Decimal

    def holds(self, other: "_Ceiling") -> bool:
        """Whether whatever keeps to this one keeps to the other."""
        return (
            (self.tool, self.argument) == (other.tool, other.argument)
            and _REACH[self.per] >= _REACH[other.per]
            and milliseconds(self.window) >= milliseconds(other.window)
            and self.most <= other.most
        )

    def __str__(self) -> str:
        what = "calls" if self.argument is None else f"in all of {said(self.argument)}"
        return f"{self.most} {what} of {said(self.tool)} per {self.per} in {self.window}"


def limits(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    """What is limited no more or higher is wider; what was not limited so low is narrower."""
    before, after = list(_ceilings(old)), list(_ceilings(new))
    for one in before:
        if not any(other.holds(one) for other in after):
            yield spot.wider(f"the limit of {one} {_became(one, after)}")
    for one in after:
        if not any(other.holds(one) for other in before):
            yield spot.narrower(f"a limit holds: {one}")


def _became(gone: _Ceiling, after: list[_Ceiling]) -> str:
    now = [str(one) for one in after if (one.tool, one.argument) == (gone.tool, gone.argument)]
    return f"is now {' and '.join(now)}" if now else "is gone"


def _ceilings(limits: Json) -> Iterator[_Ceiling]:
    for limit in limits or ():
        kept = {"tool": limit["tool"], "per": limit["per"], "window": limit["window"]}
        if limit["calls"] is not None:
            yield _Ceiling(**kept, argument=None, most=Decimal(limit["calls"]))
        if limit["sum"] is not None:
            total = limit["sum"]
            yield _Ceiling(**kept, argument=total["argument"], most=Decimal(total["max"]))
