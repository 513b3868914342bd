"""Where the gateway's pages are, as browsers and authenticators name that place."""

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from contracts.errors import Malformed

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class Pages:
    """The address of ``INTERLOCK_PAGES``."""

    #: As a browser writes it (RFC 6454): no default port, no path.
    origin: str
    #: As a ``Host`` header has it.
    authority: str
    #: The passkeys' relying party.
    host: str
    secure: bool

    @classmethod
    def at(cls, url: str) -> Self | None:
        """None: there are no pages. Raises Malformed where it is no origin."""
        if not url:
            return None
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise Malformed(f"the address of the pages is none: {error}") from error
        rest = parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password
        if parts.scheme not in _PORTS or not host or rest:
            raise Malformed("the address of the pages is a scheme, a host and a port, without a path")
        named = host if ":" not in host else f"[{host}]"
        authority = named if port in (None, _PORTS[parts.scheme]) else f"{named}:{port}"
        return cls(
            origin=f"{parts.scheme}://{authority}",
            authority=authority,
            host=host,
            secure=parts.scheme == "https",
        )

    def approval(self, approval_id: str) -> str:
        """The full page of an approval."""
        return f"{self.origin}/approvals/{approval_id}"
