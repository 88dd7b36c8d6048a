"""The page in a real browser: pictures a second, and how long a reader waits for what.

    python -m benchmarks.browser --seconds 10

Criterion, on a quiet machine with two cores: at least 15 pictures a second with three layers, no
view rebuilt, none faded, nothing in the console.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks._report import figure, publish, table
from harness import acts
from harness.servers import Server, start, status
from harness.watch import Watch
from scripts import chromium

ENOUGH = 15

QUERY = "layers=3&steps=5000000"

SIZE = {"width": 1366, "height": 768}

# What is seen before training has come up to speed is not counted.
_SETTLE = 2.0

_ROUNDS = 5


@dataclass(frozen=True)
class Opening:
    """Milliseconds from a navigation, in a browser that has nothing cached."""

    paint: float  # something is seen
    controls: float  # Train can be pressed
    charts: float  # every chart is drawn


@dataclass(frozen=True)
class Playing:
    """What was seen of a network in training."""

    rate: float  # pictures a second
    idle_rate: float  # repaints a second of the same page at rest: what the browser could do
    replaced: int
    opacity: float
    first: list[float]  # milliseconds from clicks on Train to the first changed picture
    paused: list[float]  # milliseconds from clicks on Pause to the last changed picture
    cpu: float  # milliseconds of the server's own process per picture
    worker_cpu: float  # … of its workers


def opening(browser: Browser, server: Server) -> Opening:
    """Open the page in a fresh browser."""
    with browser.new_context(viewport=SIZE) as context:  # type: ignore[arg-type]
        page = context.new_page()
        began = time.monotonic()
        page.goto(f"{server.url}/?{QUERY}")
        acts.button(page, "train").wait_for(timeout=acts.PATIENCE)
        controls = time.monotonic() - began
        page.locator("svg.marks").first.wait_for(timeout=acts.PATIENCE)
        acts.rest(page)
        charts = time.monotonic() - began
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        return Opening(paint, 1_000 * controls, 1_000 * charts)


def playing(page: Page, server: Server, seconds: float) -> Playing:
    """Train for some seconds, pausing now and then."""
    acts.open_page(page, server.url, QUERY)
    watch = Watch(page)
    before = watch.seen.repaints
    page.wait_for_timeout(2_000)
    idle = (watch.seen.repaints - before) / 2
    first, paused = [], []
    for last in (*[False] * (_ROUNDS - 1), True):
        acts.press(page, "train")
        watch.wait_for_pictures(5, 60)
        first.append(watch.seen.firstAfterClick or float("nan"))
        if last:
            break
        acts.press(page, "train")
        acts.rest(page)
        paused.append(watch.seen.lastAfterClick or 0.0)
    page.wait_for_timeout(1_000 * _SETTLE)
    own, *workers = server.family
    at, cpu, worker_cpu = watch.seen.pictures, _cpu([own]), _cpu(workers)
    began = time.monotonic()
    page.wait_for_timeout(1_000 * seconds)
    pictures, elapsed = watch.seen.pictures - at, time.monotonic() - began
    seen = watch.seen
    return Playing(
        rate=pictures / elapsed,
        idle_rate=idle,
        replaced=len(seen.replaced),
        opacity=seen.opacity,
        first=first,
        paused=paused,
        cpu=1_000 * (_cpu([own]) - cpu) / max(pictures, 1),
        worker_cpu=1_000 * (_cpu(workers) - worker_cpu) / max(pictures, 1),
    )


def _cpu(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


@contextmanager
def _browser() -> Iterator[Browser]:
    path = chromium.find()
    if path is None:
        raise SystemExit(chromium.MISSING)
    arguments = ["--disable-gpu", "--disable-background-networking", "--no-first-run"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


def main(seconds: float, write: bool) -> None:
    said: list[str] = []
    with tempfile.TemporaryDirectory() as folder, _browser() as browser:
        server = start(Path(folder) / "server.log")
        try:
            while status(f"{server.url}/healthz") != 200 and server.process.poll() is None:
                time.sleep(0.05)
            cold = opening(browser, server)
            server.wait_until_ready()
            warm = opening(browser, server)
            page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
            page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
            page.on("pageerror", lambda error: said.append(f"error: {error}"))
            found = playing(page, server, seconds)
            page.close()
        finally:
            server.end()
    body = "\n\n".join(["## In the browser", _openings(cold, warm), _pictures(found, said)])
    print(body)
    for line in said:
        print("console:", line)
    if write:
        publish("browser", body)


def _openings(cold: Opening, warm: Opening) -> str:
    rows = [
        (name, figure(before), figure(after), f"{before / after:.1f}")
        for name, before, after in (
            ("first paint", cold.paint, warm.paint),
            ("Train can be pressed", cold.controls, warm.controls),
            ("every chart is drawn", cold.charts, warm.charts),
        )
    ]
    head = ("ms from the navigation", "server just started", "server warm", "ratio")
    return table(head, rows)


def _pictures(found: Playing, said: list[str]) -> str:
    rows = [
        ("pictures a second", f"{found.rate:.1f}", f"≥ {ENOUGH}"),
        ("… as a share of the idle page's repaints", f"{found.rate / found.idle_rate:.2f}", ""),
        ("views rebuilt", found.replaced, "0"),
        ("lowest opacity of a chart", f"{found.opacity:g}", "1"),
        ("messages in the console", len(said), "0"),
        ("ms from Train to the first changed picture, median", _median(found.first), ""),
        ("ms from Pause to the last changed picture, median", _median(found.paused), "≤ 500"),
        ("ms of CPU a picture, the server's process", f"{found.cpu:.1f}", ""),
        ("ms of CPU a picture, its workers", f"{found.worker_cpu:.1f}", ""),
    ]
    return table(("three layers, 1366×768", "measured", "wanted"), rows)


def _median(times: list[float]) -> str:
    return figure(sorted(times)[len(times) // 2])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--quick", action="store_true", help="measure, and write nothing")
    arguments = parser.parse_args()
    main(arguments.seconds, not arguments.quick)
