"""Tool names that every provider takes: letters, digits, ``_`` and ``-``, a letter first, at most 64.

``ticket.close`` travels as ``ticket--close``. ``-`` starts an escape: ``--`` a dot, ``-m`` a hyphen,
``-xHEX-`` any other character. ``x-0`` before a name says that the name itself starts with no letter;
``x-h`` that it was too long and travels as its hash, which only a table of the names can turn back.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Final

from contracts.errors import Malformed

LIMIT: Final = 64

_PLAIN: Final = re.compile(r"[A-Za-z0-9_]")
_CODED: Final = re.compile(
    r"-(?:(?P<dot>-)|(?P<hyphen>m)|x(?P<code>[0-9a-f]{1,6})-)|(?P<plain>[A-Za-z0-9_]+)"
)


class WireNames:
    """Both directions for one request's tools."""

    def __init__(self, names: Iterable[str]) -> None:
        """Raises Malformed when two names would travel as one."""
        self._names: dict[str, str] = {}
        for name in names:
            if self._names.setdefault(encode(name), name) != name:
                raise Malformed(
                    f"the tools {name!r} and {self._names[encode(name)]!r} have one name on the wire"
                )

    def wire(self, name: str) -> str:
        return encode(name)

    def name(self, wire: str) -> str:
        """The tool's name; what no name travels as is returned as it is, for policy to refuse."""
        name = self._names.get(wire, decode(wire))
        return wire if name is None else name


def encode(name: str) -> str:
    """The name on the wire. Names of equal form on the wire are equal (beyond 64 characters: by SHA-256)."""
    coded = "".join(_escape(character) for character in name)
    if not coded[:1].isalpha():
        coded = "x-0" + coded
    return coded if len(coded) <= LIMIT else "x-h" + hashlib.sha256(_bytes(name)).hexdigest()[:60]


def decode(wire: str) -> str | None:
    """The name that travels as ``wire``; None where there is none, or only its hash is left."""
    parts, place = [], 3 if wire.startswith("x-0") else 0
    while place < len(wire):
        match = _CODED.match(wire, place)
        if match is None:
            return None
        parts.append(_character(match))
        place = match.end()
    name = "".join(parts)
    return name if encode(name) == wire else None


def _escape(character: str) -> str:
    if _PLAIN.fullmatch(character):
        return character
    return {".": "--", "-": "-m"}.get(character, f"-x{ord(character):x}-")


def _character(match: re.Match[str]) -> str:
    if match["code"] is not None:
        code = int(match["code"], 16)
        return chr(code) if code <= 0x10FFFF else ""
    return match["plain"] or ("." if match["dot"] else "-")


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")
