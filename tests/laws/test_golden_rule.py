"""Laws of the golden documents themselves: what they let pass, and what they do not."""

from typing import Any

import pytest

from tests.golden.held import missing, shape

_GOLDEN = {"type": "object", "enum": ["a", "b"], "of": [{"name": "x", "required": True}, {"name": "y"}]}


@pytest.mark.parametrize(
    "actual",
    [
        _GOLDEN,
        {**_GOLDEN, "new": 1},
        {**_GOLDEN, "enum": ["c", "b", "a"]},
        {**_GOLDEN, "of": [{"name": "y", "new": 1}, {"name": "x", "required": True}, {"name": "z"}]},
    ],
)
def test_additions_pass(actual: Any) -> None:
    """A new field, enum value or element breaks nobody."""
    assert not missing(_GOLDEN, actual)


@pytest.mark.parametrize(
    ("actual", "broken"),
    [
        ({key: value for key, value in _GOLDEN.items() if key != "type"}, ["/type"]),
        ({**_GOLDEN, "type": "string"}, ["/type"]),
        ({**_GOLDEN, "type": None}, ["/type"]),
        ({**_GOLDEN, "enum": ["a"]}, ["/enum[1]"]),
        ({**_GOLDEN, "of": [{"name": "x", "required": False}, {"name": "y"}]}, ["/of[0]"]),
        ({**_GOLDEN, "of": {}}, ["/of"]),
        ([], ["/"]),
    ],
)
def test_what_is_taken_away_or_changed_is_named(actual: Any, broken: list[str]) -> None:
    """Each break is named by its pointer."""
    assert missing(_GOLDEN, actual) == broken


def test_true_is_not_one() -> None:
    """JSON's types are told apart, as Python's are not."""
    assert missing({"a": 1}, {"a": True}) == ["/a"]
    assert shape(True, 1, None) == "boolean|integer|null"


def test_shapes_merge() -> None:
    """Several samples make one shape; what is null in one of them may be null."""
    assert shape({"a": None, "b": [{"c": 1}]}, {"a": "x", "b": []}) == {
        "a": "null|string",
        "b": [{"c": "integer"}],
    }
    assert shape(None, {"a": 1}) == {"": "or null", "a": "integer"}
