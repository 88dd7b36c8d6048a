"""axe-core's rules, and the page without a mouse."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from harness.servers import Server

# axe has two grades above these, and those two are not allowed.
TOLERATED = {"minor", "moderate"}

SECONDS = 1_000
SECONDS_TO_PAINT = 30 * SECONDS

# Far more than there are stops on the page.
MOST_TABS = 80


def opened(page: Page, server: Server, query: str = "layers=3") -> Page:
    page.goto(f"{server.url}/?{query}")
    page.get_by_role("button", name="Train").wait_for(timeout=SECONDS_TO_PAINT)
    page.locator(".stVegaLiteChart canvas, .stVegaLiteChart svg").first.wait_for(
        timeout=SECONDS_TO_PAINT
    )
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, server: Server, scheme: str) -> None:
    with browser.new_context(color_scheme=scheme) as context:  # type: ignore[arg-type]
        page = opened(context.new_page(), server)
        found = Axe().run(page).response["violations"]
        bad = [
            (rule["id"], rule["help"], [node["html"][:200] for node in rule["nodes"]])
            for rule in found
            if rule["impact"] not in TOLERATED
        ]
        assert bad == []


def test_training_can_be_begun_and_paused_by_keyboard_alone(page: Page, server: Server) -> None:
    opened(page, server, "layers=3&steps=5000000")
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if any("Train" in text for text in page.locator("button:focus").all_inner_texts()):
            break
    else:
        pytest.fail("Tab does not reach Train")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Pause").wait_for()
    page.get_by_role("button", name="Pause").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Train").wait_for()
