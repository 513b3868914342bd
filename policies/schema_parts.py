"""Parts of a JSON Schema that hold together: a schema, and what its ``allOf`` adds to it."""

from collections.abc import Iterator

from contracts.digest import Json
from policies.source import Place


def conjuncts(schema: Json, place: Place = ()) -> Iterator[tuple[Place, dict[str, Json]]]:
    """A schema and everything that its ``allOf`` asks besides, each with its place."""
    if not isinstance(schema, dict):
        return
    yield place, schema
    for at, inner in enumerate(listed(schema.get("allOf"))):
        yield from conjuncts(inner, (*place, "allOf", at))


def properties(schema: Json, place: Place = ()) -> Iterator[tuple[Place, str, Json]]:
    """The properties that a schema speaks of, each with its place and its name."""
    for where, part in conjuncts(schema, place):
        for name, inner in mapping(part.get("properties")).items():
            yield (*where, "properties", name), name, inner


def required(schema: Json) -> frozenset[str]:
    """The properties that a value must have."""
    return frozenset(
        name
        for _, part in conjuncts(schema)
        for name in listed(part.get("required"))
        if isinstance(name, str)
    )


def named(schema: Json, name: str) -> list[dict[str, Json]]:
    """Everything that a schema asks of one property."""
    return [part for _, known, inner in properties(schema) if known == name for _, part in conjuncts(inner)]


def kinds(schema: Json) -> frozenset[str] | None:
    """The JSON types that a schema lets through, ``integer`` for whole numbers; None: it does not say."""
    found: frozenset[str] | None = None
    for _, part in conjuncts(schema):
        said = part.get("type")
        if isinstance(said, str | list):
            # What is a number may be an integer.
            these = frozenset([said] if isinstance(said, str) else map(str, said))
            these |= {"integer"} if "number" in these else set()
            found = these if found is None else found & these
    return found


def mapping(value: Json) -> dict[str, Json]:
    """A mapping as it is; of anything else an empty one."""
    return value if isinstance(value, dict) else {}


def listed(value: Json) -> list[Json]:
    """A list as it is; of anything else an empty one."""
    return value if isinstance(value, list) else []
