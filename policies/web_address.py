"""Addresses on the web, read once and strictly: what was read here is what is requested, byte by byte.

Everything that two readers are known to take differently (userinfo, a backslash, a dot segment, a host in
percent signs, a number for a host) is refused, not repaired. The grammar is a part of RFC 3986's.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from urllib.parse import unquote_to_bytes

from contracts.errors import Malformed

Scheme: TypeAlias = Literal["https", "http", "none"]

LONGEST: Final = 2_048
"""Characters of an address, at most."""

_PORTS: Final = {"https": 443, "http": 80}
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")
_SPLIT: Final = re.compile(
    r"(?:(?P<scheme>[^:/?#]*)://)?(?P<place>[^/?#]*)(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?P<rest>#.*)?"
)
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# The last label starts with a letter: every way to write an address as a number ends in a number.
_HOST: Final = re.compile(rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?")
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_PATH: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,=:@/-]|%[0-9A-Fa-f]{2})*")
_NAME: Final = re.compile(r"[A-Za-z0-9._~-]{1,100}")
_VALUE: Final = re.compile(r"(?:[A-Za-z0-9._~!$'()*+,=:@/?-]|%[0-9A-Fa-f]{2})*")
_FRAGMENT: Final = re.compile(r"#[A-Za-z0-9._~-]*")
_CLIMBING: Final = ("", ".", "..")
_HIDDEN: Final = ("%2e", "%2f", "%5c", "%25", "%3b")


@dataclass(frozen=True, kw_only=True)
class WebAddress:
    """An address as it was read."""

    #: ``none``: it named none.
    scheme: Scheme
    #: In lower case; never a number.
    host: str
    #: The scheme's own where none was written; None: neither scheme nor port was.
    port: int | None
    #: As it was written; it starts with ``/``.
    path: str
    #: As it was written; None: there is none.
    query: str | None
    #: Of the query, in its order.
    names: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Host, and port where it is not the scheme's own: what a ``Host`` header says."""
        own = self.port is None or self.port == _PORTS.get(self.scheme)
        return self.host if own else f"{self.host}:{self.port}"

    @property
    def target(self) -> str:
        """Path and query: what a request's first line asks for."""
        return self.path if self.query is None else f"{self.path}?{self.query}"

    def __str__(self) -> str:
        start = "" if self.scheme == "none" else f"{self.scheme}://"
        return f"{start}{self.place}{self.target}"


def own_port(scheme: str) -> int | None:
    """The port that a scheme has without one written."""
    return _PORTS.get(scheme)


def read_address(text: str) -> WebAddress:
    """An address such as ``https://docs.example.com/faq?page=2``; its fragment is dropped.

    Raises:
        Malformed: with what is wrong; the sentence repeats nothing of it.
    """
    if not _VISIBLE.fullmatch(text):
        raise Malformed("the address is empty, or has a space, a control character or a letter beyond ASCII")
    if len(text) > LONGEST:
        raise Malformed(f"the address has more than {LONGEST} characters")
    parts = _SPLIT.fullmatch(text)
    if "\\" in text or parts is None:
        raise Malformed("the address has a backslash, or is none")
    if parts["rest"] and (parts["path"] is None or not _FRAGMENT.fullmatch(parts["rest"])):
        raise Malformed("the address has a fragment that is more than a plain name behind a path")
    scheme = _scheme(parts["scheme"])
    host, port = _place(parts["place"])
    return WebAddress(
        scheme=scheme,
        host=host,
        port=port or own_port(scheme),
        path=_path(parts["path"] or "/"),
        query=parts["query"],
        names=() if parts["query"] is None else tuple(_names(parts["query"])),
    )


def follow(base: WebAddress, location: str) -> WebAddress:
    """Where a redirect from ``base`` leads. Raises Malformed, as ``read_address`` does."""
    before = re.split(r"[/?#]", location, maxsplit=1)[0]
    if not location or location.startswith("#"):
        raise Malformed("the redirect leads nowhere")
    start = f"{base.scheme}://{base.place}"
    if location.startswith("//"):
        return read_address(f"{base.scheme}:{location}")
    if location.startswith("/"):
        return read_address(start + location)
    if ":" in before:
        if not re.match(r"https?://", location, re.IGNORECASE):
            raise Malformed("the address of a redirect is neither http nor https")
        return read_address(location)
    if location.startswith("?"):
        return read_address(start + base.path + location)
    return read_address(f"{start}{base.path.rpartition('/')[0]}/{location}")


def read_host(text: str) -> tuple[str, int | None]:
    """A host by name, and its port where one is written. Raises Malformed."""
    host, colon, port = text.partition(":")
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise Malformed("the host is no name such as docs.example.com: lower-case labels with dots between")
    if colon and (not _PORT.fullmatch(port) or int(port) > 65_535):
        raise Malformed("the port is no number from 1 to 65535")
    return host, int(port) if colon else None


def _scheme(text: str | None) -> Scheme:
    match text.lower() if text is not None else None:
        case None:
            return "none"
        case "https":
            return "https"
        case "http":
            return "http"
    raise Malformed("the scheme is neither https nor http")


def _place(text: str) -> tuple[str, int | None]:
    if "@" in text:
        raise Malformed("the address holds a user or a password before its host")
    if "%" in text or "[" in text:
        raise Malformed("the host is in percent signs, or an address of numbers; write its name")
    return read_host(text.lower())


def _path(path: str) -> str:
    if not _PATH.fullmatch(path):
        raise Malformed("the path has a character that belongs in none, such as ; or a lone %")
    first, *segments = path.split("/")
    if first or any(_climbs(segment) for segment in segments[:-1]) or _climbs(segments[-1], last=True):
        raise Malformed("the path climbs, has an empty part, or hides a slash, a dot or a control character")
    return path


def _climbs(segment: str, *, last: bool = False) -> bool:
    """Whether a segment could be another to some server: decoded once or twice, or in look-alike letters."""
    try:
        plain = unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        return True
    plain = unicodedata.normalize("NFKC", plain)
    if plain in _CLIMBING:
        return not (last and segment == "")
    hidden = any(sign in segment.lower() for sign in _HIDDEN)
    return hidden or any(sign in plain for sign in "/\\;%") or not plain.isprintable()


def _names(query: str) -> list[str]:
    names: list[str] = []
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise Malformed("the query is no list of plain names and values")
        if any(byte < 0x20 or byte == 0x7F for byte in unquote_to_bytes(value)):
            raise Malformed("the query hides a control character")
        if name in names:
            raise Malformed("the query names something twice")
        names.append(name)
    return names
