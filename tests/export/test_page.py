"""What points back to the page points there."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from export import bibtex, cite, embed_snippet
from model import Experiment
from model.link import Link, read, write


class Frame(HTMLParser):
    """The attributes of the one frame in a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "iframe"
        self.found.append(dict(attrs))


LINK = Link(Experiment(layers=4, learning_rate=0.01), Experiment(layers=2), step=70)


@pytest.mark.parametrize("query", ["", "?" + write(LINK), "?embed=true&layers=4"])
def test_the_embedded_page_is_the_one_of_the_link(query: str) -> None:
    (frame,) = Frame(embed_snippet(f"https://example.org/{query}")).found
    source = frame["src"] or ""
    assert source.startswith("https://example.org/?")
    assert source.count("embed=true") == 1
    assert read(source) == read(query)
    assert not read(source).messages


def test_a_hostile_link_does_not_break_out_of_the_snippet() -> None:
    html = embed_snippet('https://example.org/?layers=3&x="><script>alert(1)</script>')
    assert "<script" not in html
    (frame,) = Frame(html).found
    assert read(frame["src"] or "").experiment.layers == 3


def test_the_frame_has_a_title_for_those_who_hear_the_page() -> None:
    (frame,) = Frame(embed_snippet("https://example.org/")).found
    assert frame["title"] == "The Middle Layer"


def test_an_entry_for_bibtex_is_whole() -> None:
    entry = bibtex("https://example.org/?layers=3", "1.2.3")
    assert entry.count("{") == entry.count("}")
    found = dict(re.findall(r"^  (\w+) += \{(.*)\},?$", entry, re.M))
    assert found["url"] == "https://example.org/?layers=3"
    assert (found["version"], found["year"]) == ("1.2.3", "2026")
    assert {"author", "title"} <= set(found)


def test_the_citation_names_author_year_version_and_link() -> None:
    line = cite("https://example.org/?layers=3", "1.2.3")
    assert line.startswith("The Middle Layer contributors (2026).")
    assert "1.2.3" in line
    assert line.endswith("https://example.org/?layers=3")
