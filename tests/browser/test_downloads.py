"""Downloads reach a reader behind the load balancer, and are the same from any server."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page

from benchmarks.chaos import Replicas
from export.downloads import DOWNLOADS
from harness import acts
from harness.balancers import ask, balancing
from harness.watch import Watch

pytestmark = pytest.mark.browser

TOKEN = "for tests only"

# A replica that has just begun starts TensorFlow, while another one still answers.
ATTEMPTS = 12

# Milliseconds in which a page that has a server again has asked it for its pictures.
ASKED = 3_000


def downloads(page: Page) -> dict[str, bytes]:
    """What each button of the panel gives."""
    found = {}
    for download in DOWNLOADS:
        button = page.get_by_role("link", name=download.label, exact=True)
        address = button.get_attribute("href", timeout=acts.PATIENCE)
        assert address is not None
        # Another connection, without cookies, which may reach either server; one that is still
        # busy says when to ask again, and a browser does.
        for _ in range(ATTEMPTS):
            version, headers, found[download.file] = ask(address)
            if version != "2 503":
                break
            time.sleep(int(headers["retry-after"][0]))
        assert version == "2 200", download.file
    return found


def server_of_the_page(replicas: Replicas) -> int | None:
    """Which replica has the page's websocket, if one has."""
    for n, server in enumerate(replicas.servers):
        request = Request(f"{server.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        with suppress(OSError), urlopen(request) as answer:
            if b"middle_layer_sessions 1.0" in answer.read():
                return n
    return None


def test_a_page_that_rests_outlives_its_server_and_so_do_its_downloads(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIDDLE_LAYER_METRICS_TOKEN", TOKEN)
    replicas = Replicas(tmp_path, 2)
    try:
        replicas.wait_until_ready()
        with (
            balancing("haproxy", tmp_path, replicas.addresses) as url,
            browser.new_context(ignore_https_errors=True) as context,
        ):
            page = acts.open_page(context.new_page(), url, "chapter=why&step=500")
            page.get_by_role("slider", name="Look back at step").press("Home")
            page.get_by_text("Looking back at step 0").wait_for()
            acts.rest(page)
            page.get_by_text("Share this run").click()
            page.get_by_role("link", name=DOWNLOADS[0].label, exact=True).wait_for()
            acts.rest(page)
            shown = acts.progress(page), acts.figures(page)
            watch = Watch(page)
            before = downloads(page)
            struck = server_of_the_page(replicas)
            assert struck is not None
            replicas.strike(struck, "kill")
            # Nobody touches anything: the page asks the other server by itself.
            acts.wait_for(
                page, lambda: server_of_the_page(replicas) == 1 - struck, "the page to ask"
            )
            page.wait_for_timeout(ASKED)
            acts.rest(page)
            assert (acts.progress(page), acts.figures(page)) == shown
            assert watch.seen.replaced == []
            for name, file in downloads(page).items():
                assert file
                assert file == before[name], name
    finally:
        replicas.close()
