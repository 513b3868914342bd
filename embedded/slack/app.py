"""The stand-in as one ASGI application: Web API, response_url, control interface and page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.staticfiles import StaticFiles

from embedded.slack import control, page, responses, web_api
from embedded.slack.checks import Json
from embedded.slack.commands import Commands
from embedded.slack.delivery import Courier
from embedded.slack.interactions import Interactions
from embedded.slack.workspace import Workspace

HOST: Final = "127.0.0.1"


def build(workspace: Workspace) -> FastAPI:
    """The application over that workspace, which the caller opens and closes."""
    # Neither the machine's proxies nor a redirect may lead a signed click elsewhere.
    client = httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=None)  # noqa: S113  bounded by ack_seconds

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with client:
            yield

    app = FastAPI(title="Slack stand-in", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    # A foreign name that resolves to this address must not read or act here.
    own = urlsplit(workspace.base_url).hostname or HOST
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost", own])
    courier = Courier(workspace, client)
    interactions, commands = Interactions(workspace, courier), Commands(workspace, courier)
    app.include_router(web_api.router(workspace))
    app.include_router(responses.router(workspace))
    app.include_router(control.router(workspace, interactions, commands))
    app.include_router(page.router(workspace, interactions, commands))
    app.mount("/static", StaticFiles(directory=page.HERE / "static"), name="static")

    @app.get("/healthz")
    async def healthz() -> Json:
        return {"ok": True, "team": workspace.settings.team}

    return app
