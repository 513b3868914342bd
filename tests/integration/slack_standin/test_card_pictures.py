"""Cards in the stand-in's channel, in a real browser: what a person sees of them, and in which order."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, expect, sync_playwright

from tests.acceptance.test_slack_page import CHROMIUM, FLAGS, pytestmark
from tests.card_scenes import SCENES, drawn
from tests.integration.slack_standin.workspace import BOT_TOKEN, ROOM, Slack

__all__ = ["pytestmark"]

QUESTIONS = (
    re.compile("^What (will change|changed|would have changed|was sent)$"),
    *("How bad if it is wrong", "Can we undo it", "Who asks, and why"),
)
LOOKS: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 1180), ("dark", 1180), ("light", 390))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where pictures go: a folder of the caller's, or one that pytest clears away."""
    kept = os.environ.get("INTERLOCK_PICTURES")
    return Path(kept) if kept else tmp_path


def _post(slack: Slack, scene: str) -> None:
    card = drawn(scene)
    message = {"channel": ROOM, "text": card.text, "blocks": card.blocks}
    answer = slack.http("POST", "/api/chat.postMessage", message, Authorization=f"Bearer {BOT_TOKEN}")
    assert answer.json()["ok"], answer.text


def _tops(card: Locator) -> list[float]:
    """Where the three questions, who asks, and the buttons begin."""
    asked = [card.locator(".section b").get_by_text(words) for words in QUESTIONS]
    parts = [*asked, *card.locator(".actions").all()]
    boxes = [part.bounding_box(timeout=2_000) for part in parts]
    assert None not in boxes
    return [box["y"] for box in boxes if box]


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_cards_are_read_at_a_glance(
    browser: Browser, slack: Slack, folder: Path, scheme: Literal["light", "dark"], width: int
) -> None:
    """The place and the tenant in the first line, the questions in their order, nothing cut off sideways."""
    for scene in SCENES:
        _post(slack, scene)
    page = browser.new_page(viewport={"width": width, "height": 1_600}, color_scheme=scheme)
    page.goto(f"{slack.url}/channels/{ROOM}?as=U0ADA")
    expect(page.locator(".blocks")).to_have_count(len(SCENES))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.getElementById('log').scrollWidth") <= width
    for scene, record in SCENES.items():
        card = page.locator(".blocks").nth(list(SCENES).index(scene))
        first = card.get_by_role("heading").first
        expect(first).to_contain_text(record.tenant)
        expect(first).to_contain_text("⚠ PRODUCTION" if record.env == "prod" else record.env)
        preview = record.action["preview"]
        for text in (preview["target"], *preview["figures"], preview["stakes"]):
            expect(card.get_by_text(text).first).to_be_visible()
        tops = _tops(card)
        assert tops == sorted(tops), scene
        card.screenshot(path=folder / f"card-{scene}-{scheme}-{width}.png")
    page.close()
