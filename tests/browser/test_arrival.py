"""How the page arrives: the first picture, and the live page in its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from harness.servers import Server
from serving import frontend, scripts

SECONDS = 1_000

SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@contextmanager
def without_scripts(
    browser: Browser, address: str, width: int, scheme: Literal["light", "dark"] = "light"
) -> Iterator[Page]:
    """The page where no script runs, once the server has drawn both of its pictures."""
    with browser.new_context(
        java_script_enabled=False, viewport={"width": width, "height": 800}, color_scheme=scheme
    ) as context:
        page = context.new_page()
        for _ in range(150):
            page.goto(address)
            if page.locator("#first svg").count() == 2:
                break
            page.wait_for_timeout(200)
        yield page


@pytest.mark.parametrize(("width", "embed"), [(1366, ""), (720, "&embed=true"), (390, "")])
def test_a_picture_that_comes_after_another_does_not_move_it(
    browser: Browser, server: Server, width: int, embed: str
) -> None:
    with without_scripts(browser, f"{server.url}/?chapter=why{embed}", width) as page:
        whole, first = page.content(), page.locator("#first svg").first
        at = first.bounding_box()
        # A slow road shows what has come so far.
        page.set_content(whole[: whole.index("</svg>") + len("</svg>")])
        assert page.locator("#first svg").count() == 1
        assert first.bounding_box() == at


@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_without_javascript_the_page_says_and_shows_what_it_is_about(
    browser: Browser, server: Server, width: int, scheme: Literal["light", "dark"]
) -> None:
    with without_scripts(browser, f"{server.url}/?layers=3", width, scheme) as page:
        assert page.get_by_role("heading", level=1).is_visible()
        for picture in page.locator("#first svg").all():
            assert picture.is_visible()
        assert page.locator("#first noscript small").is_visible()
        assert not page.get_by_text("Loading the controls").is_visible()


@pytest.mark.parametrize("width", [1366, 390])
def test_the_live_page_takes_the_place_of_the_first_picture_and_nothing_jumps(
    page: Page, server: Server, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.add_init_script(SHIFTS)
    page.goto(f"{server.url}/?layers=3", wait_until="commit")
    page.get_by_text("Loading the controls").wait_for()
    page.locator("#first").wait_for(state="detached", timeout=60 * SECONDS)
    assert page.locator(".stVegaLiteChart").first.is_visible()
    assert page.get_by_role("button", name="Train").first.is_visible()
    page.wait_for_timeout(1 * SECONDS)
    assert page.evaluate("document.documentElement.classList.contains('first')") is False
    assert page.evaluate("window.shifted") < 0.1


@pytest.mark.parametrize(
    ("says", "gives_way"),
    [
        ('<div role="progressbar"><p>Step 0</p></div>', False),
        ('<div role="progressbar" data-waits><p>TensorFlow is starting</p></div>', True),
        ('<div data-testid="stAlert">Nothing can be trained</div>', True),
    ],
)
def test_the_first_picture_gives_way_to_what_has_to_be_waited_for(
    page: Page, says: str, gives_way: bool
) -> None:
    page.set_content(
        '<main id="first">The question</main><div id="root"><div class="st-key-figure">'
        f'<div class="st-key-progress">{says}</div></div></div>'
    )
    page.add_script_tag(path=Path(scripts.__file__).with_name("first.js"))
    page.wait_for_timeout(1 * SECONDS)
    assert page.locator("#first").is_visible() is not gives_way
    assert page.evaluate("document.getElementById('root').inert") is not gives_way


def test_the_first_screen_loads_what_it_needs_at_once_and_nothing_else(
    page: Page, server: Server
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(f"{server.url}/")))
    page.goto(server.url, wait_until="commit")
    page.locator("#first").wait_for(state="detached", timeout=60 * SECONDS)
    page.wait_for_timeout(2 * SECONDS)
    asked_for = {address for address in asked if address.startswith("static/js/")}
    # Whatever is not named in the head is found out about late, one after another.
    assert asked_for - set(frontend.first_screen()) == set()
    needless = ("SyntaxHighlighter", "MaterialSymbols", "Plotly", "DataFrame")
    assert [a for a in asked if any(name in a for name in needless)] == []
