"""Where a host is: its addresses, asked for once, all of them judged before any is connected to."""

import asyncio
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Final, Protocol

from contracts.errors import Malformed
from policies.web_address import WebAddress, read_host
from tools.internet import is_open
from tools.outcomes import failed
from tools.reply import Stopped

_TRIED: Final = 3
"""Addresses of one name that are tried, where the ones before cannot be reached."""
_GIVEN: Final = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<four>[0-9.]+)):(?P<port>[1-9][0-9]{0,4})")


class Resolver(Protocol):
    """Names to addresses."""

    async def addresses(self, host: str) -> Sequence[str]:
        """Every address of a host, as numbers; none where it has none. Raises OSError or TimeoutError."""
        ...


class SystemResolver:
    """Implements ``Resolver`` by the system's own, in threads that only names wait in."""

    def __init__(self, timeout: float = 5.0) -> None:
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="names")

    async def addresses(self, host: str) -> Sequence[str]:
        # The dot says that the name is whole: no search domain is put behind it.
        ask = partial(socket.getaddrinfo, f"{host}.", None, type=socket.SOCK_STREAM)
        asked = asyncio.get_running_loop().run_in_executor(self._threads, ask)
        found = await asyncio.wait_for(asked, self._timeout)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where a connection goes."""

    #: As numbers.
    address: str
    port: int


class Places:
    """Finds hosts: those of the operator's own net where the settings say, any other by its name."""

    def __init__(
        self, resolver: Resolver, own: Mapping[str, str], *, judge: Callable[[str], bool] = is_open
    ) -> None:
        """What the settings say of one's own hosts is taken; every other address is judged.

        Args:
            resolver: asked for every other host.
            own: ``address:port`` by host.
            judge: whether an address is of the open internet.

        Raises:
            Malformed: one of ``own`` is no host, or no address with a port.
        """
        self._resolver, self._judge = resolver, judge
        self._own = {_host(host): _endpoint(host, where) for host, where in own.items()}

    async def find(self, address: WebAddress) -> tuple[Endpoint, ...]:
        """Where to connect to, the first choice first.

        Raises:
            Stopped: the host is not found, or any of its addresses is not of the open internet.
        """
        own = self._own.get(address.host)
        if own is not None:
            return (own,)
        found = await self._resolved(address.host)
        if not all(map(self._judge, found)):
            raise Stopped(
                failed(f"{address.host} has an address that is not of the open internet: nothing was sent")
            )
        # IPv4 first: a machine without IPv6 finds out only by trying.
        chosen = sorted(found, key=lambda text: ":" in text)[:_TRIED]
        return tuple(Endpoint(address=text, port=address.port or 0) for text in chosen)

    async def _resolved(self, host: str) -> Sequence[str]:
        try:
            found = await self._resolver.addresses(host)
        except (OSError, TimeoutError, UnicodeError):
            found = ()
        if not found:
            raise Stopped(failed(f"{host} was not found: nothing was sent", transient=True))
        return found


def _host(text: str) -> str:
    try:
        host, port = read_host(text)
    except Malformed as error:
        raise Malformed(f"INTERLOCK_WEB_HOSTS: {error.sentence}") from error
    if port is not None:
        raise Malformed(f"INTERLOCK_WEB_HOSTS: {host} is written without a port; the address has one")
    return host


def _endpoint(host: str, text: str) -> Endpoint:
    found = _GIVEN.fullmatch(text)
    try:
        if found is None or int(found["port"]) > 65_535:
            raise ValueError
        return Endpoint(address=str(ip_address(found["six"] or found["four"])), port=int(found["port"]))
    except ValueError:
        raise Malformed(
            f"INTERLOCK_WEB_HOSTS: {host} is at an address of numbers and a port, such as 10.0.0.7:443"
        ) from None
