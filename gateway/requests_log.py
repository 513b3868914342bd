"""The outermost layer of a request: one log line for each, and a problem document where our code failed."""

import time
import traceback
from typing import Any, Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.problems import internal
from gateway.walls import shown

LOG: Final = structlog.get_logger("gateway.requests")

_FRAMES: Final = 4


class RequestLog:
    """ASGI middleware. Lines name method, path and status; never a query, a header or a body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            # The line names the place. The message stays out: it may quote what the request held.
            LOG.error("request failed", error=type(error).__name__, at=places(error))
            if status:
                raise
            await internal().response()(scope, receive, noting)
        LOG.info("request", **_line(scope, status, began))


def _line(scope: Scope, status: int, began: float) -> dict[str, Any]:
    principal = scope.get("state", {}).get("principal")
    return {
        "method": scope["method"],
        "path": shown(scope["path"]),
        "status": status,
        "ms": round((time.monotonic() - began) * 1_000),
        "principal": None if principal is None else principal.subject,
    }


def places(error: Exception) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
