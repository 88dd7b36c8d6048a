"""What begins and ends: readers, tabs, workers."""

from __future__ import annotations

import time

import psutil
import pytest
from playwright.sync_api import Browser, Page

from harness import acts
from harness.servers import Server
from harness.watch import Watch
from model.chapters import CHAPTERS

pytestmark = pytest.mark.usefixtures("silent_console")

# A process that has nothing to do still wakes now and then.
IDLE = 0.03


def workers(server: Server) -> list[psutil.Process]:
    """The processes of the server that have TensorFlow."""
    return [process for process in server.family if has_tensorflow(process)]


def has_tensorflow(process: psutil.Process) -> bool:
    try:
        return any("/tensorflow/" in mapped.path for mapped in process.memory_maps())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def busy(processes: list[psutil.Process], seconds: float = 1.0) -> float:
    """The share of ``seconds`` for which these processes are at work."""

    def spent() -> float:
        return sum(sum(process.cpu_times()[:2]) for process in processes)

    before = spent()
    time.sleep(seconds)
    return (spent() - before) / seconds


def test_the_server_never_loads_tensorflow_and_its_worker_does(page: Page, server: Server) -> None:
    acts.open_page(page, server.url, "layers=3&steps=300")
    acts.press(page, "train")
    acts.wait_until_over(page)
    for key in ("half", "atlas"):
        acts.open_chapter(page, key)
        if key == "atlas":
            acts.press(page, "atlas-draw")
            page.get_by_text("% of the atlas").first.wait_for(timeout=acts.PATIENCE)
            page.wait_for_function(
                "() => !document.body.innerText.includes(' 0% of the atlas')", timeout=acts.PATIENCE
            )
            acts.press(page, "atlas-draw")
        acts.rest(page)
    own = {mapped.path for mapped in server.family[0].memory_maps()}
    # Keras is plain Python, but it brings h5py and ml_dtypes, which are not.
    for library in ("/tensorflow/", "/keras/", "/h5py/", "/ml_dtypes/"):
        assert not [path for path in own if library in path]
    assert workers(server)


def test_two_tabs_do_not_disturb_each_other(browser: Browser, server: Server) -> None:
    query = "layers=3&weights=xavier_uniform&steps=2000&train=1"
    with browser.new_context() as alone:
        page = acts.open_page(alone.new_page(), server.url, query)
        acts.wait_until_over(page)
        expected = acts.figures(page)
    with browser.new_context() as context:
        first, second = context.new_page(), context.new_page()
        acts.open_page(first, server.url, query)
        acts.open_page(second, server.url, "layers=2&steps=5000000&train=1")
        acts.wait_for_step(second, "n > 200")
        acts.wait_until_over(first)
        assert acts.figures(first) == expected
        acts.press(second, "train")
        acts.rest(second)
        assert acts.step(first) == 2_000
        assert "layers=3" in first.url
        assert "layers" not in second.url  # two is what a link need not say


def test_a_closed_tab_leaves_no_work_behind(browser: Browser, server: Server) -> None:
    with browser.new_context() as context:
        page = acts.open_page(
            context.new_page(),
            server.url,
            "layers=6&width=64&batch=64&objective=all&steps=5000000&train=1",
        )
        acts.wait_for_step(page, "n > 100")
        acts.wait_for(page, lambda: busy(workers(server)) > IDLE, "a worker at work")
        page.close()
        deadline = time.monotonic() + 15
        while busy(workers(server)) > IDLE:
            assert time.monotonic() < deadline, "still at work"
        assert busy([server.family[0]]) < 0.2


def test_a_worker_that_is_killed_costs_a_pause_and_no_number(
    browser: Browser, page: Page, server: Server
) -> None:
    query = "layers=3&weights=xavier_uniform&steps=20000"
    acts.open_page(page, server.url, f"{query}&step=20000")
    acts.wait_until_over(page)
    expected = acts.figures(page)
    with browser.new_context(viewport={"width": 1366, "height": 768}) as context:
        other = acts.open_page(context.new_page(), server.url, query)
        watch = Watch(other)
        acts.press(other, "train")
        acts.wait_for_step(other, "n > 500")
        killed = workers(server)
        for worker in killed:
            worker.kill()
        assert acts.step(other) < 20_000
        acts.wait_until_over(other)
        assert not {worker.pid for worker in killed} & {w.pid for w in workers(server)}
        assert acts.figures(other) == expected
        assert watch.seen.replaced == []
        assert watch.seen.opacity == 1


def test_every_chapter_opens_and_the_browser_goes_back_and_forward(
    page: Page, server: Server
) -> None:
    acts.open_page(page, server.url)
    texts = []
    acts.open_chapter(page, "why")  # the first one stands from the beginning
    for key in CHAPTERS:
        acts.open_chapter(page, key)
        texts.append(acts.words(page))
        assert page.locator("[data-testid=stException], [data-testid=stAlert]").count() == 0
    assert len(set(texts)) == len(CHAPTERS)
    keys, last = list(CHAPTERS), page.locator(".st-key-words").inner_text()
    page.go_back()
    page.wait_for_function("key => location.search.includes(key)", arg=f"chapter={keys[-2]}")
    page.get_by_text(texts[-2].split("\n")[-1][:20]).first.wait_for(timeout=acts.PATIENCE)
    page.go_forward()
    page.wait_for_function("key => location.search.includes(key)", arg=f"chapter={keys[-1]}")
    # In haste, while the server still speaks of where the reader has just been.
    for _ in range(3):
        page.go_back()
        page.go_forward()
    said = page.locator(".st-key-words")
    acts.wait_for(page, lambda: said.inner_text() == last, "the last chapter's words", 60)
    assert f"chapter={keys[-1]}" in page.url


@pytest.mark.parametrize("query", ["layers=99&colour=red", "seed=-1&step=nan"])
def test_a_bad_link_opens_the_page_and_says_what_was_left_out(
    page: Page, server: Server, query: str
) -> None:
    acts.open_page(page, server.url, query)
    shown = page.locator("[data-testid=stAlert]").inner_text()
    for name in ("layers", "colour") if "colour" in query else ("seed", "step"):
        assert name in shown
