"""Schemas against schemas: narrower is only said of what lets no value through that was held before."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from policies.arguments import check_schema, fault
from policies.change import Direction, Spot
from policies.diffs.schemas import schema

Json = Any
WHEN = Spot(subject="support/close", rule="when.ticket.update")
NAMES = ("a", "b", "c")

scalars = st.one_of(st.none(), st.booleans(), st.integers(-2, 6), st.sampled_from(["", "x", "xy", "xyzzy"]))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=5,
)
TYPES = ("null", "boolean", "object", "array", "number", "integer", "string")


def keywords(inner: st.SearchStrategy[Json]) -> dict[str, st.SearchStrategy[Json]]:
    small, names = st.integers(0, 5), st.lists(st.sampled_from(NAMES), unique=True, max_size=2)
    return {
        **dict.fromkeys(("maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum"), st.integers(-2, 6)),
        **dict.fromkeys(("maxLength", "minLength", "maxItems", "minItems"), small),
        **dict.fromkeys(("maxProperties", "minProperties"), small),
        "type": st.one_of(
            st.sampled_from(TYPES), st.lists(st.sampled_from(TYPES), unique=True, min_size=1, max_size=3)
        ),
        "enum": st.lists(values, min_size=1, max_size=3),
        "const": scalars.filter(lambda value: value is not None),
        "required": names,
        "uniqueItems": st.booleans(),
        "multipleOf": st.sampled_from([1, 2, 3, 4]),
        "pattern": st.sampled_from(["^x", "y$"]),
        "properties": st.dictionaries(st.sampled_from(NAMES), inner, max_size=2),
        **dict.fromkeys(("additionalProperties", "items", "not"), inner),
        "patternProperties": st.dictionaries(st.sampled_from(["^a", "b"]), inner, max_size=1),
        "unevaluatedProperties": st.booleans(),
        "contains": inner,
        "minContains": st.integers(0, 2),
        **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), st.lists(inner, min_size=1, max_size=2)),
        **dict.fromkeys(("if", "then", "else"), inner),
        "description": st.just("words"),
    }


def objects(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    known = keywords(inner)
    several = st.lists(st.sampled_from(sorted(known)), unique=True, max_size=3)
    return several.flatmap(lambda keys: st.fixed_dictionaries({key: known[key] for key in keys}))


schemas = st.recursive(st.one_of(st.booleans(), objects(st.booleans())), objects, max_leaves=4)


@st.composite
def neighbours(draw: st.DrawFn) -> tuple[Json, Json]:
    """A schema, and one that differs from it in a keyword or two."""
    old = draw(schemas)
    return old, draw(_mutated(old))


def _mutated(old: Json) -> st.SearchStrategy[Json]:
    if not isinstance(old, dict):
        return schemas
    known = keywords(schemas)

    @st.composite
    def change(draw: st.DrawFn) -> Json:
        new = dict(old)
        for key in draw(st.lists(st.sampled_from([*known, *old]), min_size=1, max_size=2)):
            inside = isinstance(old.get(key), dict) and key not in ("properties", "patternProperties")
            match draw(st.sampled_from(["drop", "set", "inside"])):
                case "drop":
                    new.pop(key, None)
                case "inside" if inside:
                    new[key] = draw(_mutated(old[key]))
                case _:
                    new[key] = draw(known[key])
        return new

    return change()


def directions(old: Json, new: Json) -> set[Direction]:
    return {change.direction for change in schema(WHEN, old, new)}


@given(pair=neighbours(), tried=st.lists(values, min_size=5, max_size=20))
def test_what_is_only_narrower_lets_nothing_new_through(pair: tuple[Json, Json], tried: list[Json]) -> None:
    """Where every change is narrower, a value that the new schema takes was taken by the old one."""
    old, new = pair
    for one in pair:
        check_schema(one)
    found = directions(old, new)
    assume(found <= {Direction.NARROWER})
    for value in tried:
        if fault(new, value) is None:
            assert fault(old, value) is None, (old, new, value)


@given(pair=neighbours(), tried=st.lists(values, min_size=5, max_size=20))
def test_what_is_only_wider_takes_nothing_away(pair: tuple[Json, Json], tried: list[Json]) -> None:
    """Where every change is wider, a value that the old schema took is taken by the new one."""
    old, new = pair
    assume(directions(old, new) <= {Direction.WIDER})
    for value in tried:
        if fault(old, value) is None:
            assert fault(new, value) is None, (old, new, value)


@given(one=schemas)
def test_a_schema_is_no_change_of_itself(one: Json) -> None:
    """Equal schemas have no changes."""
    assert directions(one, one) == set()


W, N, S = Direction.WIDER, Direction.NARROWER, Direction.SIDEWAYS
EACH = [
    ({"maximum": 5}, {"maximum": 9}, {W}),
    ({"maximum": 5}, {"maximum": 3}, {N}),
    ({"minLength": 5}, {"minLength": 3}, {W}),
    ({"enum": ["a", "b"]}, {"enum": ["a"]}, {N}),
    ({"enum": ["a"]}, {"enum": ["b"]}, {W, N}),
    ({"enum": [1]}, {"enum": [True]}, {W, N}),
    ({"required": ["a"]}, {"required": []}, {W}),
    ({"additionalProperties": False}, {}, {W}),
    ({"properties": {"a": {}}, "additionalProperties": False}, {"additionalProperties": False}, {N}),
    ({"additionalProperties": False}, {"properties": {"a": {}}, "additionalProperties": False}, {W}),
    ({}, {"properties": {"a": {"maxLength": 5}}}, {N}),
    ({"properties": {"a": {"maxLength": 5}}}, {"properties": {"a": {"maxLength": 9}}}, {W}),
    ({"type": "number"}, {"type": "integer"}, {N}),
    ({"type": "string"}, {"type": ["string", "null"]}, {W}),
    ({"pattern": "^a"}, {"pattern": "^b"}, {S}),
    ({"pattern": "^a"}, {}, {W}),
    ({"not": {"enum": ["a"]}}, {"not": {"enum": ["a", "b"]}}, {N}),
    ({"multipleOf": 2}, {"multipleOf": 6}, {N}),
    ({"maxLength": 5}, {"$ref": "#/$defs/a", "$defs": {"a": {"maxLength": 5}}}, {S}),
    ({"if": {"minLength": 1}}, {"if": {"minLength": 2}}, {S}),
    ({"unevaluatedProperties": False}, {"unevaluatedProperties": False, "properties": {"a": {}}}, {S}),
    ({"description": "old"}, {"description": "new"}, set()),
    (False, {"maxLength": 5}, {W}),
    (None, {"maxLength": 5}, {N}),
]


@pytest.mark.parametrize(("old", "new", "expected"), EACH)
def test_each_comparison(old: Json, new: Json, expected: set[Direction]) -> None:
    """What bounds, lists of values, required and additional names, negation and patterns are told as."""
    assert directions(old, new) == expected


@pytest.mark.parametrize(("old", "new"), [(old, new) for old, new, said in EACH if said in ({W}, {N})])
def test_the_way_back_is_the_other_direction(old: Json, new: Json) -> None:
    """Wider one way is narrower the other way."""
    mirrored = {W: N, N: W}
    assert {mirrored[one] for one in directions(old, new)} == directions(new, old)
