"""Outside text as a card shows it: whole or cut with a note, and nothing in it hidden or taken for ours."""

import re
import unicodedata
from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from typing import Final

from adapters.alphabets import marked


def visible(text: str) -> str:
    """The text with every character that does not show, or that piles up, spelled out as ``⟨U+202E⟩``."""
    seen, stacked = [], 0
    for char in text.replace("\r\n", "\n").replace("\t", "⇥"):
        hidden, mark = _kind(char)
        stacked = stacked + 1 if mark else 0
        seen.append(f"⟨U+{ord(char):04X}⟩" if stacked > _MARKS or hidden else char)
    return _GAP.sub(lambda gap: f"⟨{len(gap.group())} spaces⟩", "".join(seen))


def one_line(text: str) -> str:
    """Visible, and on one line."""
    return visible(text).replace("\n", " ↵ ")


def named(text: str) -> str:
    """Visible, on one line, and marked where letters of other alphabets pass for Latin ones."""
    return marked(text, one_line(text))


def word(text: str, limit: int) -> str:
    """Named within one of our sentences: in quotation marks where it could pass for a part of it."""
    name = cut(named(text), limit)
    return name if _PLAIN.fullmatch(text) else f"“{name.translate(_MARKS_SPELLED)}”"


def turns(text: str) -> bool:
    """Whether it has right-to-left letters, which turn round what stands on their line for the eye."""
    return any(unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in text)


def quoted(text: str) -> str:
    """Visible, each line behind a bar that no outside text can do without."""
    return "\n".join(f"│ {line}" for line in visible(text).split("\n"))


def escaped(text: str) -> str:
    """Slack's own escaping of the three characters that open its markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_MARKS: Final = 3
_GAP: Final = re.compile(r"[^\S\n]{5,}|\A[^\S\n]+\Z")
_PLAIN: Final = re.compile(r"[\w.:/@+#'’-]+(?: [\w.:/@+#'’-]+)*")  # noqa: RUF001 - names have that apostrophe
_MARKS_SPELLED: Final = {ord(mark): f"⟨U+{ord(mark):04X}⟩" for mark in "“”"}
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
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


def size(text: str) -> int:
    """Characters as the strictest reader counts them: UTF-16, markup's characters escaped."""
    return len(escaped(text).encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, limit: int) -> str:
    """At most ``limit`` of ``size``; what is cut is said."""
    if size(text) <= limit:
        return text
    mark = f" … [cut: {len(text)} characters in all]"
    sizes = list(accumulate(map(size, text[:limit])))
    return text[: bisect_right(sizes, limit - len(mark))] + mark
