"""Downloads reach a reader behind the load balancer, and are the same from any server."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from benchmarks.chaos import Replicas, balanced
from benchmarks.servers import status
from export.downloads import DOWNLOADS
from tests.browser import acts

pytestmark = pytest.mark.browser


def downloads(page: Page, folder: Path) -> dict[str, bytes]:
    """What each button of the panel gives."""
    found = {}
    for download in DOWNLOADS:
        with page.expect_download(timeout=acts.PATIENCE) as arriving:
            page.get_by_role("button", name=download.label, exact=True).click()
        file = folder / download.file
        arriving.value.save_as(file)
        found[download.file] = file.read_bytes()
    return found


def wait_until_up(url: str) -> None:
    """Until the balancer has sent so many requests in a row to a server that answers."""
    in_a_row = 0
    while in_a_row < 20:
        in_a_row = in_a_row + 1 if status(f"{url}/_stcore/health") == 200 else 0
        time.sleep(0.1)


def test_every_download_works_behind_the_load_balancer_and_is_the_same_from_other_servers(
    browser: Browser, tmp_path: Path
) -> None:
    if shutil.which("haproxy") is None:
        pytest.skip("haproxy is not installed")
    replicas = Replicas(tmp_path, 2)
    try:
        replicas.wait_until_ready()
        with (
            balanced(replicas.servers, tmp_path / "haproxy.log") as url,
            browser.new_context() as context,
        ):
            page = acts.open_page(context.new_page(), url, "chapter=why&step=500")
            page.get_by_text("Share this run").click()
            before = downloads(page, tmp_path)
            assert all(before.values())
            # Both servers are replaced: the link alone leads back.
            for n in range(2):
                replicas.strike(n, "kill")
            for n in range(2):
                replicas.mend(n, "kill")
            wait_until_up(url)
            acts.open_page(context.new_page(), url, "chapter=why&step=500")
            page = context.pages[-1]
            page.get_by_text("Share this run").click()
            after = downloads(page, tmp_path)
            # Zips know when they were made; what is text or a table is the same to the byte.
            for name in ("run.py", "run.csv", "run.parquet", "poster.svg"):
                assert after[name] == before[name]
            assert all(after.values())
    finally:
        replicas.close()
