"""Serves an application over HTTP until a signal ends it."""

from typing import Final

import uvicorn
from starlette.types import ASGIApp

_DRAIN_SECONDS: Final = 2


async def serve(app: ASGIApp, *, host: str, port: int) -> None:
    """It logs its own requests: the server's lines would hold queries."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    await uvicorn.Server(config).serve()
