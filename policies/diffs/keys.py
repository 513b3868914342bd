"""Keys of two documents against each other: whoever adds a key of a route says here how it is compared.

What nobody said it of is sideways: it changed, and nothing shows in which direction.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeAlias

from contracts.digest import Json
from policies.arguments import clean
from policies.change import Change, Spot

Compare: TypeAlias = Callable[[Spot, Json, Json], Iterable[Change]]
"""The changes from one value to another that differs; None is no value."""

_SHOWN: Final = 200

_NO_LIMIT: Final = "no limit"


def by_key(spot: Spot, old: Json, new: Json, known: Mapping[str, Compare]) -> Iterator[Change]:
    """Each key of two objects by its own comparison."""
    for key in dict.fromkeys([*old, *new]):
        before, after = old.get(key), new.get(key)
        if not same(before, after):
            yield from known.get(key, otherwise)(spot.below(key), before, after)


def same(one: Json, other: Json) -> bool:
    """Whether two values are the same JSON: ``true`` is no 1."""
    return one is other or written(one) == written(other)


def written(value: Json) -> str:
    """Its one text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def said(value: Json) -> str:
    """A value as a sentence shows it."""
    text = value if isinstance(value, str) else written(value)
    return "nothing" if value is None else f"`{clean(text, _SHOWN)}`"


def listed(values: Iterable[Json]) -> str:
    return ", ".join(map(said, values)) or "nothing"


def otherwise(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    """Another value, of which nobody can say what it permits."""
    yield spot.sideways(f"`{spot.rule}` was {said(old)} and is {said(new)}")


def reworded(what: str) -> Compare:
    """A text that is too long to be shown."""

    def compare(spot: Spot, _old: Json, _new: Json) -> Iterator[Change]:
        yield spot.sideways(f"{what} changed")

    return compare


def names(added: str, removed: str, *, permits: bool) -> Compare:
    """A list of names, whose order means nothing. ``permits``: a name more is wider, not narrower.

    ``added`` and ``removed`` are sentences with a place for the name.
    """

    def compare(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
        for name in _missing(new, old):
            text = added.format(said(name))
            yield spot.wider(text) if permits else spot.narrower(text)
        for name in _missing(old, new):
            text = removed.format(said(name))
            yield spot.narrower(text) if permits else spot.wider(text)

    return compare


def _missing(names: Sequence[str] | None, among: Sequence[str] | None) -> list[str]:
    return [name for name in dict.fromkeys(names or ()) if name not in (among or ())]


def ceiling(what: str) -> Compare:
    """A number up to which something is permitted; None: there is no end."""

    def compare(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
        now = _NO_LIMIT if new is None else f"at most {new}"
        text = f"{what} {now}, before {_NO_LIMIT if old is None else old}"
        higher = new is None or (old is not None and Decimal(new) > Decimal(old))
        if old is not None and new is not None and Decimal(old) == Decimal(new):
            return
        yield spot.wider(text) if higher else spot.narrower(text)

    return compare


def choice(strict: str, text: str) -> Compare:
    """One word of two, of which one holds a run to more. ``text`` has places for the new and the old one."""

    def compare(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
        said_so = text.format(said(new), said(old))
        yield spot.narrower(said_so) if new == strict else spot.wider(said_so)

    return compare
