"""``server.py`` in a browser: under its content security policy, and when a replica dies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page

from harness.servers import Server, serving, start

SECONDS = 1_000


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("public") / "server.log") as server:
        yield server


def shown_step(page: Page) -> int:
    text = page.get_by_text(re.compile(r"^Step [\d,]+ of")).first.inner_text()
    return int(re.sub(r"\D", "", text.split(" of")[0]))


def train(page: Page, url: str) -> None:
    page.goto(f"{url}/?layers=3&steps=5000000")
    page.get_by_role("button", name="Train").click(timeout=30 * SECONDS)
    page.get_by_role("button", name="Pause").wait_for()


def test_the_console_is_silent_under_the_content_security_policy(
    page: Page, public: Server
) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    train(page, public.url)
    page.wait_for_timeout(3 * SECONDS)
    assert page.locator(".stVegaLiteChart canvas, .stVegaLiteChart svg").count() > 3
    assert said == []


def test_the_address_says_where_the_run_stands_and_fills_no_history(
    page: Page, public: Server
) -> None:
    train(page, public.url)
    page.wait_for_timeout(1 * SECONDS)
    before = page.evaluate("history.length")
    page.wait_for_timeout(4 * SECONDS)
    found = parse_qs(urlsplit(page.url).query)
    assert found["train"] == ["1"]
    assert int(found["step"][0]) > 0
    assert page.evaluate("history.length") == before


def test_a_reader_whose_server_dies_goes_on_at_another_without_a_click(
    page: Page, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("dying")
    first = start(folder / "first.log")
    second: Server | None = None
    try:
        first.wait_until_ready()
        train(page, first.url)
        page.wait_for_timeout(4 * SECONDS)
        before = shown_step(page)
        assert before > 0
        # Another process in its place: it knows nothing of the session.
        for process in first.family:
            process.kill()
        first.process.wait()
        second = start(folder / "second.log", port=urlsplit(first.url).port)
        second.wait_until_ready()
        for _ in range(200):
            if shown_step(page) > before:
                break
            page.wait_for_timeout(200)
        assert shown_step(page) > before
        assert page.get_by_role("button", name="Pause").is_visible()
    finally:
        first.end()
        if second is not None:
            second.end()
