"""What changed in a text, word by word: nothing of either text is left out."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Final

_WORDS: Final = re.compile(r"\S+[^\S\n]*|[^\S\n]+|\n")
_LINES: Final = re.compile(r"[^\n]*\n|[^\n]+")
_MOST: Final = 200
"""Words, or lines, that are compared one by one: outsiders choose the texts, and the time that it takes
grows with more than the square of this."""


class Kind(StrEnum):
    """What became of a piece of text."""

    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A piece of one text, or of both."""

    kind: Kind
    text: str


_Runs = Iterator[tuple[Kind, Sequence[str]]]


def pieces(before: str, after: str) -> tuple[Piece, ...]:
    """In the order of reading: the same and the removed ones are the one text, the same and the added ones
    the other. By words where few enough of them differ, else by lines, else what differs as one piece."""
    by_words = _parts(_WORDS, before, after)
    by_lines = by_words if _few(by_words) else _parts(_LINES, before, after)
    found = ((kind, "".join(units)) for kind, units in _runs(*by_lines))
    return tuple(Piece(kind=kind, text=text) for kind, text in found if text)


_Parts = tuple[Sequence[str], Sequence[str], Sequence[str], Sequence[str]]


def _parts(unit: re.Pattern[str], before: str, after: str) -> _Parts:
    """The common start, what differs of either, and the common end."""
    old, new = unit.findall(before), unit.findall(after)
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    return old[:head], old[head : len(old) - tail], new[head : len(new) - tail], old[len(old) - tail :]


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    pairs = enumerate(zip(old, new, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(old), len(new)))


def _few(parts: _Parts) -> bool:
    return max(len(parts[1]), len(parts[2])) <= _MOST


def _runs(head: Sequence[str], old: Sequence[str], new: Sequence[str], tail: Sequence[str]) -> _Runs:
    yield Kind.SAME, head
    yield from _compared(old, new) if _few((head, old, new, tail)) else _replaced(old, new)
    yield Kind.SAME, tail


def _compared(old: Sequence[str], new: Sequence[str]) -> _Runs:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if tag == "equal":
            yield Kind.SAME, old[old_from:old_to]
        else:
            yield from _replaced(old[old_from:old_to], new[new_from:new_to])


def _replaced(old: Sequence[str], new: Sequence[str]) -> _Runs:
    yield Kind.REMOVED, old
    yield Kind.ADDED, new
