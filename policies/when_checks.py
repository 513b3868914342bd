"""A rule on arguments beside the tool's own schema: what could never match, and what would rule nothing."""

from collections.abc import Iterator
from typing import Final

from contracts.digest import Json
from contracts.tool import ToolSpec
from policies.impossible import chosen, crossing, idle, impossible, refused
from policies.problem import did_you_mean
from policies.schema_parts import conjuncts, kinds, listed, mapping, properties, required
from policies.source import Place

Finding = tuple[Place, str, str]
"""Where, what is wrong, and what to do."""

_DENY: Final = "to deny the tool, write it under `deny_tools`"


def rule_problems(rule: Json, tool: ToolSpec) -> Iterator[Finding]:
    """What is wrong with a rule, with places inside of it."""
    found = list(impossible(rule))
    for place, text in found:
        yield place, f"the rule can never match: {text}", _DENY if not place else ""
    yield from _beside(rule, tool.schema, tool.name, ())
    if not found:
        yield from _unsent(rule, tool)


def open_arguments(rule: Json, tool: ToolSpec) -> Iterator[Finding]:
    """Optional arguments that a rule rules only where they are given."""
    needed = required(rule) | required(tool.schema)
    for place, name, inner in properties(rule):
        if name not in needed and name in _arguments(tool.schema) and inner not in (True, False, {}):
            text = f"`{name}` of `{tool.name}` may be left out, and then the rule says nothing of it"
            yield place, text, f"add `required: [{name}]` if that matters"


def _beside(rule: Json, own: Json, name: str, place: Place) -> Iterator[Finding]:
    """Property by property: names that are none, types that do not meet, bounds that leave nothing."""
    known = _arguments(own)
    for where, argument in _spoken(rule, place):
        if known and argument not in known:
            yield where, f"`{name}` has no argument `{argument}`", did_you_mean(argument, known)
    for where, argument, inner in properties(rule, place):
        theirs = known.get(argument)
        if isinstance(theirs, dict) and not _refers(theirs):
            yield from _argument(inner, theirs, argument, where)
            yield from _beside(inner, theirs, f"{name}.{argument}", where)


def _spoken(rule: Json, place: Place) -> Iterator[tuple[Place, str]]:
    """Every name of an argument that a rule speaks of."""
    for where, name, _ in properties(rule, place):
        yield where, name
    for where, part in conjuncts(rule, place):
        for at, name in enumerate(listed(part.get("required"))):
            if isinstance(name, str):
                yield (*where, "required", at), name


def _argument(rule: Json, own: Json, name: str, place: Place) -> Iterator[Finding]:
    types, ruled = kinds(own), kinds(rule)
    if types is not None and ruled and not types & ruled:
        yield (
            place,
            f"the rule can never match: `{name}` is {_or(types)}, and the rule wants {_or(ruled)}",
            "",
        )
        return
    yield from ((where, text, "") for where, text in idle(rule, place, types))
    for where, part in conjuncts(rule, place):
        yield from _strangers(part, own, name, where)
    crossed = crossing([part for side in (rule, own) for _, part in conjuncts(side)])
    if crossed is not None and crossing([part for _, part in conjuncts(rule)]) is None:
        text = f"the rule can never match: beside the tool's own schema of `{name}`, {' and '.join(crossed)}"
        yield place, f"{text} leave nothing between them", ""


def _strangers(part: dict[str, Json], own: Json, name: str, place: Place) -> Iterator[Finding]:
    """Values of a choice that the tool itself refuses."""
    for at, value in enumerate(listed(part.get("enum"))):
        if refused(own, value):
            text = f"the tool's own schema refuses this value of `{name}`"
            yield (*place, "enum", at), text, _offered(own, value)
    for value in chosen(part):
        if refused(own, value):
            text = f"the rule can never match: the tool's own schema refuses this value of `{name}`"
            yield (*place, "const"), text, _offered(own, value)


def _offered(own: Json, value: Json) -> str:
    offered = [choice for choice in listed(own.get("enum")) if isinstance(choice, str)]
    return did_you_mean(value, offered) if isinstance(value, str) and offered else ""


def _unsent(rule: Json, tool: ToolSpec) -> Iterator[Finding]:
    """A rule that is closed to an argument which the tool always takes."""
    for place, part in conjuncts(rule):
        allowed = mapping(part.get("properties"))
        if part.get("additionalProperties") is False and not part.get("patternProperties"):
            for name in sorted(required(tool.schema) - allowed.keys()):
                text = f"the rule can never match: `{tool.name}` requires `{name}`, which"
                yield (*place, "additionalProperties"), f"{text} `additionalProperties: false` refuses", ""
        for name in sorted(required(tool.schema)):
            if allowed.get(name) is False:
                text = f"the rule can never match: `{tool.name}` requires `{name}`"
                yield (*place, "properties", name), text, _DENY


def _arguments(schema: Json) -> dict[str, Json]:
    return {name: inner for _, name, inner in properties(schema)}


def _refers(schema: Json) -> bool:
    """Whether a part cannot be read alone."""
    return any("$ref" in part for part in _parts(schema))


def _parts(schema: Json) -> Iterator[dict[str, Json]]:
    inner = schema.values() if isinstance(schema, dict) else listed(schema)
    if isinstance(schema, dict):
        yield schema
    for value in inner:
        yield from _parts(value)


def _or(types: frozenset[str]) -> str:
    return " or ".join(sorted(types))
