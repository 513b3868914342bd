"""Arguments against JSON Schema: linear-time patterns, no outside references, no value in a sentence.

The ``regex`` engine of jsonschema-rs does not backtrack, and refuses patterns that would need it.
"""

import json
from functools import lru_cache
from typing import Final

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError, ValidationErrorKind

from contracts.digest import Json
from contracts.errors import Malformed

SHOWN: Final = 80
"""Characters of anything the model wrote that a sentence repeats, names of keys included."""

DEPTH: Final = 64
"""Levels of nesting that arguments may have."""

_PATTERN_BYTES: Final = 1 << 18
_KEPT: Final = 2048
_kept: Final[dict[int, tuple[Json, Draft202012Validator]]] = {}

_NAMING: Final = ("additionalProperties", "unevaluatedProperties", "propertyNames")
"""Keywords whose messages repeat names that the model chose."""


def fault(schema: Json, value: Json) -> str | None:
    """What is wrong with a value, in one sentence with its JSON pointer; None: nothing is.

    Raises:
        Malformed: the schema itself is wrong.
    """
    if too_deep(value):
        return f"the arguments are nested deeper than {DEPTH} levels"
    try:
        _validator(schema).validate(value)
    except ValidationError as error:
        return _sentence(error)
    return None


def check_schema(schema: Json) -> None:
    """Raises Malformed, with a sentence, where a schema could not be held to."""
    _validator(schema)


def _validator(schema: Json) -> Draft202012Validator:
    """A schema's validator, found by the very object: a schema is never changed once it was held to.

    The object is kept with it, so nothing else can come to have its identity.
    """
    kept = _kept.get(id(schema))
    if kept is not None:
        return kept[1]
    validator = _compiled(_key(schema))
    if len(_kept) >= _KEPT:
        _kept.clear()
    _kept[id(schema)] = schema, validator
    return validator


def _key(schema: Json) -> str:
    """Equal schemas have one key, their sorted text: each reading of a document makes new objects."""
    try:
        return json.dumps(schema, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise Malformed(f"this schema is no JSON: {error}") from error


@lru_cache(maxsize=1024)
def _compiled(key: str) -> Draft202012Validator:
    try:
        return Draft202012Validator(
            json.loads(key),
            offline=True,
            mask="the value",
            validate_formats=True,
            pattern_options=RegexOptions(size_limit=_PATTERN_BYTES, dfa_size_limit=_PATTERN_BYTES),
        )
    except (ValidationError, ValueError, RecursionError) as error:
        raise Malformed(f"this schema cannot be enforced: {clean(_first_line(error), 200)}") from error


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]


def _sentence(error: ValidationError) -> str:
    kind = error.kind
    allowed = SHOWN if kind.name in _NAMING else 200
    if isinstance(kind, ValidationErrorKind.AdditionalProperties):
        return f"{_pointer(error)} has unknown keys: {clean(', '.join(kind.unexpected), SHOWN)}"
    return f"{_pointer(error)}: {clean(error.message, allowed)}"


def _pointer(error: ValidationError) -> str:
    """RFC 6901; the model chose some of its names, so it is cut too."""
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in error.instance_path)
    return clean("".join(f"/{part}" for part in parts), SHOWN) or "/"


def clean(text: str, length: int) -> str:
    """Text from outside as a sentence may show it: printable, and cut."""
    shown = text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def too_deep(value: Json) -> bool:
    """Whether it is nested deeper than ``DEPTH``; asked without recursion."""
    level = [value]
    for _ in range(DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: Json) -> list[Json]:
    if isinstance(value, dict):
        return [inner for inner in value.values() if isinstance(inner, dict | list | tuple)]
    if isinstance(value, list | tuple):
        return [inner for inner in value if isinstance(inner, dict | list | tuple)]
    return []
