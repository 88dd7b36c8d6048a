"""Cause and effect are on one screen, at every width, and nothing on it moves by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, TimeoutError

from harness import acts
from harness.servers import Server
from model.chapters import CHAPTERS

SIZES: dict[str, tuple[int, int, str]] = {
    "phone": (390, 844, ""),
    "figure": (720, 500, "&embed=true"),
    "figure on a phone": (390, 640, "&embed=true"),
    "laptop": (1366, 768, ""),
}

# What has to be wholly visible without scrolling.
ALWAYS = ("estimate", "train", "verdict")
MORE = {"laptop": ("network",), "figure": ("out",), "figure on a phone": ("out",)}

# Pixels of the gradients that are seen at least: a title and a row.
ROWS = 90

# Layout shift (web.dev/cls): good is less than 0.1.
WHILE_LOADING, WHILE_TRAINING = 0.1, 0.02

_SHIFTS = """
window.shifted = 0;
window.moved = [];
const keyOf = node => (node?.nodeType === 1 ? node : node?.parentElement)
  ?.closest('[class*=st-key-]')?.className.match(/st-key-[a-z-]+/)?.[0];
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    window.shifted += entry.value;
    window.moved.push([Math.round(entry.startTime), entry.value, ...entry.sources.map(each =>
      `${keyOf(each.node)} ${each.previousRect.y} to ${each.currentRect.y}`)]);
  }
}).observe({type: 'layout-shift', buffered: true});
"""

_BOX = """key => {
  const found = [...document.querySelectorAll('.st-key-' + key)].find(e => e.checkVisibility());
  const box = found && found.getBoundingClientRect();
  return box && [box.left, box.top, box.right, box.bottom];
}"""

# Texts of one line that do not fit into their places.
_CUT = """() => [...document.querySelectorAll('.st-key-verdict p, .st-key-words')]
  .filter(e => e.scrollHeight > e.clientHeight + 2).map(e => e.textContent)"""

# Which of the chapters is marked as the one that is open.
_MARKED = """() => [...document.querySelectorAll('.st-key-chapter button')]
  .findIndex(e => e.getAttribute('aria-checked') === 'true')"""


@contextmanager
def opened(browser: Browser, server: Server, size: str, query: str) -> Iterator[Page]:
    width, height, embed = SIZES[size]
    touch = width < 600
    with browser.new_context(
        viewport={"width": width, "height": height}, has_touch=touch, is_mobile=touch
    ) as context:
        page = context.new_page()
        page.add_init_script(_SHIFTS)
        yield acts.open_page(page, server.url, query + embed)


def assert_all_is_seen(page: Page, size: str) -> None:
    width, height, _ = SIZES[size]
    for key in ALWAYS + MORE.get(size, ()):
        box: Any = page.evaluate(_BOX, key)
        assert box, key
        assert box[0] >= 0, key
        assert box[1] >= 0, key
        assert box[2] <= width, (key, box)
        assert box[3] <= height, (key, box)
    if size != "phone":
        assert page.evaluate(_BOX, "gradients")[1] <= height - ROWS
    assert page.evaluate(_CUT) == []


@pytest.mark.parametrize("query", ["chapter=learns&steps=4000", "chapter=why&steps=4000"])
@pytest.mark.parametrize("size", SIZES)
def test_estimate_train_and_verdict_are_seen_before_during_and_after_and_stay_where_they_are(
    browser: Browser, server: Server, size: str, query: str
) -> None:
    with opened(browser, server, size, query) as page:
        assert_all_is_seen(page, size)
        assert page.evaluate("window.shifted") < WHILE_LOADING, page.evaluate("window.moved")
        page.evaluate("window.shifted = 0")
        acts.press(page, "train")
        acts.wait_for_step(page, "n > 500")
        assert_all_is_seen(page, size)
        acts.wait_until_over(page)
        assert_all_is_seen(page, size)
        assert acts.button(page, "next").is_visible()
        assert page.evaluate("window.shifted") < WHILE_TRAINING


def test_the_words_of_two_times_never_stand_on_each_other(browser: Browser, server: Server) -> None:
    with opened(browser, server, "laptop", "chapter=patience") as page:
        acts.press(page, "train")
        acts.wait_for_step(page, "n > 1000")
        page.wait_for_timeout(600)
        assert page.locator(".st-key-words p:visible").count() == 1


def test_patience_rests_at_its_forecast_until_it_is_answered_and_marks_it(
    browser: Browser, server: Server
) -> None:
    with opened(browser, server, "laptop", "chapter=patience") as page:
        acts.press(page, "train")
        page.get_by_text("Shall we see?").wait_for(timeout=acts.PATIENCE)
        page.get_by_role("button", name="Let’s see").wait_for(timeout=acts.PATIENCE)
        stood = acts.step(page)
        page.wait_for_timeout(1_500)
        assert acts.step(page) == stood < 462_000
        acts.press(page, "train")
        acts.wait_until_over(page)
        assert acts.step(page) == 1_000_000
        page.get_by_text("was a hit").wait_for()


def test_what_blows_up_comes_to_its_end_and_leads_on(browser: Browser, server: Server) -> None:
    with opened(browser, server, "laptop", "chapter=large") as page:
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        acts.press(page, "train")
        acts.wait_until_over(page)
        assert "Diverged" in page.locator(".st-key-verdict").inner_text()
        assert "patience" in acts.button(page, "next").inner_text()
        assert said == []


def turn(page: Page, key: str, chapter: str) -> None:
    """Press an arrow key, and wait until the chapter is in the address and its pill is marked."""
    page.keyboard.press(key)
    want = [list(CHAPTERS).index(chapter), f"chapter={chapter}"]
    look = f"() => [({_MARKED})(), location.search]"
    try:
        page.wait_for_function(
            f"([n, query]) => ({_MARKED})() === n && location.search.includes(query)", arg=want
        )
    except TimeoutError:
        pytest.fail(f"{key}: wanted {want}, there is {page.evaluate(look)}")
    acts.rest(page)


def test_arrow_keys_turn_the_chapters(browser: Browser, server: Server) -> None:
    with opened(browser, server, "laptop", "chapter=stops") as page:
        turn(page, "ArrowRight", "why")
        turn(page, "ArrowLeft", "stops")
