"""Chromium, and the real server for it to look at."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from scripts import chromium

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SECONDS_TO_START = 60
LINES_OF_LOG = 100


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Last, because they are slow, and because Playwright's synchronous interface keeps an event
    # loop running in the main thread, in which no other test could start one of its own.
    ours = [item for item in items if item.path.is_relative_to(HERE)]
    for item in ours:
        item.add_marker(pytest.mark.browser)
    items[:] = [item for item in items if item not in ours] + ours


@dataclass(frozen=True)
class Server:
    """The page as ``make run`` serves it, in processes of its own."""

    url: str
    pid: int
    log: Path

    def last_lines(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        # What went well is not what one looks for, and a page is a hundred files.
        told = [line for line in lines if '"status": 200' not in line]
        return "\n".join(told[-LINES_OF_LOG:])


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = chromium.find()
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(chromium.MISSING)
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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "server.log"
    command = [sys.executable, "-m", "streamlit", "run", entry()]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port)]
    command += ["--server.headless", "true"]
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    server = Server(f"http://127.0.0.1:{port}", process.pid, log)
    try:
        wait_until_healthy(server, process)
        yield server
    finally:
        end(process)


def entry() -> str:
    """Return the file that is served, as the Makefile says it."""
    line = re.search(r"^ENTRY := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert line, "the Makefile has no line ENTRY := …"
    return line[1]


def wait_until_healthy(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=1):
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.1)
    pytest.fail(f"the server did not come up\n{server.last_lines()}", pytrace=False)


def end(process: subprocess.Popen[bytes]) -> None:
    """End the server and the workers that it started, by their process ids."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for orphan in psutil.wait_procs(family, timeout=5)[1]:
        orphan.kill()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    server = getattr(item, "funcargs", {}).get("server")
    if report.failed and server is not None:
        report.sections.append(("server log", server.last_lines()))
    return report
