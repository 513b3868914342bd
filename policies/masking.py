"""Masks: personal data as the model sees it, ``[email-1]``, the same for one value through the whole run.

A pure function of what is masked, in its order: numbers go by first appearance, so that a transcript that
grows keeps them. What only looks like a mask is shown in other brackets, and resolves to nothing.
"""

import json
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Collection
from itertools import pairwise
from typing import Final

from contracts.digest import Json
from policies.arguments import DEPTH, too_deep
from policies.known_numbers import KnownNumbers
from policies.personal import Found, personal, without
from policies.visible import unhidden

RULE: Final = (
    "Personal data is masked: [email-1], [phone-2] or [name-1] each stand for one value, the same everywhere"
    " in this run, and [name-1.2] for the second word of the first name. Write a mask as it is where the"
    " value belongs, in the arguments of calls too, with no letter or digit right beside it; do not guess"
    " what it stands for."
)
"""What a model is told of masks."""

_KINDS: Final = "email|phone|card|iban|name"
_MASK: Final = re.compile(rf"\[(?:{_KINDS})-[1-9][0-9]{{0,5}}(?:\.[1-9][0-9]?)?\]")
_LIKE_A_MASK: Final = re.compile(rf"\[(\s*(?:{_KINDS})[^\[\]\n]{{0,16}})\]", re.IGNORECASE)

_ONE_BY_ONE: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
"""Letters of scripts that are written without spaces: each is a word."""
_BEFORE, _AFTER = frozenset("]\\@\uff20"), frozenset("[@\uff20")
"""What makes one of two values, or an escape or an address of what stands beside it."""
_ALONE: Final = re.compile(f"[{_ONE_BY_ONE}]")
_WORD: Final = re.compile(rf"[{_ONE_BY_ONE}]|(?:[^\W_{_ONE_BY_ONE}][\u0300-\u036f]*)+")
_LONGEST: Final = 40
"""Words of a name that are looked for as a whole; a longer one is several."""
_SHORTEST: Final = 3
"""Letters that a part of a name has at least to be looked for by itself."""
_PARTICLES: Final = frozenset("and bin das del den der dos ibn the van von".split())  # noqa: SIM905 - read as words
_NUMBERS: Final = range(10**6, 10**19)
"""Those with as many digits as a phone or a card has."""
_CALLED: Final = re.compile(
    r"\b(?:tel|telephone|phone|mobile|cell|fax|sms|whatsapp|msisdn|telefon|handy|mobil)s?\b", re.IGNORECASE
)
"""In the name of a member: the numbers in it are called."""
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
_LABEL: Final = "phone: "
_GAP: Final = 3
"""Characters between two words of a name, at most."""


class Masks:
    """What was masked so far in one run."""

    def __init__(self, kinds: Collection[str]) -> None:
        self._kinds = frozenset(kinds)
        #: By kind and key of a value.
        self._masks: dict[tuple[str, str], str] = {}
        #: By words of a name; and how many words the names have that begin with one.
        self._names: dict[tuple[str, ...], str] = {}
        self._lengths: dict[str, set[int]] = {}
        self._values: dict[str, str] = {}
        self._numbers = KnownNumbers()
        self._counted: dict[str, int] = {}

    @property
    def any(self) -> bool:
        """Whether anything is masked."""
        return bool(self._kinds)

    @property
    def names(self) -> bool:
        """Whether names are."""
        return "name" in self._kinds

    def learn(self, name: str) -> None:
        """A person's name, to be masked wherever it stands, and each longer word of it."""
        words = [match[0] for match in _WORD.finditer(_defused(unhidden(name)))]
        if len(words) > _LONGEST:
            for at in range(0, len(words), _LONGEST):
                self.learn(" ".join(words[at : at + _LONGEST]))
            return
        keys = tuple(map(_key, words))
        if not keys or keys in self._names:
            return
        mask = self._new("name", name)
        self._find(keys, mask)
        for place, (word, key) in enumerate(zip(words, keys, strict=True), start=1):
            if self._telling(word, key) and "@" not in name:
                part = f"{mask[:-1]}.{place}]"
                self._values[part] = word
                self._find((key,), part)

    def _telling(self, word: str, key: str) -> bool:
        """Whether a word of a name is looked for by itself."""
        return len(word) >= _SHORTEST and key not in _PARTICLES and (key,) not in self._names

    def masked(self, text: str) -> str:
        """Text from outside: nothing hidden in it, defused, and every value masked."""
        return self._replaced(_defused(unhidden(text)), known=False)

    def hushed(self, text: str) -> str:
        """The model's own words: its masks stay, and a value that the run does not know is not numbered."""
        return self._replaced(text, known=True) if self._kinds else text

    def document(self, value: Json) -> Json:
        """The same JSON, names of members too, with each text masked, and numbers that are cards."""
        return self.masked(json.dumps(value, ensure_ascii=False)) if too_deep(value) else self._inner(value)

    def _inner(self, value: Json, label: str = "") -> Json:
        if isinstance(value, str):
            return self._labelled(label, value)
        if isinstance(value, dict):
            return {self.masked(name): self._inner(inner, _label(name)) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._inner(inner, label) for inner in value]
        if type(value) is int and value in _NUMBERS:
            return self._number(label, value)
        return value

    def _labelled(self, label: str, text: str) -> str:
        """A number that stands alone is somebody's phone number where its member's name says so."""
        return self.masked(f"{label}{text}").removeprefix(label)

    def _number(self, label: str, number: int) -> Json:
        masked = self._labelled(label, str(number))
        return masked if _MASK.fullmatch(masked) else number

    def resolved(self, arguments: Json, depth: int = 0) -> Json:
        """Arguments with each mask's value in its place; names of members and unknown masks stay."""
        if isinstance(arguments, str):
            return _MASK.sub(self._meant, arguments)
        if depth > DEPTH:
            return arguments  # nested deeper than policy lets anything be
        if isinstance(arguments, dict):
            return {name: self.resolved(inner, depth + 1) for name, inner in arguments.items()}
        if isinstance(arguments, list):
            return [self.resolved(inner, depth + 1) for inner in arguments]
        return arguments

    def _meant(self, found: re.Match[str]) -> str:
        """A mask's value, where it would be masked again: run together with other text it might not be."""
        mask, text = found[0], found.string
        before, after = text[max(0, found.start() - 1) : found.start()], text[found.end() : found.end() + 1]
        if before in _BEFORE or after in _AFTER or not (_apart(before, mask) and _apart(after, mask)):
            return mask
        return self._values.get(mask, mask)

    def _replaced(self, text: str, *, known: bool) -> str:
        parts, at = [], 0
        for start, end, mask in self._spans(text, known=known):
            parts += [self._unnamed(text[at:start]), mask]
            at = end
        return "".join([*parts, self._unnamed(text[at:])])

    def _spans(self, text: str, *, known: bool) -> list[tuple[int, int, str]]:
        """Where something is masked, by what: what shows by itself, and known numbers that do not."""
        found = personal(text, self._kinds)
        again = _outside(list(self._numbers.found(text)), found)
        if again:
            found = personal(without(text, [(start, end) for start, end, _ in again]), self._kinds)
        shown = [
            (one.start, one.end, self._mask(one, text[one.start : one.end], known=known)) for one in found
        ]
        return sorted([*again, *shown])

    def _mask(self, found: Found, value: str, *, known: bool) -> str:
        mask = self._masks.get((found.kind, found.key))
        if mask is None and known:
            return f"[{found.kind}]"
        if mask is None:
            mask = self._masks[found.kind, found.key] = self._new(found.kind, value)
            if found.kind in ("card", "phone"):
                self._numbers.learn(value, mask)
        return mask

    def _new(self, kind: str, value: str) -> str:
        number = self._counted[kind] = self._counted.get(kind, 0) + 1
        mask = f"[{kind}-{number}]"
        self._values[mask] = value
        return mask

    def _find(self, words: tuple[str, ...], mask: str) -> None:
        self._names[words] = mask
        self._lengths.setdefault(words[0], set()).add(len(words))

    def _unnamed(self, text: str) -> str:
        """A text with the known names in it masked, the longest that begins in a place first."""
        if not self._names:
            return text
        words = [(_key(match[0]), match.start(), match.end()) for match in _WORD.finditer(text)]
        parts, at, place = [], 0, 0
        while place < len(words):
            length = self._name_at(words, place)
            if length:
                mask = self._names[tuple(key for key, _, _ in words[place : place + length])]
                parts += [text[at : words[place][1]], mask]
                at = words[place + length - 1][2]
            place += length or 1
        return "".join([*parts, text[at:]])

    def _name_at(self, words: list[tuple[str, int, int]], place: int) -> int:
        """How many words from this one are a name; 0: they are none."""
        for length in sorted(self._lengths.get(words[place][0], ()), reverse=True):
            run = words[place : place + length]
            near = all(after[1] - one[2] <= _GAP for one, after in pairwise(run))
            if len(run) == length and near and tuple(key for key, _, _ in run) in self._names:
                return length
        return 0


def _label(name: str) -> str:
    """What is read before a number that stands alone, where its member's name says what it is."""
    return _LABEL if _CALLED.search(_HUMP.sub(" ", name)) else ""


def _apart(char: str, mask: str) -> bool:
    """Whether a value and what stands beside it stay two words, also once nothing is hidden any more."""
    if mask.startswith("[name") and _ALONE.fullmatch(char):
        return True
    joins = char.isalnum() or unicodedata.category(char or " ").startswith("M")
    return not joins and (not char or unhidden(char) != "")


def _outside(spans: list[tuple[int, int, str]], found: list[Found]) -> list[tuple[int, int, str]]:
    """Those that nothing found holds whole."""
    starts = [one.start for one in found]
    before = ((span, bisect_right(starts, span[0]) - 1) for span in spans)
    return [span for span, at in before if at < 0 or found[at].end < span[1]]


def _defused(text: str) -> str:
    return _LIKE_A_MASK.sub(r"⟨\1⟩", text)


def _key(word: str) -> str:
    return unicodedata.normalize("NFKC", word).casefold()
