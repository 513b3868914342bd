"""An action on a card, whole or cut with a note: what changes, how bad it is if it is wrong, its undo.

A line of outside text begins with a mark or a name of ours (``▸``, ``•``, ``│``, ``Tenant``), so that none
can pass for a heading or for another field.
"""

import json
from typing import Final

from adapters.blocks import (
    BLOCKS,
    HEADER,
    SECTION,
    Block,
    Heading,
    fields,
    header,
    heading,
    packed,
    section,
    small,
)
from adapters.plain_text import cut, named, quoted, size, turns, word
from contracts.action import Change, Frozen, Preview
from contracts.tool import Effect
from policies.alphabets import marked
from policies.visible import visible

NAME: Final = 100
SHORT: Final = 300
_ACTION: Final = 8_000
"""What the action itself may take of a card; status, people and words are bounded beside it."""
_MOST: Final = 20
"""Changes that a person takes in on a card."""
_FEW: Final = 10
_OWN_BLOCKS: Final = 24
"""Blocks of a card beside its changes."""
_EMPTY: Final = "(empty)"


def title(words: str, frozen: Frozen) -> str:
    """The first line of a card: where its approval stands, then whom it is about."""
    return f"{words} · {scope(frozen)}"


def scope(frozen: Frozen) -> str:
    """Environment and tenant; production cannot be overlooked."""
    return f"{_environment(frozen.env)} · {word(frozen.tenant, _PLACE)}"


_PLACE: Final = 40


def _environment(env: str) -> str:
    name = word(env, _PLACE)
    if not production(env):
        return name
    return "⚠ PRODUCTION" if env == "prod" else f"⚠ PRODUCTION {name}"


def production(env: str) -> bool:
    """Rather once too often than once too little."""
    return env.casefold().startswith("prod")


def shown(frozen: Frozen, what: Heading) -> tuple[list[Block], bool]:
    """The action's blocks, and whether that is all of it."""
    preview = frozen.preview
    large, lines = _large(frozen)
    lines += map(_change, preview.changes)
    stakes = f"• {named(preview.stakes)}" if preview.stakes else "The tool does not say who is affected."
    undo = f"• {named(preview.undo)}" if preview.undo else "No. It cannot be undone."
    call = _call(frozen, what)
    whole = len(preview.changes) <= _MOST and _fits(
        frozen, [*large, *lines, stakes, undo, call], packed(lines)
    )
    if not whole:
        lines, (stakes, undo, call) = _few(lines), (cut(text, SHORT) for text in (stakes, undo, call))
    return [
        heading(what),
        *map(header, large),
        *map(section, packed(lines)),
        small(call),
        heading(Heading.STAKES),
        section(f"{stakes}\n{_reversible(frozen)}"),
        _places(frozen),
        heading(Heading.UNDO),
        section(undo),
    ], whole


def _fits(frozen: Frozen, texts: list[str], lines: list[str]) -> bool:
    sizes = [size(text) + _BESIDE for text in texts]
    places = (frozen.tenant, frozen.env, frozen.tool, frozen.address)
    return (
        max(sizes) <= SECTION
        and sum(sizes) <= _ACTION
        and len(lines) + _OWN_BLOCKS <= BLOCKS
        and all(size(word(place, SECTION)) <= _PLACE for place in places[:2])
        and all(size(word(place, SECTION)) <= NAME for place in places[2:])
    )


_BESIDE: Final = 50
"""What stands in a section beside a text: whether it is reversible, a line's end."""


def _few(lines: list[str]) -> list[str]:
    few = [cut(line, SHORT) for line in lines[:_FEW]]
    return few + ([f"… and {len(lines) - _FEW} more changes"] if len(lines) > _FEW else [])


def _large(frozen: Frozen) -> tuple[list[str], list[str]]:
    """Target and figures: those that fit a large line, and those that do not."""
    target = named(frozen.preview.target or frozen.target)
    lines = [f"▸ {text}" for text in (target, figures(frozen.preview)) if text]
    fit = [line for line in lines if size(line) <= HEADER]
    return fit, [line for line in lines if line not in fit]


def figures(preview: Preview) -> str:
    return " · ".join(map(named, preview.figures))


def _change(change: Change) -> str:
    field, before, after = named(change.field), named(change.before), named(change.after)
    if all(map(_brief, (change.field, change.before, change.after))):
        return f"• {field}: {before or _EMPTY} → {after or _EMPTY}"
    if not change.before:
        return f"• {field}, new:\n{_below(change.after)}"
    if not change.after:
        return f"• {field}, taken away:\n{_below(change.before)}"
    return f"• {field}, now:\n{_below(change.before)}\n• {field}, then:\n{_below(change.after)}"


def _below(text: str) -> str:
    return marked(text, quoted(text))


def _brief(text: str) -> bool:
    """Fit to stand beside an arrow, and not to be taken for one or for our own word."""
    return len(text) <= _BRIEF and not turns(text) and not any(sign in text for sign in ("→", "\n", _EMPTY))


_BRIEF: Final = 80


def _call(frozen: Frozen, what: Heading) -> str:
    """A preview may leave an argument out; what is approved must not."""
    arguments = json.dumps(frozen.arguments, ensure_ascii=False, sort_keys=True)
    # In JSON a line break is written with a Latin letter.
    written = marked(arguments.replace("\\n", " "), visible(arguments))
    tool, system = word(frozen.tool, NAME), word(frozen.address, NAME)
    sent = "is sent to" if what is Heading.WILL_CHANGE else "was asked of"
    return f"Exactly this {sent} {system}: {tool} {written}"


def _places(frozen: Frozen) -> Block:
    return fields({"Environment": _environment(frozen.env), "Tenant": cut(named(frozen.tenant), NAME)})


def _reversible(frozen: Frozen) -> str:
    """Only a prepared call takes a write back by itself; words of a tool promise nothing."""
    kind = " (destructive)" if frozen.effect == Effect.DESTRUCTIVE else ""
    if not frozen.preview.undo:
        return f"Not reversible{kind}"
    return f"{'Not automatically reversible' if frozen.undo is None else 'Reversible'}{kind}"
