"""Over a slow road no picture is queued: what is clicked is answered by the next one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from harness import acts
from harness.road import Rates, Road
from harness.servers import Server

# Two frames that can be on their way at a click, and those of the page that comes to rest, which
# draws what is seen and then what lies off the screen.
MOST_AFTER_A_CLICK = 6

COUNT = """
() => {
  window.__shown = 0;
  let last = null;
  const look = () => {
    const mark = document.querySelector("[data-shown]")?.dataset.shown;
    if (mark !== last) { last = mark; window.__shown++; }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
"""


@pytest.fixture
def slow_road(server: Server) -> Iterator[Road]:
    with Road(int(server.url.rpartition(":")[2]), Rates(150, 1_600, 750)) as road:
        yield road


def shown(page: Page) -> int:
    return int(page.evaluate("() => window.__shown"))


def test_pause_on_a_slow_road_leaves_no_queue_of_pictures(
    slow_road: Road, browser: Browser
) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(120_000)
        acts.open_page(page, slow_road.url, "layers=3&steps=5000000&vs.layers=2")
        page.evaluate(COUNT)
        acts.press(page, "train")
        while shown(page) < 12:
            page.wait_for_timeout(100)
        at_click = shown(page)
        acts.press(page, "train")
        page.wait_for_timeout(6_000)
        assert 0 < shown(page) - at_click <= MOST_AFTER_A_CLICK
        before = page.evaluate("() => document.querySelector('[data-shown]').dataset.shown")
        page.wait_for_timeout(1_000)
        assert page.evaluate("() => document.querySelector('[data-shown]').dataset.shown") == before
