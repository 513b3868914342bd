"""Browsers of people on the pages of break-glass."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from breakglass.app import create
from contracts.digest import Json
from contracts.tokens import Purpose
from tests.browsing import Browser, csrf, signed
from tests.integration.break_glass.glass_world import PAGES, GlassWorld
from tests.integration.test_gateway_world import SIGNING


def login_code(life: GlassWorld, name: str, **claims: Any) -> str:
    """What ``interlock break-glass login`` prints, but for what a test says."""
    purpose = claims.pop("purpose", Purpose.BREAK_GLASS_LOGIN)
    return life.token(name, purpose=purpose, **{"kind": "login"} | claims)


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """A person's browser on these pages."""

    browser: Browser

    async def see(self, session: Json) -> str:
        return (await self.browser.see(f"/sessions/{session['session_id']}")).text

    async def send(self, session: Json | None, form: str, **fields: str) -> httpx.Response:
        """A form as its page was shown, with these fields."""
        page = "/sessions" if session is None else f"/sessions/{session['session_id']}"
        shown = await self.browser.see(page)
        return await self.browser.send(f"{page}/{form}".rstrip("/"), {"csrf": csrf(shown)} | fields)

    async def consent(self, session: Json, name: str, **changed: str) -> httpx.Response:
        digest = session["opening_digest"]
        known = {"opening_digest": digest, "assertion": signed(SIGNING[name].sign(digest, PAGES))}
        return await self.send(session, "consent", **known | {"decision": "consent"} | changed)

    async def propose(self, session: Json, arguments: str = '{"ticket_id": "T-1"}') -> httpx.Response:
        key = hidden(await self.see(session), "key")
        return await self.send(session, "acts", tool="ticket.close", arguments=arguments, key=key)

    async def confirm(self, session: Json, target: str = "T-1", **changed: str) -> httpx.Response:
        shown = await self.see(session)
        known = {name: hidden(shown, name) for name in ("act", "action_digest")}
        return await self.send(session, "confirm", **known | {"target": target} | changed)


def hidden(shown: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', shown)
    return found[1] if found else ""


@asynccontextmanager
async def visiting(life: GlassWorld, *names: str) -> AsyncIterator[list[Visitor]]:
    """A browser for each of these people, who are signed in."""
    app = create(life.processes[-1].parts)
    transport = httpx.ASGITransport(app=app)
    clients = [httpx.AsyncClient(transport=transport, base_url=PAGES) for _ in names]
    visitors = [Visitor(browser=Browser(http=http, origin=PAGES)) for http in clients]
    for name, visitor in zip(names, visitors, strict=True):
        if name:
            signed_in = await visitor.browser.sign_in(login_code(life, name))
            assert signed_in.status_code == 303, signed_in.text
    yield visitors
    for http in clients:
        await http.aclose()


FORM: Mapping[str, str] = {
    "tenant": "acme",
    "tools": "ticket.close\n",
    "minutes": "10",
    "reason": "The queue of Acme is stuck.",
    "overrides": "",
}
"""Of an opening."""
