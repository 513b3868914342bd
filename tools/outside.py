"""The session that reaches outside: it gets pages of the open web, and nothing of ours goes with it.

Every request, that of a redirect included, is judged by every policy that holds, goes to an address that was
resolved once and found open, and carries no credential, no capability, no cookie and no proxy's detour.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import httpx

from contracts.errors import Malformed
from contracts.toolbox import Answer, Gate
from policies.egress import passage
from policies.route import Egress
from policies.web_address import WebAddress, follow, read_address
from tools.door import Door
from tools.outcomes import failed, refused
from tools.page import Page, is_text, no_text, page
from tools.reply import Stopped
from tools.resolver import Endpoint, Places

_REDIRECTS: Final = 5
_CONNECT: Final = 5.0
"""Seconds for a connection, at most; half of the call's time where that is less."""
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_LATER: Final = frozenset({408, 425, 429})


@dataclass(frozen=True, kw_only=True)
class Borders:
    """What one call may reach, and how."""

    #: Rules by policy: each of these has to permit every address.
    policies: Sequence[Sequence[Egress]]
    #: Asked before a request leaves; raises what forbids that it does.
    gate: Gate
    #: Seconds that the call may take, with all its redirects.
    timeout: float


@dataclass(frozen=True, kw_only=True)
class _Moved:
    location: str


class OutsideSession:
    """For one call of one tool."""

    __slots__ = ("_borders", "_places", "_tls")

    def __init__(self, borders: Borders, places: Places, tls: ssl.SSLContext) -> None:
        self._borders, self._places, self._tls = borders, places, tls

    async def fetch(self, url: str) -> Page:
        """The page at an address. Raises Stopped with any other end's answer, and what the gate raises."""
        try:
            async with asyncio.timeout(self._borders.timeout):
                return await self._followed(read_address(url))
        except TimeoutError:
            raise Stopped(failed("the page did not answer in time", transient=True)) from None
        except Malformed as error:
            raise Stopped(failed(error.sentence)) from None

    async def _followed(self, address: WebAddress) -> Page:
        seen: list[WebAddress] = []
        while True:
            found = await self._got(address, self._most(address, redirected=bool(seen)))
            if isinstance(found, Page):
                return found
            seen.append(address)
            address = _next(address, found.location)
            if address in seen or len(seen) > _REDIRECTS:
                raise Stopped(failed("the page redirects in a circle, or more than five times"))

    def _most(self, address: WebAddress, *, redirected: bool) -> int:
        """Bytes that may be read there. Raises Stopped where a policy does not permit the address."""
        if address.scheme == "none":
            raise Stopped(failed("the address names no scheme; write https:// before it"))
        found = [passage(rules, "GET", address) for rules in self._borders.policies]
        no = next(
            (one for one in found if isinstance(one, str)), None if found else "no policy lets it reach out"
        )
        if no is not None:
            raise Stopped(failed(f"the page redirects out of bounds: {no}" if redirected else no))
        return min(one.max_bytes for one in found if not isinstance(one, str))

    async def _got(self, address: WebAddress, most: int) -> Page | _Moved:
        # Asked here as well, so that what is stopped is not even looked up or connected to.
        await self._borders.gate()
        for endpoint in await self._places.find(address):
            try:
                return await self._exchange(address, endpoint, most)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
                continue
            except httpx.TimeoutException:
                raise Stopped(failed(f"{address.place} did not answer in time", transient=True)) from None
            except (httpx.HTTPError, httpx.StreamError, OSError):
                text = f"{address.place} broke off, or answered what is no proper HTTP"
                raise Stopped(failed(text, transient=True)) from None
        text = f"{address.place} could not be connected to, or has no certificate for its name"
        raise Stopped(failed(text, transient=True))

    async def _exchange(self, address: WebAddress, endpoint: Endpoint, most: int) -> Page | _Moved:
        """One request to exactly this endpoint, for exactly what was read of the address.

        By the transport alone: a client would read a redirect's address itself, follow it or not, and bring
        cookies, a proxy and a netrc into it.
        """
        async with httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False) as transport:
            response = await transport.handle_async_request(self._request(address, endpoint))
            try:
                return await _taken(response, address, most)
            finally:
                await response.aclose()

    def _request(self, address: WebAddress, endpoint: Endpoint) -> httpx.Request:
        timeout = self._borders.timeout
        return httpx.Request(
            "GET",
            httpx.URL(scheme=address.scheme, host=endpoint.address, port=endpoint.port),
            headers={
                "Host": address.place,
                "Accept": "text/*, application/json, application/xhtml+xml, application/xml",
                # What is not compressed cannot unfold beyond the bound.
                "Accept-Encoding": "identity",
                "User-Agent": "interlock",
                "Connection": "close",
            },
            extensions={
                "sni_hostname": address.host,
                # The first line asks for what was judged: httpx would write its own reading of it.
                "target": address.target.encode("ascii"),
                "timeout": httpx.Timeout(timeout, connect=min(_CONNECT, timeout / 2)).as_dict(),
                "trace": Door(self._borders.gate),
            },
        )


async def _taken(response: httpx.Response, address: WebAddress, most: int) -> Page | _Moved:
    if response.status_code in _MOVED:
        return _Moved(location=_location(response))
    if (bad := _bad(response.status_code, address)) is not None:
        raise Stopped(bad)
    kind = response.headers.get("Content-Type", "")
    if response.headers.get("Content-Encoding", "").strip().lower() not in ("", "identity"):
        raise Stopped(failed(f"{address.place} answered compressed, though it was asked not to"))
    if not is_text(kind):
        return no_text(str(address), kind)
    body = await _body(response, most)
    if body is None:
        raise Stopped(failed(f"{address.place} answered more than the {most} bytes that the route permits"))
    return await asyncio.to_thread(page, str(address), kind, body)


async def _body(response: httpx.Response, most: int) -> bytes | None:
    """None: it is longer than ``most`` bytes."""
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and int(length[:20]) > most:
        return None
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


def _location(response: httpx.Response) -> str:
    """Raises Malformed where it is none, or more than one."""
    locations = response.headers.get_list("Location")
    if len(locations) != 1:
        raise Malformed("the page redirects to nowhere, or to several addresses")
    location: str = locations[0]
    return location


def _next(address: WebAddress, location: str) -> WebAddress:
    """Raises Malformed: the redirect is strange, or leaves TLS behind."""
    moved = follow(address, location)
    if address.scheme == "https" and moved.scheme != "https":
        raise Malformed("the page redirects from https to http")
    return moved


def _bad(status: int, address: WebAddress) -> Answer | None:
    """The answer of a status that brings no page."""
    text = f"{address.place} answered HTTP {status}"
    if status in _LATER or status >= 500:
        return failed(text, transient=True)
    if 400 <= status < 500:
        return refused(text)
    return None if 200 <= status < 300 else failed(text)
