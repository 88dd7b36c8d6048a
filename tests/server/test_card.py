"""What a crawler gets for a link: parsed by a parser that is not ours, from a live server."""

from __future__ import annotations

import io
import json
import random
import re
import urllib.error
import urllib.request
from html.parser import HTMLParser
from urllib.parse import quote, urlencode, urlsplit

import pytest
from PIL import Image

from harness.servers import Server
from model.diagnosis import Verdict
from model.link import read, write
from serving.picture import draw
from serving.preview import headline

# What people put into links to break pages. Each may be a value, a name, or all of the query.
HOSTILE = (
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    "</title><script>alert(1)</script>",
    "</noscript><script>alert(1)</script>",
    "\\1\\g<0>\\n",
    "{0}{policy}%s%(x)s$1",
    "\r\nSet-Cookie: a=b\r\n\r\n<html>",
    "\x00\x07\u202e\ud7ff\U0001f600",
    "1e999",
    "-1",
    "NaN",
    "9" * 5_000,
    "javascript:alert(1)",
    "<!--",
    "&quot;&lt;&amp;",
    "../../etc/passwd",
    "=cmd|' /C calc'!A0",
    "%00%ff%fe",
)
FIELDS = ("layers", "weights", "seed", "learning_rate", "chapter", "hide", "step", "vs.seed", "x")


def hostile_links(count: int) -> list[str]:
    chance = random.Random(0)
    values = (*HOSTILE, "2", "3", "xavier_uniform", "0.01", "adam", "100")
    links = []
    for _ in range(count):
        names = chance.choices((*FIELDS, *HOSTILE), k=chance.randint(0, 6))
        links.append(urlencode([(name, chance.choice(values)) for name in names]))
    return links


class Head(HTMLParser):
    """The tags of a page's head, as a browser would see them, and the scripts of all of it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.meta: dict[str, str] = {}
        self.scripts = 0
        self.links: dict[str, str] = {}
        self.tags: list[str] = []
        self.title = ""
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        if "body" not in self.tags:
            self.tags.append(tag)
        self.scripts += tag == "script"
        self._inside = tag
        if tag == "meta":
            self.meta[found.get("property") or found.get("name", "")] = found.get("content", "")
        if tag == "link":
            self.links[found.get("type") or found["rel"]] = found["href"]
        assert not any(name.startswith("on") for name in found)

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.title += data


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:
        assert answer.status == 200
        body: bytes = answer.read()
        return body


@pytest.fixture(scope="module")
def plain(served: Server) -> Head:
    return Head(get(served.url).decode())


def test_a_hostile_link_changes_no_tag_and_is_passed_on_only_as_its_experiment(
    served: Server, plain: Head
) -> None:
    for query in hostile_links(200):
        head = Head(get(f"{served.url}/?{query}").decode())
        assert (head.tags, head.scripts) == (plain.tags, plain.scripts), query
        assert head.meta.keys() == plain.meta.keys(), query
        address = head.meta["og:url"]
        assert read(urlsplit(address).query) == read(write(read(query))), query
        assert re.fullmatch(r"[-\w.,:/?=&%+]*", address), query
        assert head.title == head.meta["og:title"]
        assert "alert" not in head.title + head.meta["og:description"]


def test_the_card_says_what_becomes_of_the_experiment_in_the_link(served: Server) -> None:
    for query, verdict in (("", "learned"), ("layers=3", "asleep"), ("layers=3&train=1", "asleep")):
        # The first request may be answered before the run behind the card is done.
        get(f"{served.url}/preview.png?{query}")
        head = Head(get(f"{served.url}/?{query}").decode())
        assert verdict in head.title
        assert "After 10,000 steps" in head.meta["og:description"]


@pytest.mark.parametrize(
    ("query", "verdicts", "title"),
    [
        ("", ["learned"], "2 layers: learned"),
        ("layers=3&vs.layers=2", ["asleep", "learned"], "One more layer, and it stops learning"),
        ("layers=2&vs.layers=3", ["learned", "asleep"], "One more layer, and it stops learning"),
        ("layers=2&vs.layers=3", ["asleep", "asleep"], "2 layers: asleep vs. 3 layers: asleep"),
        (
            "layers=3&vs.layers=3&vs.weights=xavier_uniform",
            ["asleep", "learned"],
            "With Xavier uniform it learns, with N(0, 0.001) it does not",
        ),
    ],
)
def test_the_title_of_a_card_says_what_the_experiment_shows(
    query: str, verdicts: list[Verdict], title: str
) -> None:
    link = read(query)
    experiments = [e for e in (link.experiment, link.versus) if e is not None]
    assert headline(verdicts, experiments) == title


def test_a_long_sentence_is_drawn_to_its_end_and_keeps_the_size() -> None:
    words = "word " * 150
    pictures = [draw("A title", words + end, ()) for end in ("end", "stop")]
    assert pictures[0] != pictures[1]
    for picture in pictures:
        assert Image.open(io.BytesIO(picture)).size == (1200, 630)


def test_the_oembed_address_that_a_page_names_embeds_that_link(served: Server) -> None:
    head = Head(get(f"{served.url}/?layers=3&seed=7&hide=chapters").decode())
    found = json.loads(get(head.links["application/json+oembed"]))
    assert found["type"] == "rich"
    assert found["version"] == "1.0"
    source = re.search(r'src="([^"]*)"', found["html"])
    assert source is not None
    embedded = read(source[1].replace("&amp;", "&"))
    assert embedded.experiment == read("layers=3&seed=7").experiment
    assert embedded.hide == {"chapters"}
    assert embedded.messages == ()
    assert "embed=true" in source[1]


def test_oembed_is_no_larger_than_there_is_room_and_says_so_without_styles(
    served: Server,
) -> None:
    url = f"{served.url}/oembed?url={quote(served.url)}/%3Flayers=3"
    for asked, width, height in (("", 720, 500), ("&maxwidth=600&maxheight=400", 600, 400)):
        found = json.loads(get(url + asked))
        assert (found["width"], found["height"]) == (width, height)
        assert f'width="{width}" height="{height}"' in found["html"]
        assert f"max-width:{width}px" in found["html"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 404),
        ("url=https://elsewhere.example/?layers=3", 404),
        ("url=javascript:alert(1)", 404),
        ("url={own}/&format=xml", 501),
        ("url={own}/&maxwidth=wide", 400),
        ("url={own}/&maxwidth=0", 400),
        ("url={own}/&maxheight=-3", 400),
        ("url=http://[::1", 404),
    ],
)
def test_oembed_describes_no_other_site_and_no_other_format(
    served: Server, query: str, status: int
) -> None:
    query = query.replace("{own}", quote(served.url))
    with pytest.raises(urllib.error.HTTPError) as error:
        get(f"{served.url}/oembed?{query}")
    with error.value as answer:
        assert answer.code == status


@pytest.mark.parametrize(
    "query",
    ["", "layers=3", "layers=3&vs.weights=xavier_uniform", "layers=8&width=64", "learning_rate=10"],
)
def test_a_preview_is_a_small_picture_of_the_size_that_networks_show(
    served: Server, query: str
) -> None:
    picture = get(f"{served.url}/preview.png?{query}")
    assert len(picture) < 300_000
    image = Image.open(io.BytesIO(picture))
    assert (image.format, image.size) == ("PNG", (1200, 630))
    # Something is on it.
    assert len(image.convert("L").getcolors() or [0] * 9) > 8


def test_previews_of_different_experiments_differ(served: Server) -> None:
    assert get(f"{served.url}/preview.png") != get(f"{served.url}/preview.png?layers=3")
