"""Chromium, and the real server for it to look at."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from harness import Missing
from harness.servers import Server, serving
from scripts import chromium

HERE = Path(__file__).parent
LINES_OF_LOG = 100


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Last, because they are slow, and because Playwright's synchronous interface keeps an event
    # loop running in the main thread, in which no other test could start one of its own.
    ours = [item for item in items if item.path.is_relative_to(HERE)]
    for item in ours:
        item.add_marker(pytest.mark.browser)
    items[:] = [item for item in items if item not in ours] + ours


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = chromium.find()
    if path is None:
        raise Missing(chromium.MISSING)
    return path


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Browser]:
    arguments = [
        "--disable-gpu",
        # Nothing but the page itself: no requests that the browser makes for its own sake.
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-quic",
        "--disable-sync",
        "--no-first-run",
    ]
    # Chromium's sandbox refuses to run as root, which is who one is in a container.
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of its own for each test: no cookies, no storage, a laptop's size."""
    with browser.new_context(viewport={"width": 1366, "height": 768}) as context:
        yield context.new_page()


@pytest.fixture
def silent_console(page: Page) -> Iterator[None]:
    """Nothing may be said in the page's console: no error, and no warning either."""
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    yield
    assert said == []


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server") / "server.log") as server:
        yield server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    server = getattr(item, "funcargs", {}).get("server")
    if report.failed and server is not None:
        report.sections.append(("server log", "\n".join(server.complaints()[-LINES_OF_LOG:])))
    return report
