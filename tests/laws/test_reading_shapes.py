"""The frozen shapes of a run's events and reasons: fields may be added, not renamed, removed or changed."""

import json
from pathlib import Path
from typing import Any, Final

from gateway.event_shapes import ActionEvent, ApprovalEvent, RunEvent
from gateway.why_shapes import WhyShape

GOLDEN: Final = Path(__file__).parent.parent / "golden" / "reading.json"
OWN: Final = ("Why", "Proof", "RunEvent", "ActionEvent", "ApprovalEvent")


def shapes() -> dict[str, Any]:
    """Fields by shape: their JSON Schema without the words."""
    found: dict[str, Any] = {}
    for model in (WhyShape, RunEvent, ActionEvent, ApprovalEvent):
        schema = model.model_json_schema(mode="serialization")
        for name, shape in {model.__name__: schema, **schema.get("$defs", {})}.items():
            if name.startswith(OWN):
                fields = {field: _bare(inner) for field, inner in shape["properties"].items()}
                found[name] = {"fields": fields, "required": sorted(shape["required"])}
    return found


def _bare(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: _bare(inner) for key, inner in schema.items() if key not in ("title", "description")}
    return [_bare(inner) for inner in schema] if isinstance(schema, list) else schema


def test_the_shapes_are_as_they_were_frozen() -> None:
    """Every field of the golden file is still there, still required, and still what it was."""
    golden, now = json.loads(GOLDEN.read_text()), shapes()
    for name, shape in golden.items():
        assert set(shape["required"]) <= set(now[name]["required"]), name
        for field, schema in shape["fields"].items():
            assert now[name]["fields"].get(field) == schema, f"{name}.{field}"


def test_the_golden_file_has_every_shape() -> None:
    """What is new is frozen with the change that brings it."""
    golden, now = json.loads(GOLDEN.read_text()), shapes()
    assert {name: sorted(shape["fields"]) for name, shape in golden.items()} == {
        name: sorted(shape["fields"]) for name, shape in now.items()
    }
