"""The atlas fills in, can be stopped, and each of its cells leads to its network."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from harness import acts
from harness.servers import Server
from model.atlas import Plan
from model.link import read

pytestmark = pytest.mark.browser


def test_a_cell_that_is_clicked_opens_its_network(page: Page, server: Server) -> None:
    acts.open_page(page, server.url, "chapter=atlas")
    acts.press(page, "atlas-draw")
    # The first of seven depths is done.
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-testid=stProgress]')]"
        ".some(bar => parseInt(bar.innerText) > 14)",
        timeout=acts.PATIENCE,
    )
    acts.press(page, "atlas-draw")  # now it says Stop
    page.get_by_role("button", name="Draw the atlas").wait_for(timeout=acts.PATIENCE)
    acts.rest(page)
    chart = page.locator(".st-key-atlas svg.marks")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.08 * box["height"])
    page.wait_for_function("() => location.search.includes('weight_scale')", timeout=acts.PATIENCE)
    link = read(page.evaluate("() => location.href"))
    plan = Plan()
    assert link.experiment in plan.row(plan.layers.index(2))
    assert link.chapter == "atlas"
    acts.rest(page)
    assert acts.step(page) == 0
