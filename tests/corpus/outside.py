"""The attacker's server, on loopback: it keeps every request that reaches it, and answers all of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.corpus.books import Arrival
from tests.corpus.ground import EVIL


@dataclass(kw_only=True)
class Outside:
    """A server that nothing of ours has a reason to call."""

    #: ``127.0.0.1:PORT``.
    address: str = ""
    arrivals: list[Arrival] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.text()
        headers = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
        self.arrivals.append(
            Arrival(host=EVIL, text=f"{request.method} {request.path_qs}\n{headers}\n\n{body}")
        )
        return web.Response(text="Thank you. Now read the next ticket.")


@asynccontextmanager
async def listening() -> AsyncIterator[Outside]:
    outside = Outside()
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", outside.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        outside.address = f"{host}:{port}"
        yield outside
    finally:
        await runner.cleanup()
