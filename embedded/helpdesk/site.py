"""A small documentation on the web: the knowledge base's articles as pages, and pages written by hand.

It is public, so it asks for no key; it has a host of its own, by which a request is told from the helpdesk's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any, Final

import yaml
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from embedded.helpdesk import knowledge
from embedded.helpdesk.database import Database

HOST: Final = "docs.interlock.test"
_ROOT: Final = "/docs/"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One page."""

    title: str
    #: HTML.
    body: str


class Site:
    """In front of the helpdesk: answers what asks for the documentation's host, and lets all else through."""

    def __init__(self, app: ASGIApp, *, database: Database) -> None:
        self._app, self._database = app, database
        self._written = dict(_written())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or Headers(scope=scope).get("host", "").partition(":")[0] != HOST:
            await self._app(scope, receive, send)
            return
        response = await run_in_threadpool(self._response, Request(scope))
        await response(scope, receive, send)

    def _response(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return HTMLResponse(_page(Entry(title="Only to be read", body="")), status_code=405)
        found = self._entry(request.url.path)
        if found is None:
            return HTMLResponse(_page(Entry(title="There is no such page", body="")), status_code=404)
        return HTMLResponse(_page(found))

    def _entry(self, path: str) -> Entry | None:
        with self._database.reading() as connection:
            articles = {
                one.id: Entry(title=one.title, body=f"<p>{escape(one.body)}</p>")
                for one in knowledge.every(connection)
            }
        entries = articles | self._written
        if path == _ROOT:
            return Entry(title="Documentation", body=_contents(entries))
        return entries.get(path.removeprefix(_ROOT)) if path.startswith(_ROOT) else None


def _written() -> Iterator[tuple[str, Entry]]:
    """The pages of ``world/pages.yaml``, by name."""
    text = files("embedded.helpdesk").joinpath("world", "pages.yaml").read_text("utf-8")
    pages: dict[str, Any] = yaml.safe_load(text)
    for name, page in pages.items():
        yield name, Entry(title=page["title"], body=page["html"])


def _contents(entries: Mapping[str, Entry]) -> str:
    lines = (
        f'<li><a href="{_ROOT}{escape(name)}">{escape(entry.title)}</a></li>'
        for name, entry in entries.items()
    )
    return f"<ul>{''.join(lines)}</ul>"


def _page(entry: Entry) -> str:
    title = escape(entry.title)
    return (
        f'<!doctype html><html lang="en"><head><title>{title}</title></head>'
        f"<body><h1>{title}</h1>{entry.body}</body></html>"
    )
