"""Where a tool's requests go: below one base URL, whatever the arguments say."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias
from urllib.parse import quote, urlencode

import httpx

from contracts.errors import Malformed

Query: TypeAlias = Mapping[str, str] | Sequence[tuple[str, str]]
"""Names and texts; as a sequence, a name may stand more than once."""

PLACE: Final = re.compile(r"\{([A-Za-z0-9_.-]+)\}")
"""A place of a path template."""


class BaseUrl:
    """A service's base URL from the settings; below it, arguments fill whole segments of path templates."""

    def __init__(self, address: str, url: str) -> None:
        """Raises Malformed when the URL is no plain base URL; the sentence does not repeat it."""
        problem = _fault(url)
        if problem:
            raise Malformed(
                f"the base URL of {address} {problem}; give one like https://helpdesk.example.com/api"
            )
        self._base = url.rstrip("/")

    def url(self, path: str, parts: Mapping[str, str], query: Query) -> httpx.URL:
        """The URL of a call.

        Args:
            path: such as ``/tickets/{ticket_id}/close``.
            parts: the text of each named segment; percent-encoded here, ``/`` and ``%`` included.
            query: percent-encoded here.

        Raises:
            Malformed: a segment is empty or would climb.
        """
        filled = PLACE.sub(lambda place: _segment(place[1], parts[place[1]]), path)
        asked = f"?{urlencode(query, quote_via=quote, errors='replace')}" if query else ""
        return httpx.URL(self._base + filled + asked)


def _segment(name: str, text: str) -> str:
    """A dot is legal unencoded, so a whole segment of dots is what climbs."""
    if text in ("", ".", ".."):
        raise Malformed(f"{name} is no name of a thing")
    return quote(text, safe="", errors="replace")


def _fault(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return "is no URL"
    if parsed.scheme not in ("http", "https") or not parsed.host:
        return "is no http or https URL"
    if parsed.port is not None and not 0 < parsed.port < 65_536:
        return "has a port that there is not"
    if parsed.userinfo or parsed.query or parsed.fragment or "?" in url or "#" in url:
        return "holds more than scheme, host, port and path"
    return "holds a path that climbs" if "." in parsed.path.split("/") or ".." in url.split("/") else ""
