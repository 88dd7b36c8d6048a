"""axe-core's rules, and the page without a mouse."""

from __future__ import annotations

from itertools import pairwise

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from harness import acts
from harness.servers import Server

# axe has two grades above these, and those two are not allowed.
TOLERATED = {"minor", "moderate"}

SECONDS = 1_000

# Far more than there are stops on the page.
MOST_TABS = 80


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, server: Server, scheme: str) -> None:
    with browser.new_context(color_scheme=scheme) as context:  # type: ignore[arg-type]
        page = acts.open_page(context.new_page(), server.url, "chapter=stops")
        found = Axe().run(page).response["violations"]
        bad = [
            (rule["id"], rule["help"], [node["html"][:200] for node in rule["nodes"]])
            for rule in found
            if rule["impact"] not in TOLERATED
        ]
        assert bad == []


def test_training_can_be_begun_and_paused_by_keyboard_alone(page: Page, server: Server) -> None:
    acts.open_page(page, server.url, "layers=3&steps=5000000")
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


def test_train_is_reached_within_five_tab_stops_after_the_chapters(
    page: Page, server: Server
) -> None:
    acts.open_page(page, server.url, "chapter=half")  # which asks for a guess on the way
    page.locator(".st-key-chapter [role=radio]").last.focus()
    for _ in range(5):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('.st-key-train') !== null"):
            return
    pytest.fail("Train is further away")


def test_there_is_one_title_and_headings_do_not_skip_a_level(page: Page, server: Server) -> None:
    acts.open_page(page, server.url, "chapter=why")
    levels = page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3, h4')].filter(e => e.checkVisibility())"
        ".map(e => Number(e.tagName[1]))"
    )
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_a_verdict_is_spoken_when_it_changes(page: Page, server: Server) -> None:
    acts.open_page(page, server.url, "chapter=learns")
    status = page.locator("[role=status].spoken")
    assert status.inner_text() == ""
    page.get_by_role("button", name="Train").click()
    page.wait_for_function(
        "() => document.querySelector('[role=status].spoken').textContent.includes('Learned')",
        timeout=90 * SECONDS,
    )


def test_at_twice_the_size_train_and_the_estimate_are_in_view(
    browser: Browser, server: Server
) -> None:
    # 200 % of a laptop is half as many of the page's own pixels.
    with browser.new_context(viewport={"width": 683, "height": 384}) as context:
        page = acts.open_page(context.new_page(), server.url, "chapter=learns")
        for key in ("train", "estimate"):
            box = page.locator(f".st-key-{key}").first.bounding_box()
            assert box is not None
            assert box["y"] < 384
