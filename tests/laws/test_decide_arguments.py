"""Laws of argument rules: quick on any input, closed to the outside, silent about values."""

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import Malformed
from policies.arguments import DEPTH, SHOWN, check_schema, fault

SECRET = "s3cret-" + "x" * 200


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "^([a-z]+)*$", "(a*)*b"])
def test_no_pattern_blows_up(pattern: str) -> None:
    """A pattern that backtracking engines choke on answers at once."""
    schema = {"type": "string", "pattern": pattern}
    # Of this thread alone: other processes' work says nothing of a pattern.
    begun = time.thread_time()
    fault(schema, "a" * 40 + "!")
    fault(schema, "a" * 100_000 + "!")
    assert time.thread_time() - begun < 0.05


@pytest.mark.parametrize("pattern", [r"(?=a)b", r"(a)\1", r"^(a{1,1000}){1,1000}$", "("])
def test_a_pattern_that_cannot_be_bounded_is_refused(pattern: str) -> None:
    """Look-around, back-references and huge repetitions are refused when the rule is read."""
    with pytest.raises(Malformed):
        check_schema({"pattern": pattern})


@pytest.mark.parametrize("reference", ["http://127.0.0.1:9/x", "file:///etc/passwd", "other.json"])
def test_a_reference_never_leaves_the_schema(reference: str) -> None:
    """A reference to a file or address is refused, not followed."""
    with pytest.raises(Malformed):
        check_schema({"$ref": reference})


def test_a_reference_to_a_good_schema_outside_is_not_followed_either(tmp_path: Path) -> None:
    """Even a readable file with a sound schema is not opened for a reference."""
    outside = tmp_path / "schema.json"
    outside.write_text('{"type": "string"}', encoding="utf-8")
    with pytest.raises(Malformed):
        check_schema({"$ref": outside.as_uri()})


def test_a_reference_inside_the_schema_holds() -> None:
    """A reference to the schema's own definitions is followed."""
    schema = {"$defs": {"id": {"type": "string"}}, "properties": {"id": {"$ref": "#/$defs/id"}}}
    assert fault(schema, {"id": "x"}) is None
    assert fault(schema, {"id": 1}) == '/id: the value is not of type "string"'


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"properties": {"a": {"maxLength": 3}}}, {"a": SECRET}),
        ({"properties": {"a": {"enum": ["x"]}}}, {"a": SECRET}),
        ({"properties": {"a": {"const": "x"}}}, {"a": SECRET}),
        ({"properties": {"a": {"type": "integer"}}}, {"a": [SECRET]}),
        ({"properties": {"a": {"anyOf": [{"const": 1}, {"const": 2}]}}}, {"a": {"b": SECRET}}),
        ({"properties": {"a": {"not": {"type": "string"}}}}, {"a": SECRET}),
        ({"properties": {"a": {"format": "email"}}}, {"a": SECRET}),
        ({"properties": {"a": {"uniqueItems": True}}}, {"a": [SECRET, SECRET]}),
    ],
)
def test_a_sentence_names_the_place_and_never_the_value(schema: Any, value: Any) -> None:
    """What the model wrote is not repeated; where it stands is."""
    sentence = fault(schema, value)
    assert sentence is not None
    assert "/a" in sentence
    assert "s3cret" not in sentence


@given(name=st.text(min_size=1, max_size=500))
def test_names_that_the_model_chose_are_cut_and_printable(name: str) -> None:
    """An unknown key appears with 80 characters at most, none of them a control character."""
    for schema in ({"additionalProperties": False}, {"propertyNames": {"maxLength": 0}}):
        sentence = fault(schema, {name: 1})
        assert sentence is not None
        assert sentence.isprintable()
        assert len(sentence) <= SHOWN + 40
    sentence = fault({"additionalProperties": {"type": "string"}}, {name: 1})
    assert sentence is not None
    assert sentence.isprintable()
    assert len(sentence) <= SHOWN + 60


def test_deep_nesting_is_refused_before_it_is_walked() -> None:
    """Arguments deeper than the bound get a sentence, however deep they are."""
    deep: Any = {}
    for _ in range(100_000):
        deep = {"a": deep}
    assert fault({"additionalProperties": {"$ref": "#"}}, deep) is not None
    shallow: Any = {}
    for _ in range(DEPTH - 2):
        shallow = [shallow]
    assert fault({}, shallow) is None


@pytest.mark.parametrize(
    "schema", [{"type": "nonsense"}, [], {"pattern": 3}, {"minimum": float("nan")}, {1, 2}]
)
def test_a_schema_that_is_none_is_refused(schema: Any) -> None:
    """What is no JSON Schema is refused with a sentence."""
    with pytest.raises(Malformed):
        check_schema(schema)


def test_each_schema_is_held_to_as_itself() -> None:
    """Thousands of schemas that come and go, where others stood before, are each held to as themselves."""
    for at in range(5_000):
        schema = {"const": at}
        assert fault(schema, at) is None
        assert fault(schema, at + 1) is not None
