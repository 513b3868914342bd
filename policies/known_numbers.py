"""Numbers that a run knows as somebody's: found again wherever their digits stand.

What a phone number is, its surroundings say; of one that was masked once, a tool's echo in other surroundings
(``order 0176 1234567``, ``x4111 …``) is the same number, and would tell the model what the mask hides.
"""

import re
from collections.abc import Iterator
from typing import Final

_RUN: Final = re.compile(r"\d++(?:[./() \u00a0\u2007\u2009\u202f\u2010\u2011-]{1,3}+\d++)*+")
_DIGITS: Final = re.compile(r"\d++")
_SHORTEST: Final = 7
_LONGEST: Final = 19
"""Digits of a card or phone number."""


class KnownNumbers:
    """Masks of cards and phone numbers by their digits."""

    def __init__(self) -> None:
        self._masks: dict[str, str] = {}

    def learn(self, value: str, mask: str) -> None:
        """The first mask of the same digits stays."""
        digits = "".join(_DIGITS.findall(value))
        if _SHORTEST <= len(digits) <= _LONGEST:
            self._masks.setdefault(digits, mask)

    def found(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Start, end and mask of each, in their order: whole groups of digits alone."""
        for run in _RUN.finditer(text) if self._masks else ():
            groups = list(_DIGITS.finditer(text, run.start(), run.end()))
            place = 0
            while place < len(groups):
                length, mask = self._at(groups, place)
                if length:
                    yield groups[place].start(), groups[place + length - 1].end(), mask
                place += length or 1

    def _at(self, groups: list[re.Match[str]], place: int) -> tuple[int, str]:
        """How many groups from this one are a known number, the most that are, and its mask; 0: none is."""
        digits, found = "", (0, "")
        for length, group in enumerate(groups[place : place + _LONGEST], start=1):
            digits += group[0]
            if len(digits) > _LONGEST:
                break
            if digits in self._masks:
                found = length, self._masks[digits]
        return found
