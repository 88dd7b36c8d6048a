"""A connection that breaks: the page asks again by itself, once, and shows what it showed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, WebSocketRoute

from harness import acts
from harness.servers import Server
from harness.watch import Watch

# Milliseconds: a page that is looked at asks within a second, and not again after that.
ASKED = 1_200

_HIDE = """hidden => {
  Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});
  document.dispatchEvent(new Event('visibilitychange'));
}"""


class Line:
    """The page's connection, which can be cut, and what the page has said on it."""

    def __init__(self, page: Page) -> None:
        self.connections = 0
        self.said = 0
        self._cut: Callable[[], None] | None = None
        page.route_web_socket("**/_stcore/stream*", self._made)

    def _made(self, browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()
        self.connections += 1

        def pass_on(message: str | bytes) -> None:
            # A text tells which picture has been shown.
            self.said += isinstance(message, bytes)
            server.send(message)

        def cut() -> None:
            server.close()
            browser.close(code=4000)

        browser.on_message(pass_on)
        self._cut = cut

    def cut(self, page: Page) -> None:
        """Break the connection, and wait for the next."""
        before, self.said = self.connections, 0
        assert self._cut is not None
        self._cut()
        acts.wait_for(page, lambda: self.connections > before, "a new connection")
        page.wait_for_selector("[data-test-connection-state=CONNECTED]")


@pytest.fixture
def line(page: Page) -> Line:
    return Line(page)


def test_a_page_that_rests_asks_once_when_it_is_looked_at_and_shows_what_it_showed(
    page: Page, server: Server, line: Line
) -> None:
    acts.open_page(page, server.url, "layers=3&step=500")
    page.get_by_role("slider", name="Look back at step").press("Home")
    page.get_by_text("Looking back at step 0").wait_for()
    acts.rest(page)
    before = acts.progress(page), acts.figures(page)
    watch = Watch(page)
    for hidden in (False, True):
        page.evaluate(_HIDE, hidden)
        line.cut(page)
        if hidden:
            page.wait_for_timeout(ASKED)
            assert line.said == 0
            page.evaluate(_HIDE, False)
        acts.wait_for(page, lambda: line.said > 0, "the page to ask")
        page.wait_for_timeout(ASKED)
        assert line.said == 1
        acts.rest(page)
        assert (acts.progress(page), acts.figures(page)) == before
    assert watch.seen.replaced == []


def test_a_page_that_trains_goes_on_and_asks_once(page: Page, server: Server, line: Line) -> None:
    acts.open_page(page, server.url, "layers=3&steps=5000000&train=1")
    acts.wait_for_step(page, "n > 200")
    before = acts.step(page)
    line.cut(page)
    acts.wait_for_step(page, f"n > {before}")
    page.wait_for_timeout(ASKED)
    assert line.said == 1
    assert "Pause" in acts.button(page, "train").inner_text()
    acts.press(page, "train")
    acts.rest(page)
    assert acts.step(page) > before
