"""The first picture: what `/` shows before any script has come, from a live server."""

from __future__ import annotations

import gzip
import re
import time
import urllib.error
import urllib.request
from html import unescape
from http.client import HTTPMessage
from itertools import count

import pytest

from harness.servers import Server
from model.chapters import CHAPTERS, beginning
from model.experiment import Experiment

# A browser that opens a page, which is not kept waiting.
READER = {"Sec-Fetch-Mode": "navigate", "Accept-Encoding": "gzip"}

# Fifths of a second in which a picture has to be there, on a crowded machine too.
ATTEMPTS = 900

_seeds = count(71_000)


def ask(url: str, headers: dict[str, str]) -> tuple[int, bytes, HTTPMessage]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers


def first_of(url: str) -> str:
    html = gzip.decompress(ask(url, READER)[1]).decode()
    found = re.search(r'<main id="first">(.*?)</main>', html, re.S)
    assert found is not None
    return found[1]


def picture_of(url: str) -> str:
    """The first picture, once it is drawn."""
    for _ in range(ATTEMPTS):
        first = first_of(url)
        if first.count("<svg") == 2:
            return first
        time.sleep(0.2)
    raise AssertionError(f"no picture: {first}")


@pytest.mark.parametrize("chapter", ["", *CHAPTERS])
def test_a_chapter_shows_its_network_and_its_estimate_before_anybody_has_asked(
    served: Server, chapter: str
) -> None:
    first = picture_of(f"{served.url}/?chapter={chapter}")
    assert "<h1>" in first
    setup = CHAPTERS.get(chapter)
    # The words are those that the live page begins with.
    words = beginning(*(setup.first, setup.second, chapter) if setup else (Experiment(),))
    assert re.sub(r"\*", "", words.whole()) in unescape(re.sub(r"<.*?>", "", first))
    # Whether it learns is the question: only those who cannot run it are told.
    told, _, without_scripts = first.partition("<noscript>")
    assert "Not trained yet." in told
    assert "steps" in without_scripts
    # Colours are those of the page, light or dark.
    assert "currentColor" in told
    assert "var(--layer-0)" in told
    assert "#1c2430" not in told


def test_in_a_post_it_says_what_the_figure_begins_with(served: Server) -> None:
    _, html, _ = ask(f"{served.url}/?chapter=stops&embed=true", READER)
    first = gzip.decompress(html).decode().partition('<main id="first" class="figure">')[2]
    setup = CHAPTERS["stops"]
    words = beginning(setup.first, setup.second, "stops")
    said = unescape(re.sub(r"<.*?>", "", first.partition("<p>")[2].partition("</p>")[0]))
    assert said == re.sub(r"\*", "", words.alone)


def test_what_is_read_in_a_picture_keeps_its_digits(served: Server) -> None:
    assert ">N(0, 0.001)<" in picture_of(f"{served.url}/?chapter=cure")


def test_a_link_to_a_step_shows_the_run_at_that_step_and_its_verdict(served: Server) -> None:
    at_the_start = picture_of(f"{served.url}/?layers=3")
    later = picture_of(f"{served.url}/?layers=3&step=50")
    assert "After 50 steps: Asleep" in later.partition("<noscript>")[0]
    drawn, before = (re.findall(r"<svg.*?</svg>", each, re.S) for each in (later, at_the_start))
    assert drawn != before


def test_nobody_waits_for_a_link_that_nobody_has_asked_for_yet(served: Server) -> None:
    url = f"{served.url}/?layers=3&seed={next(_seeds)}"
    first = first_of(url)
    assert first.count("<svg") == 1
    assert "Press <b>Train</b>." in first
    assert picture_of(url)


def test_two_pictures_of_one_page_share_no_names(served: Server) -> None:
    names = re.findall(r'\bid="([^"]+)"', picture_of(f"{served.url}/?chapter=why"))
    assert len(set(names)) == len(names)


def test_the_page_is_small_and_is_not_sent_twice(served: Server) -> None:
    url = f"{served.url}/?chapter=why"
    picture_of(url)
    status, body, headers = ask(url, READER)
    assert (status, headers["Content-Encoding"]) == (200, "gzip")
    assert len(body) < 25_000
    assert headers["Cache-Control"] == "no-cache"
    assert "Accept-Encoding" in headers["Vary"]
    status, body, _ = ask(url, READER | {"If-None-Match": headers["ETag"]})
    assert (status, body) == (304, b"")


def test_nothing_that_comes_later_holds_the_first_picture_back(served: Server) -> None:
    html = gzip.decompress(ask(served.url, READER)[1]).decode()
    before = html.partition('<main id="first">')[0]
    assert 'rel="stylesheet"' not in before
    for script in re.findall(r"<script[^>]+src=[^>]+>", before):
        assert "defer" in script or 'type="module"' in script
    assert 'rel="stylesheet"' in html
