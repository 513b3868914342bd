"""JSON pointers (RFC 6901) into the schema of a tool's arguments."""

from contracts.digest import Json


def leads(schema: Json, pointer: str) -> bool:
    """Whether a pointer leads through properties to something."""
    return _walked(schema, pointer, required=False) is not None


def needed(schema: Json, pointer: str) -> bool:
    """Whether a pointer leads through required properties to something."""
    return _walked(schema, pointer, required=True) is not None


def names_a_text(schema: Json, pointer: str) -> bool:
    """Whether a target is a name of its own, or leads through what is required to a text or an integer."""
    if pointer.startswith("="):
        return True
    found = _walked(schema, pointer, required=True) if pointer else None
    return isinstance(found, dict) and found.get("type") in ("string", "integer")


def names_a_string(schema: Json, pointer: str) -> bool:
    """Whether a pointer leads through properties, required or not, to a text or a list of texts."""
    found = _walked(schema, pointer, required=False)
    if isinstance(found, dict) and found.get("type") == "array":
        found = found.get("items")
    return isinstance(found, dict) and found.get("type") == "string"


def _walked(schema: Json, pointer: str, *, required: bool) -> Json:
    for part in pointer.removeprefix("/").split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(schema, dict) and schema.get("type") == "array" and name.isdecimal():
            # A shorter list has no target, and is denied where its call is judged.
            schema = schema.get("items")
            continue
        if not isinstance(schema, dict) or (required and name not in schema.get("required", ())):
            return None
        schema = schema.get("properties", {}).get(name)
    return schema
