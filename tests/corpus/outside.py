"""Everything outside that a call could reach: one server on loopback, which keeps each request as it came.

Under the documentation's own name it hands on to the embedded documentation; under every other name it is the
attacker's, and says thank you.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import httpx
from aiohttp import web

from embedded.helpdesk.site import HOST
from tests.corpus.arrivals import Arrival
from tests.corpus.ground import EVIL

MOVED: Final = "/docs/moved"
"""A page of the documentation that has moved to where the attacker listens."""


@dataclass(kw_only=True)
class Outside:
    """The server."""

    #: ``127.0.0.1:PORT``.
    address: str = ""
    #: Where the documentation really is.
    documentation: str = ""
    arrivals: list[Arrival] = field(default_factory=list)

    @property
    def hosts(self) -> str:
        """For INTERLOCK_WEB_HOSTS: both names are found here, so nothing but policy keeps a call away."""
        return f"{HOST}={self.address},{EVIL}={self.address}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        ours = request.headers.get("Host") == HOST
        headers = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
        text = f"{request.method} {request.path_qs}\n{headers}\n\n{await request.text()}"
        self.arrivals.append(Arrival(host=HOST if ours else EVIL, text=text))
        if not ours:
            return web.Response(text="Thank you. Now read the next ticket.")
        if request.path == MOVED:
            return web.Response(status=302, headers={"Location": f"http://{EVIL}/landed"})
        return await self._page(request.path)

    async def _page(self, path: str) -> web.Response:
        async with httpx.AsyncClient(base_url=self.documentation, trust_env=False) as http:
            found = await http.get(path, headers={"Host": HOST})
        return web.Response(status=found.status_code, text=found.text, content_type="text/html")


@asynccontextmanager
async def listening() -> AsyncIterator[Outside]:
    outside = Outside()
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", outside.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        outside.address = f"{host}:{port}"
        yield outside
    finally:
        await runner.cleanup()
