"""Exceptions against exceptions: of one tool the one that lasts longest counts."""

from collections.abc import Iterator

from contracts.digest import Json
from policies.change import Change, Spot
from policies.diffs.keys import said, same


def exceptions(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    """A new one, and one that lasts longer, are loud."""
    before, after = _longest(old), _longest(new)
    for key in dict.fromkeys([*before, *after]):
        yield from _compared(spot, before.get(key), after.get(key))


def _longest(exceptions: Json) -> dict[tuple[str, str], Json]:
    longest: dict[tuple[str, str], Json] = {}
    for one in exceptions or ():
        key = (one["tool"], one["waive"])
        if key not in longest or one["expires"] > longest[key]["expires"]:
            longest[key] = one
    return longest


def _compared(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    if new is None:
        yield spot.narrower(f"the exception of {said(old['tool'])} is gone")
    elif old is None:
        yield spot.wider(f"an exception waives {_told(new)}", loud=True)
    elif new["expires"] > old["expires"]:
        yield spot.wider(
            f"an exception lasts longer, before through {old['expires']}: {_told(new)}", loud=True
        )
    elif new["expires"] < old["expires"]:
        yield spot.narrower(f"an exception ends sooner, before {old['expires']}: {_told(new)}")
    elif not same(old, new):
        yield spot.sideways(f"an exception has another owner or reason: {_told(new)}")


def _told(one: Json) -> str:
    what = f"the {one['waive']} of {said(one['tool'])} through {one['expires']}"
    return f"{what}, owned by {said(one['owner'])}: {said(one['reason'])}"
