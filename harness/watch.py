"""What a reader sees of the charts: how often they move, and whether any is built anew or fades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

# Counted at the browser's own pace: a picture is a repaint before which some chart's marks changed.
_WATCH = """
() => {
  const charts = [...document.querySelectorAll('[data-testid=stVegaLiteChart]')];
  const marks = chart => chart.querySelector('svg.marks, canvas.marks');
  const seen = charts.map(marks);
  const state = window.__watch = {charts: charts.length, pictures: 0, replaced: [], opacity: 1,
                                  repaints: 0, clicked: null, atClick: null,
                                  firstAfterClick: null, lastAfterClick: null};
  let dirty = false;
  const observer = new MutationObserver(() => { dirty = true; });
  const all = {subtree: true, childList: true, attributes: true, characterData: true};
  charts.forEach(chart => observer.observe(chart, all));
  document.addEventListener('click', () => {
    state.atClick = state.pictures;
    state.clicked = performance.now();
    state.firstAfterClick = state.lastAfterClick = null;
  }, true);
  const look = () => {
    state.repaints++;
    if (dirty) {
      state.pictures++;
      if (state.clicked !== null) {
        state.lastAfterClick = performance.now() - state.clicked;
        state.firstAfterClick ??= state.lastAfterClick;
      }
      dirty = false;
    }
    charts.forEach((chart, i) => {
      if (marks(chart) !== seen[i]) { state.replaced.push(i); seen[i] = marks(chart); }
      let opacity = 1;
      for (let e = chart; e && e !== document.body; e = e.parentElement)
        opacity *= parseFloat(getComputedStyle(e).opacity);
      state.opacity = Math.min(state.opacity, opacity);
    });
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
"""


@dataclass(frozen=True)
class Seen:
    """What was seen since the watch began."""

    charts: int
    pictures: int  # repaints with a changed chart
    replaced: list[int]  # which charts' SVG was another one than before, each time it was
    opacity: float  # the lowest of any chart
    repaints: int  # chances to draw that the browser had
    clicked: float | None  # milliseconds, the time of the last click
    atClick: int | None  # pictures before it
    firstAfterClick: float | None  # milliseconds from it to the next picture
    lastAfterClick: float | None  # … and to the last one so far


class Watch:
    """Looks at every chart of a page from now on, until the page is left."""

    def __init__(self, page: Page) -> None:
        self._page = page
        page.evaluate(_WATCH)

    @property
    def seen(self) -> Seen:
        found: dict[str, Any] = self._page.evaluate("window.__watch")
        return Seen(**found)

    def wait_for_pictures(self, number: int, seconds: float) -> None:
        """Until ``number`` more pictures have been seen."""
        goal = self.seen.pictures + number
        self._page.wait_for_function(
            "goal => window.__watch.pictures >= goal", arg=goal, timeout=1_000 * seconds
        )
