"""The gateway's world with its pages: people with passkeys, browsers that sign in, actions that wait."""

import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx

from adapters.passkeys import WebAuthnReader
from adapters.sessions import StoreSessions
from contracts.passkey import Passkey
from contracts.tokens import Purpose
from gateway.app import Gateway, create
from gateway.pages.local_login import LocalLogin
from gateway.parts import PagesApp
from policies.pages import Pages
from policies.people import People
from tests.browsing import Browser, form
from tests.integration.test_gateway_world import ENV, PAGES, PEOPLE, PURGE, Asking, World, opened

FORM: Final = form(PAGES)


def with_pages(world: World, url: str = PAGES) -> Gateway:
    """The world's application, which has pages at that address."""
    at = Pages.at(url)
    assert at is not None
    world.parts = replace(world.parts, pages=_pages(world, at))
    return create(world.parts)


def _pages(world: World, at: Pages) -> PagesApp:
    return PagesApp(
        at=at,
        identity=LocalLogin(world.verifier, ENV),
        sessions=StoreSessions(world.stores["gateway"], world.clock),
        passkeys=WebAuthnReader(at),
    )


def login_code(world: World, name: str = "ada", **claims: Any) -> str:
    """What ``interlock login`` prints, but for what a test says."""
    known = {
        "kind": "login",
        "sub": f"principal:{name}",
        "env": ENV,
        "exp": int(time.time()) + 300,
        "jti": secrets.token_urlsafe(18),
    }
    return world.signer.sign(Purpose.CALLERS, known | claims)


@asynccontextmanager
async def browsing(directory: Path | str, *names: str) -> AsyncIterator[tuple[World, list[Browser]]]:
    """A world with pages and no passkey, and a browser for each name, in which that person is signed in."""
    async with opened(directory) as world:
        app = with_pages(world)
        await give_passkeys(world, {})
        browsers = [browser(app) for _ in names]
        for name, one in zip(names, browsers, strict=True):
            assert (await one.sign_in(login_code(world, name))).status_code == 303
        yield world, browsers
        for one in browsers:
            await one.http.aclose()


def browser(app: Gateway, url: str = PAGES) -> Browser:
    return Browser(http=httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=url))


async def give_passkeys(world: World, passkeys: Mapping[str, Passkey]) -> None:
    """Publish the people file with these passkeys, by whose they are, and no other."""
    named = {f"principal:{name}": (passkey,) for name, passkey in passkeys.items()}
    people = People(
        people=tuple(replace(one, passkeys=named.get(one.principal, ())) for one in PEOPLE.people)
    )
    await world.documents.publish(ENV, "people", "people", people.document(), actor="op:test")


DESTROYING: Final = Asking(spec=PURGE, needed=2)
"""A destructive action, which waits for two people."""
