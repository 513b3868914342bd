"""The break-glass process put together from its parts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from breakglass import acts, sessions
from breakglass.door import OPEN
from breakglass.pages.site import Site
from breakglass.parts import Parts
from gateway.auth import Door
from gateway.described import Described
from gateway.requests_log import RequestLog


class BreakGlass(Described):
    """The break-glass application."""


def create(parts: Parts) -> BreakGlass:
    """The application; it ends sessions for as long as it is served."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        duties = [asyncio.ensure_future(duty()) for duty in parts.duties]
        try:
            yield
        finally:
            # A write that is in hand is not torn off: what left is waited for, and its claim settled.
            await parts.hands.rest()
            for duty in duties:
                duty.cancel()
            await asyncio.gather(*duties, return_exceptions=True)
            await parts.ending.rest()
            for close in parts.closing:
                await close()

    app = BreakGlass(
        title="Interlock break-glass",
        summary="A person acts around the agents, with another's consent, for minutes.",
        routers=(sessions.router, acts.router),
        lifespan=lifespan,
        named={},
    )
    app.state.parts = parts
    # The last one added is the outermost.
    app.add_middleware(Door, who=parts.doorkeeper, open_to_all=OPEN)
    app.add_middleware(Site, parts=parts)
    app.add_middleware(RequestLog)
    return app
