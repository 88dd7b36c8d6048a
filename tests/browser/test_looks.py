"""What can be read: light and dark, wide and narrow, nothing over anything else."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from harness import acts
from harness.servers import Server

SIZES = {"laptop": (1366, 768), "phone": (390, 844)}

# Text on its ground, as WCAG AA asks of it.
CONTRAST = 4.5

QUERY = "layers=3&weights=xavier_uniform&step=400"

_OVERLAPS = """
() => {
  const parts = [...document.querySelectorAll(
    '[data-testid=stMain] [data-testid=stElementContainer]')]
    .filter(e => e.checkVisibility())
    .map(e => [e, e.getBoundingClientRect()])
    .filter(([e, r]) => r.width > 2 && r.height > 2);
  const found = [];
  parts.forEach(([a, p], i) => parts.slice(i + 1).forEach(([b, q]) => {
    if (a.contains(b) || b.contains(a)) return;
    const x = Math.min(p.right, q.right) - Math.max(p.left, q.left);
    const y = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
    if (x > 2 && y > 2) found.push([a.className, b.className, Math.round(x), Math.round(y)]);
  }));
  return found;
}
"""

_TEXT_OVERLAPS = """
() => [...document.querySelectorAll('svg.marks')].flatMap(svg => {
  const texts = [...svg.querySelectorAll('text')].filter(e => e.textContent.trim())
    .filter(e => e.checkVisibility({opacityProperty: true}) && e.getAttribute('opacity') !== '0')
    .map(e => [e.textContent, e.getBoundingClientRect()]);
  return texts.flatMap(([a, p], i) => texts.slice(i + 1).filter(([b, q]) =>
    Math.min(p.right, q.right) - Math.max(p.left, q.left) > 1 &&
    Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 3).map(([b]) => [a, b]));
})
"""

_CUT = """
() => [...document.querySelectorAll('svg.marks')].flatMap(svg => {
  const box = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll('text')].filter(e => e.textContent.trim());
  return texts.filter(e => e.getAttribute('opacity') !== '0').filter(e => {
    const r = e.getBoundingClientRect();
    // A line of text is a little higher than its letters.
    return r.left < box.left - 4 || r.right > box.right + 4
        || r.top < box.top - 4 || r.bottom > box.bottom + 4;
  }).map(e => e.textContent);
})
"""

_COLOURS = """
() => {
  const body = document.querySelector('[data-testid=stApp]');
  const ground = getComputedStyle(body).backgroundColor;
  return [...document.querySelectorAll('svg.marks text')].filter(e => e.textContent.trim())
    .map(e => [e.textContent, getComputedStyle(e).fill, ground]);
}
"""


def opened(browser: Browser, server: Server, size: str, scheme: str, query: str) -> Any:
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    return context, acts.open_page(context.new_page(), server.url, query)


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.1) of a colour as browsers compute it, "rgb(…)"."""
    channels = [float(c) / 255 for c in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("query", [QUERY, "chapter=why&step=400", "layers=8&step=50"])
@pytest.mark.parametrize("size", SIZES)
def test_nothing_overlaps_nothing_is_cut_and_nothing_scrolls_sideways(
    browser: Browser, server: Server, size: str, query: str
) -> None:
    context, page = opened(browser, server, size, "light", query)
    with context:
        assert page.evaluate(_OVERLAPS) == []
        assert page.evaluate(_TEXT_OVERLAPS) == []
        assert page.evaluate(_CUT) == []
        wide = page.evaluate(
            "[document.scrollingElement, document.querySelector('[data-testid=stMain]')]"
            ".map(e => e.scrollWidth - e.clientWidth)"
        )
        assert wide == [0, 0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_in_every_chart_stands_out_from_its_ground(
    browser: Browser, server: Server, scheme: str
) -> None:
    context, page = opened(browser, server, "laptop", scheme, QUERY)
    with context:
        texts = page.evaluate(_COLOURS)
        assert len(texts) > 30
        ground = texts[0][2]
        assert (luminance(ground) < 0.1) == (scheme == "dark")
        faint = {text: fill for text, fill, _ in texts if contrast(fill, ground) < CONTRAST}
        assert faint == {}
