"""The page over the roads and on the processors that its readers have.

    python -m benchmarks.road                       # the table of docs/benchmarks.md
    python -m benchmarks.road --quick --roads slow --balancer haproxy

A road is a proxy with a round trip and a rate (harness/road.py); Chrome's own protocol slows the
processor. What is seen is asked of the browser, what is carried of the proxy, and how old a picture
is of the server, which is told when it has been shown.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from benchmarks._report import figure, parsed, publish, table
from harness.balancers import BALANCERS, balancing
from harness.road import Rates, Road
from harness.servers import Server, serving
from scripts import chromium

_LAPTOP, _PHONE = (1366, 768), (390, 844)
_TOKEN = "road"
_QUERY = "layers=3&steps=1000000"

# Milliseconds until what does not come is given up.
_PATIENCE = 240_000


@dataclass(frozen=True)
class Place:
    """Where a reader stands, and what is wanted there."""

    name: str
    rates: Rates
    slower: int  # the processor, so many times
    size: tuple[int, int]
    picture: float  # s until something of the page's is drawn
    chart: float  # s until the first live chart
    pictures: float  # a second
    pause: float  # s until the page rests


PLACES = {
    "none": Place("none, laptop", Rates(), 1, _LAPTOP, 0.6, 1.5, 20, 0.3),
    "slow": Place(
        "150 ms, 1.6/0.75 Mbit/s, laptop", Rates(150, 1600, 750), 1, _LAPTOP, 2.5, 10, 10, 0.8
    ),
    "slowest": Place(
        "300 ms, 400/400 kbit/s, 390×844", Rates(300, 400, 400), 1, _PHONE, 5, 40, 3, 2.0
    ),
    "phone": Place(
        "60 ms, 10/5 Mbit/s, 390×844, processor 4× slower",
        Rates(60, 10_000, 5_000),
        4,
        _PHONE,
        2,
        9,
        6,
        0.8,
    ),
    "old phone": Place("the same, 6× slower", Rates(60, 10_000, 5_000), 6, _PHONE, 3, 13, 3, 1.2),
}

# Looks at each repaint for the first drawing and the first live chart, and when the step that the
# page shows changed last.
_WATCH = """
(() => {
  const state = window.__road = {picture: null, chart: null, changed: null, text: "", told: 0};
  const large = node => {
    const box = node.getBoundingClientRect();
    return box.width >= 100 && box.height >= 60;
  };
  const drawn = selector => [...document.querySelectorAll(selector)].some(large);
  const look = () => {
    if (state.picture === null && drawn("svg, canvas")) state.picture = performance.now();
    if (state.chart === null &&
        drawn("[data-testid=stVegaLiteChart] :is(svg.marks, canvas.marks)"))
      state.chart = performance.now();
    const text = document.querySelector(".st-key-progress")?.innerText ?? "";
    if (text !== state.text) { state.text = text; state.changed = performance.now(); }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    if (typeof data === "string" && data.startsWith("shown")) state.told++;
    return send.call(this, data);
  };
})();
"""

_PRESS = """
() => {
  window.__road.clicked = performance.now();
  document.querySelector(".st-key-train button").click();
}
"""


@dataclass(frozen=True)
class Seen:
    """One visit."""

    picture: float  # s
    chart: float  # s
    carried: float  # kB until the first live chart
    pictures: float  # a second
    rate: float  # kbit/s down, in training
    size: float  # kB a picture
    pause: float  # s
    age: float  # s, mean, from a picture's drawing to the word that it is shown
    oldest: float  # s: none was older
    again: float  # kB until the live page stands on a second visit


def visit(
    browser: Browser, server: Server, front: str, place: Place, query: str, seconds: float
) -> Seen:
    """Open the page over the place's road, train, pause; then open it again.

    ``front`` is where the road leads to: the server's address, or that of a balancer before it.
    """
    address, port = front.rsplit(":", 1)
    direct = None
    if place.rates == Rates():
        # A proxy is something of a road, too: it only counts.
        with _context(browser, place) as context:
            direct = _open(context, place, f"{front}/?{query}").evaluate("window.__road")
    with Road(int(port), place.rates) as road, _context(browser, place) as context:
        over = f"{address}:{road.port}/?{query}"
        page = _open(context, place, over)
        carried = road.carried()[0]
        _until(page, "() => document.querySelector('.st-key-train button:enabled') !== null")
        page.wait_for_timeout(2_000)
        page.evaluate(_PRESS)
        page.wait_for_timeout(2_000)
        before, told, ages = road.carried()[0], _told(page), Ages.of(server)
        began = time.monotonic()
        page.wait_for_timeout(1_000 * seconds)
        took = time.monotonic() - began
        count, more = _told(page) - told, road.carried()[0] - before
        page.evaluate(_PRESS)
        page.wait_for_timeout(max(3_000, 4_000 * place.pause))
        state = page.evaluate("window.__road")
        after = Ages.of(server)
        page.close()
        before = road.carried()[0]
        _open(context, place, over)
        return Seen(
            (direct or state)["picture"] / 1e3,
            (direct or state)["chart"] / 1e3,
            carried / 1e3,
            count / took,
            more * 8e-3 / took,
            more / 1e3 / max(count, 1),
            max(0.0, state["changed"] - state["clicked"]) / 1e3,
            (after.total - ages.total) / max(after.count - ages.count, 1),
            after.bound(ages),
            (road.carried()[0] - before) / 1e3,
        )


def _context(browser: Browser, place: Place) -> BrowserContext:
    width, height = place.size
    size = ViewportSize(width=width, height=height)
    return browser.new_context(
        viewport=size, has_touch=place.size == _PHONE, ignore_https_errors=True
    )


def _open(context: BrowserContext, place: Place, address: str) -> Page:
    """Open the page, and wait for its first live chart."""
    page = context.new_page()
    page.set_default_timeout(_PATIENCE)
    page.add_init_script(_WATCH)
    if place.slower > 1:
        session = context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": place.slower})
    page.goto(address, wait_until="commit")
    _until(page, "() => window.__road?.chart")
    return page


def _until(page: Page, condition: str) -> None:
    """Wait; Playwright's own way would evaluate a text in the page, which its policy forbids."""
    deadline = time.monotonic() + _PATIENCE / 1e3
    while not page.evaluate(condition):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {_PATIENCE / 1e3:.0f} s: {condition}")
        page.wait_for_timeout(50)


def _told(page: Page) -> int:
    return int(page.evaluate("window.__road.told"))


@dataclass(frozen=True)
class Ages:
    """The ages at which pictures have been shown so far, as the server counts them."""

    total: float  # s
    count: float
    up_to: dict[float, float]  # how many were no older than so many seconds

    @classmethod
    def of(cls, server: Server) -> Ages:
        text = _metrics(server)
        name = "middle_layer_shown_seconds"
        numbers = dict(re.findall(rf"^{name}_(sum|count) (\S+)$", text, re.M))
        found = re.findall(rf'^{name}_bucket{{le="(.+)"}} (\S+)$', text, re.M)
        return cls(
            float(numbers["sum"]),
            float(numbers["count"]),
            {float(bound): float(many) for bound, many in found},
        )

    def bound(self, before: Ages) -> float:
        """Seconds than which none was older since ``before``."""
        count = self.count - before.count
        return min(b for b, n in self.up_to.items() if n - before.up_to.get(b, 0.0) >= count)


def _metrics(server: Server) -> str:
    request = urllib.request.Request(
        f"{server.url}/metrics", headers={"Authorization": f"Bearer {_TOKEN}"}
    )
    with urllib.request.urlopen(request) as answer:
        text: str = answer.read().decode()
        return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--roads", nargs="+", choices=PLACES, default=list(PLACES))
    parser.add_argument("--queries", nargs="+", default=[_QUERY, f"{_QUERY}&vs.layers=2"])
    parser.add_argument("--seconds", type=float, default=10.0, help="in training")
    parser.add_argument("--rounds", type=int, default=3, help="medians are of so many visits")
    parser.add_argument("--balancer", choices=BALANCERS, help="stands before the server")
    options = parsed(parser, seconds=5.0, rounds=1, queries=[_QUERY])
    names = [field.name for field in fields(Seen)]
    rows = []
    path = chromium.find()
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    folder = Path(tempfile.mkdtemp())
    settings = {"MIDDLE_LAYER_METRICS_TOKEN": _TOKEN}
    with serving(folder / "server.log", settings) as server, ExitStack() as stack:
        front, host = server.url, server.url.partition("://")[2]
        if options.balancer:
            front = stack.enter_context(balancing(options.balancer, folder, [host, host]))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        for road in options.roads:
            place = PLACES[road]
            for query in options.queries:
                visits = [
                    visit(browser, server, front, place, query, options.seconds)
                    for _ in range(options.rounds)
                ]
                medians = [
                    statistics.median(getattr(each, name) for each in visits) for name in names
                ]
                title = place.name + (", two networks" if "vs." in query else "")
                rows.append([title, *map(figure, medians)])
                print(title, dict(zip(names, map(figure, medians), strict=True)), flush=True)
        browser.close()
    head = [
        "road and processor",
        "first picture, s",
        "first live chart, s",
        "carried by then, kB",
        "pictures/s",
        "kbit/s",
        "kB a picture",
        "Pause → rest, s",
        "a picture's age, s",
        "none older than, s",
        "second visit, kB",
    ]
    lines = table(head, rows)
    print(lines)
    if not (options.quick or options.balancer):
        publish("road", f"## The road\n\n{lines}")


if __name__ == "__main__":
    main()
