"""A server that keeps what it was asked and answers as badly as it is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from tools.reply import BODY_LIMIT

TICKET = {
    "id": "T-18421",
    "subject": "Password reset loops",
    "body": "It loops.",
    "status": "open",
    "priority": "high",
    "customer_id": "C-1",
    "requester": {"name": "Jane Doe", "email": "jane@example.com"},
    "tags": ["login"],
    "conversation": [{"author": "Jane Doe", "at": "2026-10-05T07:30:00.000Z", "text": "Thanks, solved."}],
    "version": 3,
    "resolution": None,
}


@dataclass(kw_only=True)
class Request:
    """A request as it came over the wire."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for found, value in self.headers if found.lower() == name.lower()]


Behaviour = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


def said(
    status: int,
    body: object = None,
    *,
    raw: bytes | None = None,
    kind: str = "application/json",
    **headers: str,
) -> Behaviour:
    """Answer with this."""
    data = raw if raw is not None else json.dumps(body).encode()
    fields = {"Content-Type": kind, "Content-Length": str(len(data)), "Connection": "close"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + data)
        await writer.drain()

    return answer


async def disconnect(_: Request, __: asyncio.StreamWriter) -> None:
    """Take the request and say nothing."""


async def hang(_: Request, __: asyncio.StreamWriter) -> None:
    """Take the request and never answer."""
    await asyncio.sleep(30)


async def drip(_: Request, writer: asyncio.StreamWriter) -> None:
    """Never silent long enough for a read time-out, and never done."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def half(_: Request, writer: asyncio.StreamWriter) -> None:
    """Break off in the middle of the body."""
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"id": ')


async def garbage(_: Request, writer: asyncio.StreamWriter) -> None:
    """Speak something else than HTTP."""
    writer.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")


async def flood(_: Request, writer: asyncio.StreamWriter) -> None:
    """Send a body without end."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"%x\r\n" % 65_536 + b"x" * 65_536 + b"\r\n"
    for _step in range(4 * BODY_LIMIT // 65_536):
        writer.write(chunk)
        await writer.drain()


@dataclass(kw_only=True)
class Hostile:
    """A server that keeps what it was asked and behaves as it is told."""

    port: int = 0
    read: Behaviour = field(default_factory=lambda: said(200, TICKET, ETag='"3"'))
    write: Behaviour = field(default_factory=lambda: said(200, TICKET | {"status": "closed", "version": 4}))
    requests: list[Request] = field(default_factory=list)
    #: A task for each connection.
    serving: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def writes(self) -> list[Request]:
        return [request for request in self.requests if not request.line.startswith("GET ")]

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serving.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await read_request(reader)
            self.requests.append(request)
            await (self.read if request.line.startswith("GET ") else self.write)(request, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client hung up, as several tests want
        finally:
            writer.close()


async def read_request(reader: asyncio.StreamReader) -> Request:
    """One request as it came."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in head[1:] if line)]
    request = Request(line=head[0], headers=headers, body=b"")
    length = request.all("content-length")
    return replace(request, body=await reader.readexactly(int(length[0])) if length else b"")


@asynccontextmanager
async def serving(hostile: Hostile) -> AsyncIterator[None]:
    server = await asyncio.start_server(hostile.accept, "127.0.0.1", 0)
    hostile.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()
        for task in hostile.serving:
            task.cancel()
        await asyncio.gather(*hostile.serving, return_exceptions=True)
