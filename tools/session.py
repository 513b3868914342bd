"""A tool's HTTP session: the only place where a credential's value lives.

Built for one call, from one credential, towards one base URL. Nothing that leaves it holds a secret: no
reply, no sentence, no exception, no log line.
"""

import asyncio
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx

from contracts.action import Frozen
from contracts.credential import Credential
from contracts.digest import Json, canonical
from contracts.errors import Malformed
from contracts.secret import Secret
from contracts.toolbox import Answer, Gate, Scope
from tools.base_url import BaseUrl, Query
from tools.door import Door
from tools.outcomes import Service, of_read, of_write
from tools.reply import BODY_LIMIT, Broken, Reply, Stopped, reply
from tools.scrub import Scrubber

_CONNECT: Final = 5.0
"""Seconds for a connection, at most; half of the call's time where that is less."""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_OURS: Final = re.compile(
    r"host|connection|content-.*|transfer-encoding|accept|accept-.*|user-agent|cookie|te|upgrade|expect"
    r"|idempotency-key|if-.*|interlock-.*",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class WriteRequest:
    """A write as a tool describes it; the session sends it."""

    method: str
    #: A template, such as ``/tickets/{ticket_id}/close``.
    path: str
    parts: Mapping[str, str]
    query: Sequence[tuple[str, str]] = ()
    #: None: nothing is sent.
    body: Json = None


@dataclass(frozen=True, kw_only=True)
class ReadRequest:
    """A read that more than a path and a query says; of an operation whose tool file lets it."""

    #: ``GET``, ``HEAD``, or ``POST`` where the tool file says that the operation reads with it.
    method: str
    path: str
    parts: Mapping[str, str]
    query: Sequence[tuple[str, str]] = ()
    #: None: nothing is sent.
    body: Json = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """Whom a session talks to, and as whom."""

    base: BaseUrl
    service: Service
    credential: Credential
    #: Its token is a secret, and a plain text.
    scope: Scope = field(repr=False)
    scrubber: Scrubber
    #: Seconds that the call may take.
    timeout: float
    tls: ssl.SSLContext


class _Session:
    """One line, for one call."""

    __slots__ = ("__headers", "_base", "_deadline", "_scrubber", "_timeout", "_tls", "service")

    def __init__(self, line: Line, extra: Mapping[str, str]) -> None:
        """Raises Malformed when a header cannot be sent; the sentence holds no value."""
        credential, scope = line.credential, line.scope
        line.scrubber.know(credential.token, credential.value, Secret(scope.token))
        self.service, self._base, self._scrubber = line.service, line.base, line.scrubber
        self._timeout, self._tls, self._deadline = line.timeout, line.tls, 0.0
        ours = {"Interlock-Capability": scope.token, "Interlock-Request-Id": scope.request_id, **extra}
        check_header(credential)
        _check_value(f"the credential {credential.scope}", credential.value.reveal())
        for name, value in ours.items():
            _check_value(name, value)
        # Secrets until the moment of sending: whoever prints this object's slots reads no value.
        self.__headers = {
            credential.header: credential.value,
            **{name: Secret(value) for name, value in ours.items()},
        }

    async def _exchange(self, method: str, url: httpx.URL, body: bytes | None, gate: Gate) -> Reply | Broken:
        """One request, one answer; httpx's errors end here, since they hold the request and its headers.

        Raises what the gate raises: then no byte of the request has left.
        """
        # Asked here as well, so that what is stopped is not even connected to.
        await gate()
        door = Door(gate)
        try:
            async with (
                asyncio.timeout(self._left()),
                self._client() as client,
                client.stream(
                    method,
                    url,
                    headers=self._headers(body),
                    content=body,
                    extensions={"trace": door},
                ) as response,
            ):
                return await self._taken(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return Broken.UNSENT
        except (TimeoutError, httpx.TimeoutException):
            return Broken.SLOW if door.opened else Broken.UNSENT
        # InvalidURL: httpx reads the address of a redirect even where it follows none.
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError):
            return Broken.LOST

    def _client(self) -> httpx.AsyncClient:
        """A client of its own: no kept connection that may have died, no cookie, no proxy from outside."""
        connect = min(_CONNECT, self._timeout / 2)
        return httpx.AsyncClient(
            timeout=httpx.Timeout(self._timeout, connect=connect, pool=connect),
            verify=self._tls,
            trust_env=False,
            follow_redirects=False,
        )

    def _headers(self, body: bytes | None) -> dict[str, str]:
        kind = {} if body is None else {"Content-Type": "application/json"}
        return {
            "Accept": "application/json, application/problem+json",
            # What is not compressed cannot unfold beyond the bound.
            "Accept-Encoding": "identity",
            "User-Agent": "interlock",
            **kind,
            **{name: value.reveal() for name, value in self.__headers.items()},
        }

    def _left(self) -> float:
        """Seconds left of the call, which starts with its first request."""
        now = asyncio.get_running_loop().time()
        self._deadline = self._deadline or now + self._timeout
        return max(0.0, self._deadline - now)

    async def _taken(self, response: httpx.Response) -> Reply | Broken:
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > BODY_LIMIT:
                return Broken.OVERSIZE
        headers = response.headers
        return reply(
            status=response.status_code,
            etag=headers.get("ETag", ""),
            body=bytes(body),
            kind=headers.get("Content-Type", ""),
            encoding=headers.get("Content-Encoding", "").strip().lower(),
            scrubber=self._scrubber,
        )


class ReadSession(_Session):
    """What a tool's code gets: it can get, and nothing else unless it was made for one that posts."""

    __slots__ = ("_gate", "_methods")

    def __init__(self, line: Line, *, posts: bool = False) -> None:
        super().__init__(line, {})
        self._gate = line.scope.gate
        self._methods = frozenset({"GET", "HEAD", "POST"} if posts else {"GET", "HEAD"})

    async def get(
        self, path: str, *, parts: Mapping[str, str] | None = None, query: Query | None = None
    ) -> Reply:
        """A good reply (2xx). Raises Stopped with any other's answer; Malformed where a part would climb."""
        url = self._base.url(path, parts or {}, query or {})
        return self._good(await self._exchange("GET", url, None, self._gate))

    async def ask(self, request: ReadRequest) -> Reply:
        """As ``get``; raises Malformed where this session is not for the request's method."""
        return self._good(await self._asked(request))

    async def seek(self, request: ReadRequest) -> Reply | None:
        """As ``ask``; None where the service has nothing there (404)."""
        result = await self._asked(request)
        absent = isinstance(result, Reply) and result.status == httpx.codes.NOT_FOUND
        return None if absent else self._good(result)

    async def _asked(self, request: ReadRequest) -> Reply | Broken:
        if request.method not in self._methods:
            raise Malformed(f"{request.method} is no way to read here")
        url = self._base.url(request.path, request.parts, request.query)
        body = None if request.body is None else canonical(request.body)
        return await self._exchange(request.method, url, body, self._gate)

    def _good(self, result: Reply | Broken) -> Reply:
        ended = of_read(result, self.service)
        if isinstance(ended, Answer):
            raise Stopped(ended)
        return ended


class WriteSession(_Session):
    """What sends a frozen action: its key and its version are part of the session."""

    __slots__ = ("_body", "_method", "_url")

    def __init__(self, line: Line, frozen: Frozen, request: WriteRequest) -> None:
        """Raises Malformed where the request cannot be sent as it is: later, only the network can fail."""
        conditional = {"If-Match": frozen.target_version} if frozen.target_version else {}
        super().__init__(line, {"Idempotency-Key": frozen.idempotency_key, **conditional})
        self._method = request.method
        self._url = line.base.url(request.path, request.parts, request.query)
        self._body = None if request.body is None else canonical(request.body)

    async def send(self, gate: Gate) -> Reply | Answer:
        """Send it: the good reply (2xx), or how it ended otherwise. Each call sends, with the same key."""
        self._deadline = 0.0
        return of_write(await self._exchange(self._method, self._url, self._body, gate), self.service)


def check_header(credential: Credential) -> None:
    """Raises Malformed where the credential names a header that is ours, or none."""
    if not _NAME.fullmatch(credential.header) or _OURS.fullmatch(credential.header):
        raise Malformed(f"the credential {credential.scope} names a header that it may not set")


def _check_value(name: str, value: str) -> None:
    """Checked before a request is built: httpx would repeat the value in its error."""
    if not _VALUE.fullmatch(value):
        raise Malformed(f"{name} holds characters that no header carries; only visible ASCII is sent")
