"""The figure in somebody else's page: in a plain frame, and in those that trust nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page

from harness.servers import Server

SECONDS = 1_000


@pytest.fixture
def post(server: Server) -> Iterator[str]:
    """A page of another origin; its query is the attributes of the frame in it."""

    class Post(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kinds = {"/scripts": "allow-scripts", "/both": "allow-scripts allow-same-origin"}
            kind = kinds.get(self.path)
            sandbox = f'sandbox="{kind}"' if kind else ""
            source = escape(f"{server.url}/?layers=3&steps=5000000&embed=true")
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            html = f'<!doctype html><iframe {sandbox} src="{source}" width=720 height=500></iframe>'
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            pass

    elsewhere = ThreadingHTTPServer(("127.0.0.1", 0), Post)
    threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
    yield f"http://localhost:{elsewhere.server_port}"
    elsewhere.shutdown()
    elsewhere.server_close()


@pytest.mark.usefixtures("silent_console")
@pytest.mark.parametrize("frame", ["none", "both", "scripts"])
def test_the_figure_stands_trains_and_pauses_in_a_frame_without_cookies(
    page: Page, post: str, frame: str
) -> None:
    page.goto(f"{post}/{frame}")
    figure = page.frame_locator("iframe")
    figure.locator("#first").wait_for(state="detached", timeout=60 * SECONDS)
    figure.get_by_role("button", name="Train").first.click(timeout=30 * SECONDS)
    figure.get_by_role("button", name="Pause").first.click(timeout=30 * SECONDS)
    figure.get_by_role("button", name="Train").first.wait_for(timeout=30 * SECONDS)
    assert figure.locator(".stVegaLiteChart").first.is_visible()


def test_the_figure_tells_the_page_that_it_is_in_how_high_it_is(page: Page, post: str) -> None:
    page.add_init_script("window.told = []; addEventListener('message', e => told.push(e.data))")
    page.goto(f"{post}/none")
    page.wait_for_function(
        "() => window.told.some(m => m.sentinel === 'amp' && m.height > 300)", timeout=60 * SECONDS
    )
    told = page.evaluate("window.told")
    assert any(isinstance(m, str) and m.startswith("[iFrameSizer]") for m in told)
    assert any(isinstance(m, str) and '"context":"iframe.resize"' in m for m in told)


@pytest.mark.parametrize("frame", ["none", "both", "scripts"])
def test_the_way_out_opens_the_page_or_says_where_it_is(page: Page, post: str, frame: str) -> None:
    page.goto(f"{post}/{frame}")
    figure = page.frame_locator("iframe")
    figure.locator("#first").wait_for(state="detached", timeout=60 * SECONDS)
    way = figure.get_by_role("link", name="Open the page")
    if frame == "none":
        with page.expect_popup() as opened:
            way.click()
        assert opened.value.url == way.get_attribute("href")
        return
    way.click()
    said = figure.locator(".st-key-out output").inner_text()
    assert said == f"This frame may not open it. The page is at {way.get_attribute('href')}"
