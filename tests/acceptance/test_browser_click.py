"""The demo without ``--approve``: a person clicks the card's button in a real browser."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from embedded.endpoints import Endpoints
from embedded.seed import CHANNEL
from tests.acceptance.conftest import World

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


async def _approve(page: Page, slack: str, ticket: str) -> None:
    """Of all cards in the channel, the one that wants to close this ticket."""
    await page.goto(f"{slack}/?as=U0ADA")
    approve = page.get_by_role("article").filter(has_text=ticket).get_by_role("button", name="Approve")
    pictures = os.environ.get("SCREENSHOTS")
    if pictures:
        await page.screenshot(path=f"{pictures}/card.png", full_page=True)
    await approve.click()
    await expect(approve).to_have_count(0, timeout=15_000)
    if pictures:
        await page.wait_for_timeout(1_500)
        await page.screenshot(path=f"{pictures}/card-after.png", full_page=True)


async def _ticket(demo: asyncio.subprocess.Process) -> str:
    """The ticket that the demo says it is about."""
    assert demo.stderr
    async with asyncio.timeout(60):
        while found := (await demo.stderr.readline()).decode():
            if about := re.search(r"wants to close (T-\d+)", found):
                return about[1]
    raise AssertionError("the demo ended before it said what it is about")


async def test_a_click_in_the_browser_closes_the_ticket(stack: Endpoints) -> None:
    """The demo waits for the click on the page, then completes with one execution of the approved write."""
    async with async_playwright() as playwright:
        command = [sys.executable, "-m", "cli.main", "demo", "--json", "--state", stack.state]
        demo = await asyncio.create_subprocess_exec(
            *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
        )
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page(viewport={"width": 1100, "height": 1100})
        await _approve(page, stack.slack, await _ticket(demo))
        out, err = await asyncio.wait_for(demo.communicate(), 60)
        await browser.close()
    assert demo.returncode == 0, err.decode()
    found = json.loads(out)
    assert found["run"]["state"] == "completed"
    assert list(found["executions"].values()) == [1]
    assert found["audit"]["verified"] is True


async def test_a_denial_in_the_browser_says_why(stack: Endpoints, world: World) -> None:
    """The form keeps who came too late and says so; sent off in time, its words reach the run."""
    on, late = await world.waiting(), await world.waiting()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page(viewport={"width": 390, "height": 844})
        await page.goto(f"{stack.slack}/?as=U0ADA")
        form = page.get_by_role("dialog", name="Deny this action")
        await _deny(page, late.ticket)
        await expect(form).to_contain_text(late.ticket)
        assert (await world.decide(late, "grace", "deny")).is_success
        await form.get_by_label("Why?").fill("Too late.")
        await form.get_by_role("button", name="Deny").click()
        await expect(form.get_by_role("alert").first).to_contain_text("already denied by Grace")
        if pictures := os.environ.get("SCREENSHOTS"):
            await page.screenshot(path=f"{pictures}/deny-refused.png")
        await page.keyboard.press("Escape")
        await expect(form).to_be_hidden()

        await _deny(page, on.ticket)
        await page.keyboard.type("It is another customer's.")
        await page.keyboard.press("Tab")
        await form.get_by_role("button", name="Deny").press("Enter")
        await expect(form).to_be_hidden()
        await browser.close()
    run = await world.reaches(on.run_id, "completed")
    assert run["actions"][-1]["outcome_text"] == "principal:ada denied it: It is another customer's."
    assert await world.writes(on.ticket) == []


async def _deny(page: Page, ticket: str) -> None:
    """Press Deny on the card about this ticket, and wait for the cursor in the form that it opens."""
    await page.get_by_role("article").filter(has_text=ticket).get_by_role("button", name="Deny").click()
    await expect(page.get_by_label("Why?")).to_be_focused()


async def test_a_stop_is_typed_in_the_browser(stack: Endpoints, world: World) -> None:
    """An operator types the command and is told alone what holds; typed by anybody else it is nothing."""
    scope = "route:browser/none"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page(viewport={"width": 390, "height": 844})
        for user, answer in (
            ("U0ADA", "nothing changed"),
            ("U0KATHERINE", f"{scope} is stopped by Katherine"),
        ):
            await page.goto(f"{stack.slack}/channels/{CHANNEL}?as={user}")
            line = page.get_by_label("Slash command")
            told = page.get_by_role("article").filter(has_text=answer)
            # Other tests of this stack may have been told the same.
            before = await told.count()
            await line.fill(f"/interlock stop {scope} Looking into it. for 2m")
            await line.press("Enter")
            await expect(told).to_have_count(before + 1, timeout=15_000)
            await expect(line).to_have_value("")
        if pictures := os.environ.get("SCREENSHOTS"):
            await page.screenshot(path=f"{pictures}/command.png")
        await browser.close()
    await world.switch(scope, stopped=False)
