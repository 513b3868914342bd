"""The tool catalogue against what it was."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from contracts.digest import Json
from contracts.tool import Catalogue, Effect, ToolSpec
from policies.change import Change, Spot
from policies.diffs.keys import Compare, by_key, names, otherwise, reworded, said
from policies.diffs.schemas import schema

SUBJECT: Final = "catalogue"
_RANK: Final = {Effect.READ: 0, Effect.WRITE: 1, Effect.DESTRUCTIVE: 2}


def catalogue(old: Catalogue, new: Catalogue, allowed: frozenset[str]) -> Iterator[Change]:
    """``allowed``: what some route of the new rules allows."""
    for name in sorted({*old.tools, *new.tools}):
        yield from _tool(Spot(subject=SUBJECT, rule=name), old.tools.get(name), new.tools.get(name), allowed)


def _tool(
    spot: Spot, old: ToolSpec | None, new: ToolSpec | None, allowed: frozenset[str]
) -> Iterator[Change]:
    if new is None:
        yield spot.narrower("the tool is gone")
    elif old is None and new.name in allowed:
        yield spot.wider(f"the tool is new, a {new.effect}, and a route allows it")
    elif old is None:
        yield spot.sideways(f"the tool is new, a {new.effect}; no route allows it")
    else:
        known: dict[str, Compare] = {**_TOOL, "schema": partial(_schema, spot.rule)}
        yield from by_key(spot, old.document(), new.document(), known)


def _schema(tool: str, spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    """The model reads all of it: words that changed are an order to it that nobody has seen."""
    found = list(schema(spot, old, new))
    yield from found or [spot.sideways(f"the words in the arguments' schema of {said(tool)} changed")]


def _effect(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    text = f"{said(spot.rule.removesuffix('.effect'))} is a {new} now, before a {old}"
    if _RANK[Effect(new)] < _RANK[Effect(old)]:
        yield spot.wider(f"{text}: fewer people are asked", loud=True)
    else:
        yield spot.narrower(text)


def _reaches(spot: Spot, old: Json, new: Json) -> Iterator[Change]:
    if new is None:
        yield spot.wider("egress rules no longer hold it", loud=True)
    elif old is None:
        yield spot.narrower(f"egress rules hold the address at {said(new)}")
    else:
        yield from otherwise(spot, old, new)


_TOOL: Final[dict[str, Compare]] = {
    "effect": _effect,
    "reaches": _reaches,
    "description": reworded("what the model is told of it"),
    "binding": reworded("how its service is called"),
    "names": names("the name at {} can be masked", "the name at {} is masked no more", permits=False),
}
