"""The pages of break-glass in a real browser: a device consents, and each is looked at."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, Page, expect
from starlette.types import ASGIApp

from breakglass.app import create
from contracts.digest import Json
from contracts.passkey import Passkey
from policies.people import People
from tests.integration.break_glass.glass_pages import login_code
from tests.integration.break_glass.glass_world import PEOPLE, GlassWorld
from tests.integration.chromium import PHONE, WIDE, WITH_CHROMIUM, authenticator, faults_of, launched
from tests.integration.served_world import Served, served
from tests.integration.test_gateway_world import World
from tests.laws.test_sending import LOST

pytestmark = WITH_CHROMIUM


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@dataclass(frozen=True, kw_only=True)
class Site:
    """Pages at an address of their own."""

    url: str
    at: Served
    life: GlassWorld

    def do(self, work: Any) -> Any:
        return self.at.do(work)

    def opened(self, **changed: Any) -> Json:
        found: Json = self.do(self.life.opened(**changed))
        return found


@contextmanager
def site(directory: Path) -> Iterator[Site]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url, lives = f"http://localhost:{port}", []

    def glassed(world: World) -> ASGIApp:
        lives.append(GlassWorld(world=world, pages=url))
        return create(lives[0].begin().parts)

    with served(directory, glassed, port=port) as at:
        found = Site(url=url, at=at, life=lives[0])
        found.do(found.life.publish())
        yield found
        found.do(found.life.http.aclose())


def sign_in(page: Page, at: Site, name: str) -> None:
    page.goto(f"{at.url}/sign-in?code={login_code(at.life, name)}")
    page.get_by_role("button", name=f"Sign in as {name.capitalize()}").click()
    expect(page.get_by_text(f"Signed in as {name.capitalize()}")).to_be_visible()


def test_a_device_consents_and_the_opener_needs_no_script(chromium: Browser, tmp_path: Path) -> None:
    """A passkey made on these pages opens the session; asking, acting and closing run without scripts."""
    with site(tmp_path) as at:
        context = chromium.new_context(java_script_enabled=False)
        ada, grace = context.new_page(), chromium.new_context().new_page()
        sign_in(ada, at, "ada")
        ada.get_by_label("Tenant").select_option("acme")
        ada.get_by_label("Tools, one a line").fill("ticket.close")
        ada.get_by_label("Minutes, 30 at most").fill("10")
        ada.get_by_label("Why, in one line").fill("The queue of Acme is stuck.")
        ada.get_by_role("button", name="Ask for it").click()
        expect(ada.get_by_text("A second person of the group has to consent")).to_be_visible()

        sign_in(grace, at, "grace")
        authenticator(grace)
        at.do(at.life.publish(_enrolled(grace, at)))
        grace.goto(ada.url)
        grace.get_by_role("button", name="Consent with passkey, for acme").click()
        expect(grace.get_by_role("heading", name="Open", exact=True)).to_be_visible()

        ada.reload()
        ada.get_by_label("Arguments, as a JSON object").fill('{"ticket_id": "T-1"}')
        ada.get_by_role("button", name="Show what it would change").click()
        ada.get_by_label("To let it happen, type its target").fill("T-1")
        ada.get_by_role("button", name="Do it, for acme").click()
        expect(ada.get_by_text("Done.", exact=True)).to_be_visible()
        assert at.life.target.sends == 1
        ada.get_by_role("button", name="Close it now").click()
        expect(ada.get_by_role("heading", name="Closed")).to_be_visible()
        context.close()


def _enrolled(page: Page, at: Site) -> People:
    """The people file with Grace's device, which she makes on the page of passkeys."""
    page.goto(f"{at.url}/passkeys")
    page.get_by_label("What do you call this device?").fill("Grace's phone")
    page.get_by_role("button", name="Make a passkey").click()
    lines = yaml.safe_load(page.locator("#lines").inner_text())
    (made,) = lines["people"]["principal:grace"]["passkeys"]
    passkey = Passkey(credential_id=made["id"], public_key=made["public_key"], name=made["name"])
    return People(
        people=tuple(
            replace(one, passkeys=(passkey,)) if one.principal == "principal:grace" else one
            for one in PEOPLE.people
        )
    )


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A page to look at; ``who`` is nobody where it is empty."""

    name: str
    who: str
    path: str


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, list[Shown]]]:
    """Sessions in every state, each before somebody who can do something there."""
    with site(tmp_path_factory.mktemp("shelf")) as at:
        yield at, at.do(_states(at.life))


async def _states(life: GlassWorld) -> list[Shown]:
    closed = await life.opened()
    await life.confirm(closed, (await life.propose(closed)).json())
    await life.close(closed, reason="The queue moves again.")
    await life.stop("tool:ticket.close")
    session = await life.opened(tools=["ticket.close", "ticket.mail"], overrides=["tool:ticket.close"])
    life.target.answers = [LOST]
    lost = (await life.propose(session, "ticket.mail", "a-1", ticket_id="T-2")).json()
    await life.confirm(session, lost)
    await life.propose(session, key="a-2")
    waiting = (await life.ask("linus", tenant="globex")).json()
    pages = {
        "closed": ("grace", closed),
        "acting": ("ada", session),
        "unknown": ("grace", session),
        "consent": ("ada", waiting),
        "waiting": ("linus", waiting),
    }
    found = [
        Shown(name=name, who=who, path=f"/sessions/{one['session_id']}") for name, (who, one) in pages.items()
    ]
    return [
        *found,
        Shown(name="list", who="ada", path="/sessions"),
        Shown(name="passkeys", who="ada", path="/passkeys"),
        Shown(name="outside", who="mallory", path="/sessions"),
        Shown(name="nowhere", who="ada", path="/sessions/bg_0000000000000000"),
        Shown(name="sign-in", who="", path="/sign-in"),
    ]


@pytest.mark.parametrize(("scheme", "size"), [("light", WIDE), ("dark", PHONE)])
def test_nobody_is_shut_out(
    chromium: Browser, shelf: tuple[Site, list[Shown]], tmp_path: Path, scheme: Any, size: Any
) -> None:
    """Axe finds no serious fault, light and wide, dark and on a phone; nothing runs off the side."""
    at, shown = shelf
    faults = {}
    for who in {one.who for one in shown}:
        context = chromium.new_context(color_scheme=scheme, viewport=size)
        page = context.new_page()
        if who:
            sign_in(page, at, who)
        for one in [one for one in shown if one.who == who]:
            picture = tmp_path / f"glass-{one.name}-{scheme}-{size['width']}.png"
            faults[one.name] = faults_of(page, f"{at.url}{one.path}", picture)
        context.close()
    assert len(faults) == len(shown)
    assert {name: found for name, found in faults.items() if found} == {}
