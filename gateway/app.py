"""The gateway put together from its parts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from contracts.errors import InterlockError
from gateway import (
    approvals,
    breakers,
    care,
    codec,
    events,
    faults,
    operations,
    outbox,
    runs,
    slack,
    slack_commands,
    switches,
    undo,
    why,
)
from gateway.auth import Door
from gateway.codec import CodecCors
from gateway.event_shapes import Event
from gateway.pages.site import Site
from gateway.parts import Parts
from gateway.problems import Problem, ProblemDocument, answer
from gateway.requests_log import RequestLog

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
    outbox.router,
    operations.router,
    codec.router,
)
_API: Final = tuple(route for router in _ROUTERS for route in router.routes if isinstance(route, APIRoute))


class Gateway(FastAPI):
    """FastAPI with those components that routes name by reference alone: the problem and the event."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            schema = super().openapi()
            components = schema.setdefault("components", {}).setdefault("schemas", {})
            for name, model in (("Problem", ProblemDocument), ("Event", Event)):
                named = model.model_json_schema(
                    ref_template="#/components/schemas/{model}", mode="serialization"
                )
                for inner, definition in named.pop("$defs", {}).items():
                    components.setdefault(inner, definition)
                components[name] = named
        return super().openapi()


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
        version="1",
        summary="Start agent runs, decide on their writes, see what happened.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.parts = parts
    for kind in (Problem, InterlockError, ClientDisconnect):
        app.add_exception_handler(kind, answer)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(RequestValidationError, faults.answer)
    for router in _ROUTERS:
        app.include_router(router)
    # The last one added is the outermost.
    app.add_middleware(Door, verifier=parts.verifier, env=parts.env)
    app.add_middleware(Site, pages=parts.pages)
    if parts.temporal_ui:
        app.add_middleware(CodecCors, origin=parts.temporal_ui)
    app.add_middleware(RequestLog)
    return app


async def _answer_http(request: Request, error: Exception) -> Response:
    """The framework's own answers; its 405 names one route's methods where a path may have several routes."""
    response = await answer(request, error)
    allowed = {method for route in _API for method in _methods(route, request.url.path)}
    if response.status_code == 405 and allowed:
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def _methods(route: APIRoute, path: str) -> set[str]:
    return route.methods or set() if route.path_regex.match(path) else set()
