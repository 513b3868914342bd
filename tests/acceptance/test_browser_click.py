"""The demo without ``--approve``: a person clicks the card's button in a real browser."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from embedded.endpoints import Endpoints
from embedded.stack import running_stack
from tests.acceptance.leaks import searched

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM.exists() and "CI" not in os.environ,
        reason="NOTICE: no Chromium at /usr/bin/chromium, so nobody clicked in a browser",
    ),
]


async def _approve(page: Page, endpoints: Endpoints) -> None:
    await page.goto(f"{endpoints.slack}/?as=U0ADA")
    await page.get_by_role("button", name="Approve").first.click()
    pictures = os.environ.get("SCREENSHOTS")
    if pictures:
        await page.screenshot(path=f"{pictures}/card-confirm.png", full_page=True)
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Approve").click()
    await expect(page.get_by_role("button", name="Approve")).to_have_count(0, timeout=15_000)
    if pictures:
        await page.wait_for_timeout(1_500)
        await page.screenshot(path=f"{pictures}/card-after.png", full_page=True)


async def test_a_click_in_the_browser_closes_the_ticket(tmp_path: Path) -> None:
    """The demo waits for the click on the page, then completes with one execution of the approved write."""
    state = tmp_path / "state"
    async with (
        running_stack(state, headless=True) as endpoints,
        searched(state),
        async_playwright() as playwright,
    ):
        command = [sys.executable, "-m", "cli.main", "demo", "--json", "--state", str(state)]
        demo = await asyncio.create_subprocess_exec(
            *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
        )
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page(viewport={"width": 1100, "height": 1100})
        await _approve(page, endpoints)
        out, err = await asyncio.wait_for(demo.communicate(), 60)
        await browser.close()
    assert demo.returncode == 0, err.decode()
    found = json.loads(out)
    assert found["run"]["state"] == "completed"
    assert list(found["executions"].values()) == [1]
    assert found["audit"]["verified"] is True
