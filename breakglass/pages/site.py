"""The door of these pages: what is theirs beside what every process's pages have."""

from typing import Final

from starlette.routing import Route
from starlette.types import ASGIApp

from breakglass.pages import agreeing, asking, login, one_act, one_session
from breakglass.parts import Parts
from gateway.pages.site import Site as AnySite

_ROUTES: Final = (
    Route("/sign-in", login.ask, methods=["GET"]),
    Route("/sessions", asking.show, methods=["GET"]),
    Route("/sessions", asking.ask, methods=["POST"]),
    Route("/sessions/{session_id}", one_session.show, methods=["GET"]),
    Route("/sessions/{session_id}/consent", agreeing.consent, methods=["POST"]),
    Route("/sessions/{session_id}/close", agreeing.close, methods=["POST"]),
    Route("/sessions/{session_id}/acts", one_act.propose, methods=["POST"]),
    Route("/sessions/{session_id}/confirm", one_act.confirm, methods=["POST"]),
    Route("/sessions/{session_id}/outcome", one_act.settle, methods=["POST"]),
)


class Site(AnySite):
    """ASGI middleware: pages by session; the API goes on to its own door, by token."""

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        super().__init__(app, pages=parts.pages, routes=_ROUTES, setting="INTERLOCK_BREAK_GLASS_PAGES")
