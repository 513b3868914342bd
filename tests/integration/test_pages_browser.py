"""The pages in a real browser: a passkey is made and signs, nobody is shut out, each page is looked at."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from playwright.sync_api import Browser, Page, expect
from starlette.types import ASGIApp

from adapters.break_glass_sessions import StoreOpenings
from adapters.desk import StoreDesk
from adapters.passkeys import WebAuthnVerifier
from adapters.proofs import Proofs
from contracts.approval import ApprovalState
from contracts.break_glass import Opening, Session, new_session_id
from contracts.passkey import Passkey
from gateway.app import create
from tests.integration.chromium import PHONE, WIDE, WITH_CHROMIUM, authenticator, faults_of, launched
from tests.integration.pages_shelf import Shelf, records
from tests.integration.pages_world import DESTROYING, give_passkeys, login_code, with_pages
from tests.integration.served_world import Served, served
from tests.integration.test_gateway_world import ENV, World
from tests.passkeys import SoftPasskey

pytestmark = WITH_CHROMIUM


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@contextmanager
def site(directory: Path, change: Any = lambda world, url: with_pages(world, url)) -> Iterator[Served]:
    """A served world whose pages are at its own address, by name."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://localhost:{port}"

    def paged(world: World) -> ASGIApp:
        proofs = Proofs(verifier=world.verifier, passkeys=WebAuthnVerifier(url))
        desk = StoreDesk(world.stores["gateway"], world.signer, proofs, world.clock)
        world.parts = replace(world.parts, desk=desk)
        app: ASGIApp = change(world, url)
        return app

    with served(directory, paged, port=port) as found:
        yield replace(found, url=url)


def sign_in(page: Page, at: Served, name: str) -> None:
    page.goto(f"{at.url}/sign-in?code={login_code(at.world, name)}")
    page.get_by_role("button", name=f"Sign in as {name.capitalize()}").click()
    expect(page.get_by_text(f"Signed in as {name.capitalize()}")).to_be_visible()


def test_a_passkey_is_made_reviewed_and_signs_a_destructive_action(chromium: Browser, tmp_path: Path) -> None:
    """Made in the browser, put into the people file by somebody else, it completes what no click may."""
    with site(tmp_path) as at:
        at.do(give_passkeys(at.world, {}))
        approval = at.do(at.world.asked_about(DESTROYING))
        grace, ada = chromium.new_context().new_page(), chromium.new_context().new_page()
        sign_in(grace, at, "grace")
        grace.goto(f"{at.url}/approvals/{approval.approval_id}")
        grace.get_by_role("button", name="Approve for acme").click()
        expect(grace.get_by_text("1 of 2 different people of support-leads approved")).to_be_visible()

        sign_in(ada, at, "ada")
        authenticator(ada)
        ada.goto(f"{at.url}/approvals/{approval.approval_id}")
        ada.get_by_role("link", name="How to get one").click()
        ada.get_by_label("What do you call this device?").fill("Ada's laptop")
        ada.get_by_role("button", name="Make a passkey").click()
        lines = yaml.safe_load(ada.locator("#lines").inner_text())
        (made,) = lines["people"]["principal:ada"]["passkeys"]
        expect(ada.get_by_text("The people file names no passkey of yours")).to_be_visible()

        passkey = Passkey(credential_id=made["id"], public_key=made["public_key"], name=made["name"])
        at.do(give_passkeys(at.world, {"ada": passkey}))
        ada.goto(f"{at.url}/approvals/{approval.approval_id}")
        ada.get_by_role("button", name="Approve with passkey for acme").click()
        expect(ada.get_by_text("Ada approved on this page, signed with a passkey")).to_be_visible()

        after = at.do(at.world.approvals.get(approval.approval_id))
        assert after.state is ApprovalState.APPROVED
        (signed,) = [grant.assertion for grant in after.grants if grant.approver == "principal:ada"]
        assert signed is not None
        person = at.do(at.world.parts.in_force.people()).by_principal("principal:ada")
        assert person is not None
        assert WebAuthnVerifier(at.url).verified(signed, person, approval.action_digest)


def test_who_stops_signing_is_told_and_loses_nothing(chromium: Browser, tmp_path: Path) -> None:
    """Without a passkey at hand nothing is sent, and the reason stays in the form."""
    with site(tmp_path) as at:
        at.do(give_passkeys(at.world, {"ada": SoftPasskey.create().passkey}))
        approval = at.do(at.world.asked_about(DESTROYING))
        page = chromium.new_context().new_page()
        sign_in(page, at, "ada")
        session = authenticator(page)
        page.goto(f"{at.url}/approvals/{approval.approval_id}")
        page.get_by_label(re.compile("Reason")).fill("It is right.")
        page.get_by_role("button", name="Approve with passkey").click()
        expect(page.get_by_role("status")).to_contain_text("Nothing was signed", timeout=15_000)
        expect(page.get_by_label(re.compile("Reason"))).to_have_value("It is right.")
        session.detach()
        assert not at.do(at.world.approvals.get(approval.approval_id)).grants


SHOWN: Final = (
    "close",
    "update",
    "many",
    "elsewhere",
    "refund-0",
    "refund-1",
    "refund-2",
    "expired",
    "denied",
    "unknown",
    "taken-back",
)


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Pages over approvals in every state."""

    def shelved(world: World, url: str) -> ASGIApp:
        with_pages(world, url)
        shelf = Shelf(tuple(records(world.clock.at_ms).values()))
        return create(replace(world.parts, approvals=shelf, env="prod"))

    with site(tmp_path_factory.mktemp("shelf"), shelved) as at:
        at.do(give_passkeys(at.world, {"ada": SoftPasskey.create("Ada's laptop").passkey}))
        yield at


def addresses(at: Served) -> dict[str, str]:
    found = records(at.world.clock.at_ms)
    pages = {name: f"{at.url}/approvals/{found[name].approval_id}" for name in SHOWN}
    code = login_code(at.world, "grace")
    return pages | {
        "list": f"{at.url}/approvals",
        "passkeys": f"{at.url}/passkeys",
        "sign-in": f"{at.url}/sign-in",
        "sign-in-link": f"{at.url}/sign-in?code={code}",
        "nowhere": f"{at.url}/approvals/apr_00",
    }


@pytest.mark.parametrize(("scheme", "size"), [("light", WIDE), ("dark", PHONE)])
def test_nobody_is_shut_out(
    chromium: Browser, production: Served, tmp_path: Path, scheme: Any, size: Any
) -> None:
    """Axe finds no serious fault, light and wide, dark and on a phone; nothing runs off the side."""
    context = chromium.new_context(color_scheme=scheme, viewport=size)
    page = context.new_page()
    sign_in(page, production, "ada")
    faults = {
        name: faults_of(page, address, tmp_path / f"page-{name}-{scheme}-{size['width']}.png")
        for name, address in addresses(production).items()
    }
    context.close()
    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize(("scheme", "size"), [("light", WIDE), ("dark", PHONE)])
def test_a_banner_of_break_glass_shuts_nobody_out(
    chromium: Browser, tmp_path: Path, scheme: Any, size: Any
) -> None:
    """While a session is open it stands above each page, and covers nothing."""
    with site(tmp_path) as at:
        at.do(break_glass(at.world))
        page = chromium.new_context(color_scheme=scheme, viewport=size).new_page()
        sign_in(page, at, "ada")
        for name in ("approvals", "passkeys"):
            picture = tmp_path / f"page-glass-{name}-{scheme}-{size['width']}.png"
            assert faults_of(page, f"{at.url}/{name}", picture) == []
            banner = page.get_by_role("region", name="Break-glass is open for acme")
            expect(banner).to_contain_text("Ada acts around the agents, and Grace consented")
            expect(banner).to_be_in_viewport()
        page.context.close()


async def break_glass(world: World) -> None:
    """Open a session, as its own process would."""
    now_ms = world.clock.now_ms()
    opening = Opening(
        session_id=new_session_id(),
        tenant="acme",
        env=ENV,
        tools=("ticket.close",),
        catalogue_digest="sha256:0",
        reason="The queue of Acme is stuck, and nobody can approve.",
        minutes=10,
        overrides=(),
        opener="principal:ada",
        asked_ms=now_ms,
    )
    session = Session(
        opening=opening,
        consenter="principal:grace",
        assertion=SoftPasskey.create("x").sign(opening.digest(), "http://localhost"),
        opened_ms=now_ms,
        until_ms=now_ms + 600_000,
    )
    store = StoreOpenings(world.store, world.clock)
    await store.ask(opening)
    await store.open(session, "token", ())


def test_a_decision_takes_no_mouse_and_no_script(chromium: Browser, tmp_path: Path) -> None:
    """By keyboard alone, scripts off: from the skip link to the button, in the order of reading."""
    with site(tmp_path) as at:
        approval = at.do(at.world.asked())
        context = chromium.new_context(java_script_enabled=False)
        page = context.new_page()
        sign_in(page, at, "ada")
        page.goto(f"{at.url}/approvals/{approval.approval_id}")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        for _ in range(8):
            page.keyboard.press("Tab")
            if page.locator("button[value=deny]:focus").count():
                break
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Denied")).to_be_visible()
        context.close()
