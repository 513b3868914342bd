"""Outside text as a card shows it: whole or cut with a note, and nothing in it hidden or taken for ours."""

import re
import unicodedata
from bisect import bisect_right
from itertools import accumulate
from typing import Final

from policies.alphabets import marked
from policies.visible import visible


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


_PLAIN: Final = re.compile(r"[\w.:/@+#'’-]+(?: [\w.:/@+#'’-]+)*")  # noqa: RUF001 - names have that apostrophe
_MARKS_SPELLED: Final = {ord(mark): f"⟨U+{ord(mark):04X}⟩" for mark in "“”"}
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})


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
