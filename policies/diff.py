"""What a publication would change, in words: pure, from two sets of rules.

A change is told as narrower only where that can be shown. What nothing shows counts as possibly wider.
"""

from collections.abc import Iterable, Iterator, Sequence

from policies.change import Change, Direction, Spot
from policies.diffs.persons import people
from policies.diffs.routes import changed_route, gone_route, new_route
from policies.diffs.tools import catalogue
from policies.rule_set import Key, RuleSet, approving


def diff(old: RuleSet, new: RuleSet) -> tuple[Change, ...]:
    """What got wider, narrower or sideways, loudest first within each subject."""
    if old.empty:
        return tuple(_first(new))
    found = [*_unread(old, new), *_routes(old, new), *_tools(old, new), *_people(old, new)]
    return tuple(sorted(found, key=lambda change: (change.subject, _place(change))))


def may_widen(changes: Iterable[Change]) -> bool:
    """Whether something got wider, or may have."""
    return any(change.may_widen for change in changes)


def by_subject(changes: Iterable[Change]) -> dict[str, Sequence[Change]]:
    """The changes of each subject, the subjects with the loudest ones first."""
    found: dict[str, list[Change]] = {}
    for change in changes:
        found.setdefault(change.subject, []).append(change)
    return dict(sorted(found.items(), key=lambda one: (min(map(_place, one[1])), one[0])))


def loudest_first(changes: Iterable[Change]) -> tuple[Change, ...]:
    return tuple(sorted(changes, key=lambda change: (_place(change), change.subject)))


_ORDER = (Direction.WIDER, Direction.SIDEWAYS, Direction.NARROWER)


def _place(change: Change) -> tuple[bool, int]:
    return not change.loud, _ORDER.index(change.direction)


def _first(new: RuleSet) -> Iterator[Change]:
    """Before there was anything nothing was permitted, and each single rule says no more than that."""
    for route in new.routes.values():
        yield from new_route(route)
    tools, persons = len(new.catalogue.tools), len(new.people.people)
    yield Spot(subject="catalogue").wider(f"the first catalogue: {tools} tools")
    yield Spot(subject="people").wider(f"the first people: {persons}")


def _unread(old: RuleSet, new: RuleSet) -> Iterator[Change]:
    for kind, name in sorted(old.unread | new.unread):
        spot = Spot(subject=name)
        yield spot.sideways(f"a {kind} that this version cannot read: nothing shows what changed", loud=True)


def _routes(old: RuleSet, new: RuleSet) -> Iterator[Change]:
    for name in sorted({*old.routes, *new.routes}):
        if _is_unread(("route", name), old, new):
            continue
        before, after = old.routes.get(name), new.routes.get(name)
        if after is None:
            yield gone_route(name)
        elif before is None:
            yield from new_route(after)
        else:
            yield from changed_route(before, after, new.catalogue)


def _tools(old: RuleSet, new: RuleSet) -> Iterator[Change]:
    if not _is_unread(("catalogue", "catalogue"), old, new):
        allowed = frozenset(name for route in new.routes.values() for name in route.allow_tools)
        yield from catalogue(old.catalogue, new.catalogue, allowed)


def _people(old: RuleSet, new: RuleSet) -> Iterator[Change]:
    if not _is_unread(("people", "people"), old, new):
        groups = approving([*old.routes.values(), *new.routes.values()])
        yield from people(old.people, new.people, groups)


def _is_unread(key: Key, old: RuleSet, new: RuleSet) -> bool:
    return key in old.unread or key in new.unread
