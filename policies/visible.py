"""Outside text as people may safely look at it: nothing in it hidden, moved or piled up."""

import re
import unicodedata
from functools import lru_cache
from typing import Final


def visible(text: str) -> str:
    """The text with every character that does not show, or that piles up, spelled out as ``⟨U+202E⟩``."""
    seen, stacked = [], 0
    for char in text.replace("\r\n", "\n").replace("\t", "⇥"):
        hidden, mark = _kind(char)
        stacked = stacked + 1 if mark else 0
        seen.append(f"⟨U+{ord(char):04X}⟩" if stacked > _MARKS or hidden else char)
    return _GAP.sub(lambda gap: f"⟨{len(gap.group())} spaces⟩", "".join(seen))


def unhidden(text: str) -> str:
    """The text without what does not show: a model would read it, and a person who looks would not."""
    return text.replace("\r\n", "\n").translate(_SHOWN)


class _Shown(dict[int, str]):
    """What stands for each character: itself, a line break, or nothing."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        hidden = _kind(char)[0] and char != "\t"
        self[code] = ("\n" if char in _LINES else "") if hidden else char
        return self[code]


_LINES: Final = frozenset("\r\x0b\x0c\x85\u2028\u2029")
_SHOWN: Final = _Shown()
_MARKS: Final = 3
_GAP: Final = re.compile(r"[^\S\n]{5,}|\A[^\S\n]+\Z")
#: Invisible, though Unicode counts them as letters, marks or symbols (Default_Ignorable_Code_Point, blanks).
_BLANKS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | {
    chr(code) for span in (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0)) for code in span
}
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@lru_cache(maxsize=4096)
def _kind(char: str) -> tuple[bool, bool]:
    """Whether the character does not show, and whether it is drawn over the one before."""
    category = unicodedata.category(char)
    return char != "\n" and (char in _BLANKS or category in _UNSEEN), category.startswith("M")
