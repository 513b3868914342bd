"""JSON Schema against JSON Schema: what is told as narrower only lets values through that passed before.

A schema is a conjunction of its keywords, so a keyword more is narrower, and each that is known here is
compared by itself. Where keywords work together in ways that are not worked out here, it is sideways.
"""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from contracts.digest import Json
from policies.change import Change, Direction, Spot
from policies.diffs.keys import listed, said, same, written

_Keyword: TypeAlias = Callable[[Spot, Json, Json], Iterator[Change]]

_ENTANGLED: Final = frozenset(
    {"$ref", "$dynamicRef", "$recursiveRef", "$id", "$anchor", "$dynamicAnchor", "$schema", "$vocabulary"}
    | {"unevaluatedProperties", "unevaluatedItems"}
)
"""What makes one place of a schema depend on others."""

_WORDS: Final = frozenset({"title", "description", "examples", "default", "$comment", "deprecated"})
"""What no value is held to."""

_OBJECT: Final = ("properties", "patternProperties", "additionalProperties")
_LIST: Final = ("items", "prefixItems")


def schema(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    """The changes from one schema to another; None is any value."""
    before, after = _any(old), _any(new)
    if same(before, after):
        return
    if _entangled(before) or _entangled(after):
        yield spot.sideways("the arguments are held to another schema, whose parts refer to each other")
        return
    yield from _compared(spot, before, after)


def argument_rule(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    """``schema`` of one tool's ``when``, said for the whole where one of the two is none."""
    if old is None:
        yield spot.narrower(f"the arguments are held to a rule: {said(new)}")
    elif new is None:
        yield spot.wider(f"the arguments are held to no rule any more, before to {said(old)}")
    else:
        yield from schema(spot, old, new)


def _any(value: Json) -> Json:
    return True if value is None or value == {} else value


def _entangled(value: Json) -> bool:
    if isinstance(value, dict):
        return bool(_ENTANGLED & value.keys()) or any(map(_entangled, value.values()))
    return isinstance(value, list) and any(map(_entangled, value))


def _compared(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    before, after = _any(old), _any(new)
    if same(before, after):
        return
    if after is True or before is False:
        yield spot.wider(
            f"{_at(spot)} may be anything now, before {_held(before)}" if after is True else _given(spot)
        )
    elif before is True or after is False:
        yield spot.narrower(
            f"{_at(spot)} may be given no more" if after is False else f"{_at(spot)} is {_held(after)} now"
        )
    elif isinstance(before, dict) and isinstance(after, dict):
        yield from _keywords(spot, before, after)
    else:
        yield spot.sideways(f"{_at(spot)} is {_held(after)}, before {_held(before)}")


def _keywords(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    yield from _properties(spot, old, new)
    yield from _items(spot, old, new)
    done = {*_OBJECT, *_LIST, *_WORDS}
    for keyword in dict.fromkeys([*old, *new]):
        before, after = old.get(keyword), new.get(keyword)
        if keyword in done or (keyword in old and keyword in new and same(before, after)):
            continue
        compare = _KEYWORDS.get(keyword)
        if compare is None or (keyword in old and before is None) or (keyword in new and after is None):
            yield _unknown(spot, keyword, before, after)
        elif keyword not in old:
            yield spot.narrower(f"{_at(spot)} is held to {said(keyword)} {said(after)}")
        elif keyword not in new:
            yield spot.wider(f"{_at(spot)} is held to {said(keyword)} no more, before {said(before)}")
        else:
            yield from compare(spot.below(keyword), before, after)


def _unknown(spot: Spot, keyword: str, old: Json, new: Json) -> Change:
    return spot.sideways(f"{_at(spot)}: {said(keyword)} was {said(old)} and is {said(new)}")


def _properties(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    """What each name is held to: its own schema, or what others are."""
    before, after = ({key: one[key] for key in _OBJECT if key in one} for one in (old, new))
    if same(before, after):
        return
    if not _plain(before) or not _plain(after):
        yield spot.sideways(f"{_at(spot)} has other rules for the names in it")
        return
    others = [one.get("additionalProperties", True) for one in (before, after)]
    own = [one.get("properties", {}) for one in (before, after)]
    for name in dict.fromkeys([*own[0], *own[1]]):
        yield from _compared(spot.below(name), own[0].get(name, others[0]), own[1].get(name, others[1]))
    yield from _compared(spot.below("*"), *others)


def _plain(rules: Json) -> bool:
    return "patternProperties" not in rules and isinstance(rules.get("properties", {}), dict)


def _items(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    before, after = ({key: one[key] for key in _LIST if key in one} for one in (old, new))
    if same(before, after):
        return
    if "prefixItems" in before or "prefixItems" in after:
        yield spot.sideways(f"{_at(spot)} has other rules for the values in it")
        return
    yield from _compared(spot.below("[]"), before.get("items", True), after.get("items", True))


def _given(spot: Spot) -> str:
    return f"{_at(spot)} may be given now"


def _at(spot: Spot) -> str:
    """``fields.*``: where in the arguments; the rule's first parts are the route's own."""
    return said(spot.rule)


def _held(schema: Json) -> str:
    return "nothing" if schema is False else "anything" if schema is True else f"held to {said(schema)}"


def _bound(*, upper: bool) -> _Keyword:
    def compare(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
        text = f"{_at(spot)} is {said(new)}, before {said(old)}"
        if type(old) is not int or type(new) is not int:
            yield spot.sideways(text)
        else:
            yield spot.wider(text) if (new > old) is upper else spot.narrower(text)

    return compare


def _members(*, permits: bool) -> _Keyword:
    """A list of which the order means nothing. ``permits``: a member more lets more values through."""

    def compare(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
        if not isinstance(old, list) or not isinstance(new, list):
            yield spot.sideways(f"{_at(spot)} was {said(old)} and is {said(new)}")
            return
        before, after = ({written(one): one for one in many} for many in (old, new))
        added = [one for key, one in after.items() if key not in before]
        removed = [one for key, one in before.items() if key not in after]
        if added:
            text = f"{_at(spot)} has {listed(added)} as well"
            yield spot.wider(text) if permits else spot.narrower(text)
        if removed:
            text = f"{_at(spot)} has {listed(removed)} no more"
            yield spot.narrower(text) if permits else spot.wider(text)

    return compare


_TYPES: Final = {"null", "boolean", "object", "array", "number", "integer", "string"}


def _types(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    before, after = (
        [one] if isinstance(one, str) else one if isinstance(one, list) else ["?"] for one in (old, new)
    )
    if not {*map(str, before), *map(str, after)} <= _TYPES:
        yield spot.sideways(f"{_at(spot)} was {said(old)} and is {said(new)}")
        return
    yield from _members(permits=True)(spot, _whole(before), _whole(after))


def _whole(types: list[str]) -> list[str]:
    """A number may be an integer."""
    return [*types, "integer"] if "number" in types and "integer" not in types else types


def _multiple(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    text = f"{_at(spot)} is {said(new)}, before {said(old)}"
    if type(old) is not int or type(new) is not int or old < 1 or new < 1:
        yield spot.sideways(text)
    elif new % old == 0:
        yield spot.narrower(text)
    else:
        yield spot.wider(text) if old % new == 0 else spot.sideways(text)


def _switch(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    text = f"{_at(spot)} is {said(new)}, before {said(old)}"
    if type(old) is not bool or type(new) is not bool:
        yield spot.sideways(text)
    else:
        yield spot.narrower(text) if new else spot.wider(text)


def _negation(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    """What is refused: more of it is narrower."""
    found = {change.direction for change in _compared(spot, old, new)}
    text = f"{_at(spot)} is {said(new)}, before {said(old)}"
    if found == {Direction.WIDER}:
        yield spot.narrower(text)
    elif found == {Direction.NARROWER}:
        yield spot.wider(text)
    elif found:
        yield spot.sideways(text)


def _constant(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    yield spot.sideways(f"{_at(spot)} must be {said(new)}, before {said(old)}")


def _pattern(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    yield spot.sideways(f"{_at(spot)} is {said(new)}, before {said(old)}, which cannot be compared")


_KEYWORDS: Final[dict[str, _Keyword]] = {
    **dict.fromkeys(
        ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), _bound(upper=True)
    ),
    **dict.fromkeys(
        ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), _bound(upper=False)
    ),
    "type": _types,
    "enum": _members(permits=True),
    "required": _members(permits=False),
    "allOf": _members(permits=False),
    "anyOf": _members(permits=True),
    "uniqueItems": _switch,
    "multipleOf": _multiple,
    "not": _negation,
    "const": _constant,
    **dict.fromkeys(("pattern", "format", "propertyNames", "oneOf"), _pattern),
}
"""Those that hold a value by themselves, whatever stands beside them."""
