"""The gateway put together from its parts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from fastapi import FastAPI

from gateway import (
    approvals,
    break_glass,
    breakers,
    care,
    codec,
    events,
    operations,
    outbox,
    runs,
    slack,
    slack_commands,
    switches,
    undo,
    why,
)
from gateway.auth import Door, known
from gateway.codec import CodecCors
from gateway.described import Described
from gateway.event_shapes import Event
from gateway.pages.site import Site
from gateway.parts import Parts
from gateway.requests_log import RequestLog
from gateway.walls import Walls

_ROUTERS: Final = (
    runs.router,
    undo.router,
    events.router,
    why.router,
    # Its path is one of an approval's too: it is matched first.
    care.router,
    approvals.router,
    slack.router,
    slack_commands.router,
    switches.router,
    breakers.router,
    break_glass.router,
    outbox.router,
    operations.router,
    codec.router,
)


class Gateway(Described):
    """The gateway's application."""


def create(parts: Parts) -> Gateway:
    """The application; its background work runs for as long as it is served."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        duties = [asyncio.create_task(duty.run()) for duty in (parts.drain, parts.resumer)]
        try:
            yield
        finally:
            for duty in duties:
                duty.cancel()
            await asyncio.gather(*duties, return_exceptions=True)
            for close in parts.closing:
                await close()

    app = Gateway(
        title="Interlock",
        summary="Start agent runs, decide on their writes, see what happened.",
        routers=_ROUTERS,
        lifespan=lifespan,
        named={"Event": Event},
    )
    app.state.parts = parts
    # The last one added is the outermost.
    app.add_middleware(Door, who=partial(known, parts.verifier, parts.env))
    app.add_middleware(Site, pages=parts.pages)
    if parts.temporal_ui:
        app.add_middleware(CodecCors, origin=parts.temporal_ui)
    app.add_middleware(Walls, attempts=parts.attempts)
    app.add_middleware(RequestLog)
    return app
