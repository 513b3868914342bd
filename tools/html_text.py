"""What a page of HTML says, as text: in one pass over it, whatever it holds.

The standard library's parser looks for the end of each unclosed piece anew, which takes it hours on a page
made for that; here each search starts where the last one ended, and one that fails ends the page.
"""

import html
import re
from typing import Final

_UNSEEN: Final = frozenset({"title", "script", "style", "template", "noscript", "svg", "iframe", "object"})
_PIECES: Final = 200_000
"""Pieces of a page that are read: more than any result shows."""

_BREAKS: Final = frozenset(
    """
    address article aside blockquote br dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr
    li main nav ol option p pre section table td th tr ul
    """.split()  # noqa: SIM905  # a list of words is read as words, not as 35 quoted strings
)
_NAME: Final = re.compile(r"/?([a-z][a-z0-9-]{0,30})")
_HREF: Final = re.compile(
    r"""\shref\s{0,9}=\s{0,9}(?:"([^"]{1,2000})"|'([^']{1,2000})'|([^\s"'>]{1,2000}))"""
)
_SPACES: Final = re.compile(r"[^\S\n]+")
_LINES: Final = re.compile(r"\s*\n\s*")


def html_text(page: str) -> tuple[str, str]:
    """Title and text of a page: no scripts, no styles, no comments; links as ``text (address)``."""
    reading = _Reading(page)
    reading.run()
    return _squeezed(html.unescape(reading.title)), _squeezed("".join(reading.parts))


class _Reading:
    """One pass."""

    def __init__(self, page: str) -> None:
        self._page, self._small = page, page.lower()
        self.parts: list[str] = []
        self.title = ""
        self._link = ""

    def run(self) -> None:
        at = 0
        # What lower case makes longer has no place in a page's markup; its places would be others.
        if len(self._small) != len(self._page):
            self._small = "".join(sign.lower() if sign.isascii() else sign for sign in self._page)
        while len(self.parts) < _PIECES and (start := self._page.find("<", at)) >= 0:
            self._say(self._page[at:start])
            at = self._after(start)
        if len(self.parts) < _PIECES:
            self._say(self._page[at:])

    def _say(self, raw: str) -> None:
        self.parts.append(html.unescape(raw))

    def _after(self, start: int) -> int:
        """Where the markup at ``start`` ends."""
        if self._page.startswith("<!--", start):
            return self._end("-->", start + 4)
        name = _NAME.match(self._small, start + 1)
        if name is None and self._page[start + 1 : start + 2] not in ("!", "?"):
            self.parts.append("<")
            return start + 1
        end = self._end(">", start + 1)
        if name is None:
            return end
        self._tag(name[0], name[1], self._page[start : min(end, start + 4_000)])
        if name[0] not in _UNSEEN:
            return end
        close = self._start(f"</{name[0]}", end)
        if name[0] == "title":
            self.title = self.title or self._page[end:close]
        return close

    def _start(self, sign: str, at: int) -> int:
        """The next ``sign``; the end of the page where there is none."""
        found = self._small.find(sign, at)
        return len(self._page) if found < 0 else found

    def _end(self, sign: str, at: int) -> int:
        """Behind the next ``sign``; the end of the page where there is none."""
        return min(self._start(sign, at) + len(sign), len(self._page))

    def _tag(self, shown: str, name: str, whole: str) -> None:
        if name in _BREAKS:
            self.parts.append("\n")
        if shown == "a":
            found = _HREF.search(whole)
            self._link = html.unescape(next(filter(None, found.groups()), "")) if found else ""
        if shown == "/a" and self._link:
            self.parts.append(f" ({self._link})")
            self._link = ""


def _squeezed(text: str) -> str:
    return _LINES.sub("\n", _SPACES.sub(" ", text)).strip()
