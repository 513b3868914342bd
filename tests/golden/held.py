"""Golden documents: what others build on. Fields may be added, not renamed or removed.

``make golden`` records them anew, additions included. What else it changes breaks somebody: read its diff.
"""

import json
import os
from pathlib import Path
from typing import Any

_RECORDING = os.environ.get("GOLDEN") == "record"


def hold(name: str, actual: Any) -> None:
    """Assert that everything of ``tests/golden/NAME.json`` is still so; recording, write it down instead."""
    path = Path(__file__).with_name(f"{name}.json")
    if _RECORDING:
        path.write_text(json.dumps(actual, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
        return
    broken = missing(json.loads(path.read_text()), json.loads(json.dumps(actual)))
    assert not broken, f"{path} is not held at {', '.join(broken)}: somebody builds on it"


def missing(golden: Any, actual: Any, pointer: str = "") -> list[str]:
    """JSON pointers at which ``actual`` lacks or changes what is golden; additions are none."""
    match golden, actual:
        case dict(), dict():
            return [
                found
                for name, inner in golden.items()
                for found in (
                    missing(inner, actual[name], f"{pointer}/{name}")
                    if name in actual
                    else [f"{pointer}/{name}"]
                )
            ]
        case list(), list():
            return [
                f"{pointer}[{place}]"
                for place, inner in enumerate(golden)
                if all(missing(inner, other) for other in actual)
            ]
    return [] if type(golden) is type(actual) and golden == actual else [pointer or "/"]


def shape(*values: Any) -> Any:
    """The types of JSON values, merged: ``"null|string"``, ``{field: …}``, ``[…]``."""
    if all(isinstance(value, dict) for value in values):
        names = sorted({name for value in values for name in value})
        return {name: shape(*(value[name] for value in values if name in value)) for name in names}
    if all(isinstance(value, list | tuple) for value in values):
        inner = [item for value in values for item in value]
        return [shape(*inner)] if inner else []
    kinds = [value for value in values if value is not None]
    if len(kinds) < len(values) and kinds and isinstance(kinds[0], dict):
        return {"": "or null", **shape(*kinds)}
    return "|".join(sorted({_kind(value) for value in values}))


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {
        bool: "boolean",
        int: "integer",
        float: "number",
        str: "string",
        list: "array",
        tuple: "array",
        dict: "object",
    }
    return next(name for kind, name in names.items() if isinstance(value, kind))
