"""What is shared in one touch: the link, and the picture."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from harness import acts
from harness.servers import Server

pytestmark = pytest.mark.browser

QUERY = "layers=3&step=500"

# A browser without a screen has no sheet to share by. This one takes what it is given, and refuses
# the first time, as it does when the touch was too long ago.
SHEET = """
window.shared = [];
window.refused = 0;
navigator.canShare = () => true;
navigator.share = async (what) => {
  if (!window.refused++) throw new DOMException("", "NotAllowedError");
  const bytes = new Uint8Array(await what.files[0].arrayBuffer());
  window.shared.push([what.files[0].name, bytes.length, String.fromCharCode(...bytes.slice(1, 4))]);
};
"""


def test_a_phone_hands_the_picture_to_its_sheet_and_makes_it_once(
    browser: Browser, server: Server
) -> None:
    size = {"width": 390, "height": 844}
    with browser.new_context(viewport=size, has_touch=True, is_mobile=True) as context:
        context.add_init_script(SHEET)
        page = context.new_page()
        acts.open_page(page, server.url, QUERY)
        acts.rest(page)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        way = page.get_by_role("link", name="Picture of this")
        way.tap()
        page.wait_for_function("() => window.refused === 1", timeout=acts.PATIENCE)
        way.tap()
        page.wait_for_function("() => window.shared.length === 1", timeout=acts.PATIENCE)
        ((name, size_of_it, kind),) = page.evaluate("window.shared")
        assert (name, kind) == ("middle-layer.png", "PNG")
        assert size_of_it > 10_000
        assert len([url for url in asked if "poster.png" in url]) == 1
        assert len(context.pages) == 1


def test_the_link_that_is_copied_is_the_one_in_the_address(
    browser: Browser, server: Server
) -> None:
    with browser.new_context(permissions=["clipboard-read", "clipboard-write"]) as context:
        page = context.new_page()
        acts.open_page(page, server.url, QUERY)
        acts.rest(page)
        page.get_by_role("button", name="Copy link").click()
        page.get_by_role("button", name="Copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == page.url
        assert "step=500" in page.url
