"""A page from outside as text for a model: what it says, or a note on what it is."""

import codecs
import re
from dataclasses import dataclass
from typing import Final

from tools.html_text import html_text
from tools.reply import one_line

_TEXTS: Final = re.compile(r"text/[a-z0-9.+-]+|application/(?:[a-z0-9.-]+\+)?(?:json|xml)", re.ASCII)
_HTML: Final = frozenset({"text/html", "application/xhtml+xml"})
_CHARSET: Final = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9_-]{1,30})""")
_CHARSETS: Final = {
    "utf-8": "utf-8-sig",
    "utf8": "utf-8-sig",
    "us-ascii": "cp1252",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "windows-1252": "cp1252",
    "iso-8859-15": "iso8859-15",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}
"""Charsets as the web means them; any other is read as UTF-8, so that no page chooses a codec."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """What came back, as text."""

    #: Where it was found, after redirects.
    url: str
    #: Empty where it has none.
    title: str = ""
    text: str = ""


def is_text(kind: str) -> bool:
    """Whether a Content-Type is one of text."""
    return _TEXTS.fullmatch(_media(kind)) is not None


def page(url: str, kind: str, body: bytes) -> Page:
    """The page of a text's bytes; never raises, whatever they are. ``kind`` is the Content-Type."""
    text = body.decode(_codec(kind, body), "replace")
    title = ""
    if _media(kind) in _HTML:
        title, text = html_text(text)
    return Page(url=url, title=one_line(title, 200), text=_plain(text))


def no_text(url: str, kind: str) -> Page:
    """The page of something that is no text, and was not read."""
    return Page(url=url, text=f"[no text: {one_line(kind, 80) or 'it names no type'}; it was not read]")


def _media(kind: str) -> str:
    return kind.partition(";")[0].strip().lower()


def _codec(kind: str, body: bytes) -> str:
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    found = _CHARSET.search(kind) or _CHARSET.search(body[:1024].decode("ascii", "replace"))
    return _CHARSETS.get(found[1].lower(), "utf-8-sig") if found else "utf-8-sig"


def _plain(text: str) -> str:
    """Without control characters and the signs that hide or turn text; line breaks and tabs stay."""
    return "".join(sign for sign in text if sign in "\n\t" or sign.isprintable())
