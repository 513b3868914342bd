"""A real Chromium before our pages, and what it finds that shuts somebody out."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, CDPSession, Page, ViewportSize, sync_playwright

CHROMIUM: Final = Path("/usr/bin/chromium")
FLAGS: Final = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE: Final[ViewportSize] = {"width": 1280, "height": 900}
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}

WITH_CHROMIUM: Final = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM.exists() and "CI" not in os.environ,
        reason="NOTICE: no Chromium at /usr/bin/chromium, so the pages were not tried in a browser",
    ),
]


@contextmanager
def launched() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def authenticator(page: Page) -> CDPSession:
    """A platform authenticator that verifies its user."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasUserVerification": True,
        "isUserVerified": True,
        "hasResidentKey": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session


def faults_of(page: Page, address: str, picture: Path) -> list[tuple[str, Any]]:
    """Serious faults of a page by axe, and whether it runs off the side.

    ``picture`` goes to the directory INTERLOCK_PICTURES where that is set.
    """
    page.goto(address)
    directory = Path(os.environ.get("INTERLOCK_PICTURES") or picture.parent)
    page.screenshot(path=directory / picture.name, full_page=True)
    faults: list[tuple[str, Any]] = [
        (one["id"], [node["html"] for node in one["nodes"]])
        for one in Axe().run(page).response["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        faults.append(("runs off the side", []))
    return faults
