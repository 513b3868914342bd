"""The pages' own door: which requests are theirs, what every answer of theirs carries, how they fail."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.pages import listing, one_approval, passkeys, sign_in, visits
from gateway.pages.drawing import fault_page
from gateway.pages.faults import Fault, absent, fault_of
from gateway.parts import PagesApp
from gateway.requests_log import places
from gateway.walls import refusal
from policies.pages import Pages

LOG: Final = structlog.get_logger("gateway.pages")

_STATIC: Final = Path(__file__).parent / "static"
_ASSETS: Final = {"page.css": "text/css", "page.js": "text/javascript"}
_SHARED: Final = frozenset({"sign-in", "sign-out", "passkeys", "static"})
"""First segments of paths that every process's pages have, beside the root."""

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # With `no-referrer` browsers say `Origin: null` in our own forms. Nobody else learns an address of ours:
    # no page loads from elsewhere or links there.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every answer."""


APPROVALS: Final = (
    Route("/approvals", listing.show, methods=["GET"]),
    Route("/approvals/{approval_id}", one_approval.show, methods=["GET"]),
    Route("/approvals/{approval_id}/decision", one_approval.decide, methods=["POST"]),
)
"""The gateway's own pages."""


class Site:
    """ASGI middleware: pages are answered here, by session; all else goes on to the API, by token."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        pages: PagesApp | None,
        routes: Sequence[Route] = APPROVALS,
        setting: str = "INTERLOCK_PAGES",
    ) -> None:
        """``routes``: of this process alone, before those of all; ``setting``: where the pages are named."""
        self._app = app
        self._pages = pages
        self._setting = setting
        self._ours = _SHARED | {route.path.split("/")[1] for route in routes}
        self._router = Router(
            [
                *routes,
                Route("/", self._root, methods=["GET"]),
                Route("/sign-in", sign_in.ask, methods=["GET"]),
                Route("/sign-in", sign_in.finish, methods=["POST"]),
                Route("/sign-out", sign_in.leave, methods=["POST"]),
                Route("/passkeys", passkeys.show, methods=["GET"]),
                Route("/passkeys", passkeys.made, methods=["POST"]),
                Route("/static/{name}", _asset, methods=["GET"]),
            ],
            redirect_slashes=False,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._own(scope["path"]):
            await self._app(scope, receive, send)
        elif self._pages is None:
            answer = PlainTextResponse(f"There are no pages here: {self._setting} names no address.\n", 404)
            await answer(scope, receive, _dressed(send))
        else:
            await self._answer(self._pages, scope, receive, _dressed(send))

    def _own(self, path: str) -> bool:
        """Whether a path is a page's, or would be one's."""
        return path == "/" or not self._ours.isdisjoint(path.split("/")[1:2])

    async def _root(self, _: Request) -> Response:
        assert self._pages is not None  # noqa: S101 - without pages nothing is routed
        return RedirectResponse(self._pages.look.home, 303)

    async def _answer(self, pages: PagesApp, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            _check_host(Headers(scope=scope), pages.at)
            if (refused := refusal(scope)) is not None:
                raise refused
            await self._router(scope, receive, noting)
        except Exception as error:
            # Whatever it is, a browser gets a page with a sentence, and the log its kind and place alone.
            if begun:
                raise
            fault = fault_of(error)
            if fault is None:
                LOG.error("page failed", error=type(error).__name__, at=places(error))
                fault = Fault(500, "Our side failed on this page; its log names the place.")
            visit = scope.get("state", {}).get("visit")
            response = fault_page(fault, visit, pages)
            if fault.status == 401:
                visits.remember(response, pages, scope["path"])
            await response(scope, receive, send)


def _check_host(headers: Headers, pages: Pages) -> None:
    """A name that somebody else points at us gets no page: their scripts would share its origin."""
    host = headers.getlist("host")
    if len(host) != 1 or host[0].lower() != pages.authority:
        raise Fault(421, "Open them at the address below.")


def _dressed(send: Send) -> Send:
    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(HEADERS)
        await send(message)

    return dressed


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _ASSETS:
        raise absent()
    return FileResponse(_STATIC / name, media_type=_ASSETS[name])
