"""What a reader does with the page, and reads on it."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page

from model.chapters import CHAPTERS

# Milliseconds. Generous: only a page that hangs takes as long, whatever else the machine does.
PATIENCE = 200_000

# The bar of the run, with its text.
_PROGRESS = ".st-key-progress [role=progressbar]"

_FIRST = "#first"
_RESTING = "[data-testid=stApp][data-test-script-state=notRunning]"
_STEP = re.compile(r"[Ss]tep ([\d,]+)")


def open_page(page: Page, url: str, query: str = "") -> Page:
    """Open a link and wait until the page is whole, with its charts, and rests."""
    page.goto(f"{url}/?{query}")
    page.locator("svg.marks").first.wait_for(timeout=PATIENCE)
    if "train=1" not in query:
        rest(page)
    return page


def rest(page: Page) -> None:
    """Wait until the live page stands alone, no script runs and every chart has been drawn."""
    page.wait_for_selector(_FIRST, state="detached", timeout=PATIENCE)
    page.wait_for_selector(_RESTING, timeout=PATIENCE)
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-testid=stVegaLiteChart]')]"
        ".every(chart => chart.querySelector('svg.marks, canvas.marks'))",
        timeout=PATIENCE,
    )


def button(page: Page, key: str) -> Locator:
    """The button that was made with ``key``, as it is seen (Streamlit hides a second one)."""
    return page.locator(f".st-key-{key} button:visible").first


def press(page: Page, key: str) -> None:
    button(page, key).click(timeout=PATIENCE)


def open_chapter(page: Page, key: str) -> None:
    """Click on a chapter's pill, and wait until it stands."""
    number = list(CHAPTERS).index(key) + 1
    name = f"{number} {CHAPTERS[key].title}"
    page.locator(".st-key-chapter").get_by_text(name, exact=True).click(timeout=PATIENCE)
    told = "key => location.search.includes(key)"
    page.wait_for_function(told, arg=f"chapter={key}", timeout=PATIENCE)
    rest(page)


def change(page: Page) -> None:
    """Open what stands behind Change."""
    button(page, "change").click()
    page.locator(".st-key-reset").wait_for(timeout=PATIENCE)
    rest(page)


def progress(page: Page) -> str:
    """The text over the progress bar."""
    return page.locator(_PROGRESS).inner_text()


def step(page: Page) -> int:
    """The step that the page shows."""
    found = _STEP.search(progress(page))
    assert found, progress(page)
    return int(found[1].replace(",", ""))


def wait_for_step(page: Page, condition: str, milliseconds: float = PATIENCE) -> None:
    """Until the step that is shown fulfils a condition in JavaScript, as ``n > 100``."""
    page.wait_for_function(
        """() => {
          const bar = document.querySelector('.st-key-progress');
          const found = bar && bar.innerText.match(/[Ss]tep ([\\d,]+)/);
          if (!found) return false;
          const n = parseInt(found[1].replaceAll(',', ''));
          return """
        + condition
        + "; }",
        timeout=milliseconds,
    )


def wait_until_over(page: Page) -> None:
    """Until the run has come to its end and the page rests."""
    page.wait_for_function(
        "() => [...document.querySelectorAll('.st-key-next button')].some(e => e.offsetParent)",
        timeout=PATIENCE,
    )
    rest(page)


def figures(page: Page) -> list[str]:
    """Every text in every chart, chart by chart; sorted in each, for axes grow their own way."""
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('[data-testid=stVegaLiteChart] svg.marks')]"
        ".flatMap(svg => [...svg.querySelectorAll('text')].map(e => e.textContent).sort())"
    )
    return found


def words(page: Page) -> str:
    """The text of the page, the charts left out."""
    found = page.locator("[data-testid=stMarkdownContainer]").all_inner_texts()
    return "\n".join(found)


def wait_for(page: Page, condition: Callable[[], bool], what: str, seconds: float = 90) -> None:
    """Until something holds that the browser cannot know."""
    for _ in range(int(seconds / 0.1)):
        if condition():
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"waited {seconds:.0f} s for {what}")
