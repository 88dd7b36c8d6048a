"""The first picture: what the page shows, and says, before any of its scripts has come.

It is the link's run where the link says that it stands, drawn as the live page will draw it. The
live page takes its place (scripts/first.js); for readers without JavaScript it is all there is,
and tells them how the run ends. What it shows is made beforehand for the chapters, else beside the
request that asked first; a request does not wait for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from html import escape

from charts import Picture, network
from charts.pictures import estimate_of
from charts.sheet import Cell, sheet, svg
from charts.theme import INKS, LANES, LAYERS, PAPER, REFERENCE, Mode
from live.jobs import Busy, Jobs
from model.chapters import CHAPTERS, beginning
from model.diagnosis import diagnose
from model.link import Link, write
from model.run import Run
from model.workers import Workers, heavy_workers, is_compiled
from serving.preview import Card, train

# Seconds of a worker that the run behind a first picture may take.
_BUDGET = 0.1

# First pictures kept beside the chapters', of some 60 kB each, and those that may wait.
_KEPT, _QUEUED = 64, 64

# The sizes that the pictures are drawn for; a page of another width scales them.
_NETWORK, _ESTIMATE = (560, 200), (330, 180)

_NOT_TRAINED = "Not trained yet."


@dataclass(frozen=True)
class First:
    """What is shown of a link."""

    verdict: str
    pictures: tuple[str, ...]  # SVG elements

    @classmethod
    def plain(cls, link: Link) -> First:
        """What can be shown without running anything: what the estimate should be."""
        return cls(f"Step {link.step:,}." if link.step else _NOT_TRAINED, (_NEUTRAL,))


def standing(link: Link) -> Link:
    """The part of a link that its first picture depends on."""
    return replace(link, train=False, chapter=None, hide=frozenset(), messages=())


class Firsts:
    """The first pictures of this server, each made in the background and kept."""

    def __init__(self, pool: Callable[[], Workers]) -> None:
        self._pool = pool
        self._asked = Jobs(_QUEUED, _KEPT)
        # Nobody who asks for many others makes these go.
        self._chapters = Jobs(_QUEUED, len(CHAPTERS) + 1)

    def prepare(self) -> None:
        """Begin to draw where the chapters, and the page itself, begin."""
        for link in _beginnings():
            self.of(link)

    def of(self, link: Link) -> Future[First] | None:
        """What is shown of ``link``, perhaps still to come; None when too many wait already."""
        link = standing(link)
        jobs = self._chapters if link in _beginnings() else self._asked
        with suppress(Busy):
            return jobs.ask(write(link), lambda: _drawn(link, self._pool()))
        return None


@cache
def _beginnings() -> frozenset[Link]:
    chapters = {Link(each.first, each.second) for each in CHAPTERS.values()}
    return frozenset({Link(), *chapters})


def _drawn(link: Link, pool: Workers) -> First:
    experiments = [each for each in (link.experiment, link.versus) if each is not None]
    if not all(is_compiled(each) for each in experiments):
        # Asked for again, it is tried again.
        raise LookupError("no graph has been compiled for it yet")
    runs = [Run(each, pool.advance) for each in experiments]
    for run in runs:
        run.advance(0)
        train(run, min(link.step, run.experiment.steps), _BUDGET / len(runs), pool)
    now = {n: run.history.at(run.step) for n, run in zip(LANES, runs, strict=False)}
    # Of a comparison the second is what is asked about.
    shown = list(now.values())[-1]
    drawing = Picture(network.spec(), network.data(shown), network.finding(shown))
    verdict = " ".join(f"After {r.step:,} steps: {diagnose(r).sentence}" for r in runs if r.step)
    drawn = heavy_workers().call(draw, ((estimate_of(now), _ESTIMATE), (drawing, _NETWORK)))
    return First(verdict or _NOT_TRAINED, drawn)


def draw(pictures: Sequence[tuple[Picture, tuple[int, int]]]) -> tuple[str, ...]:
    """The pictures as SVG elements, small, and in the colours of the page that they stand on."""
    drawn = []
    for place, (picture, size) in enumerate(pictures):
        spec = sheet([[Cell(picture, *size)]], gap=0, size=11)
        drawn.append(_inline(svg(spec | {"padding": 4}), picture.alt, f"first{place}-"))
    return tuple(drawn)


# What Vega writes for programs that look into its pictures, and what nobody sees of them.
_SUPERFLUOUS = re.compile(
    r'\s(?:aria-[a-z]+|role|class|pointer-events|xmlns:xlink|version)="[^"]*"'
    r'|<path(?: transform="[^"]*")? d=""[^>]*/>|<path[^>]* d="M0,0h0v0h0Z"[^>]*/>'
)
_TOO_EXACT = re.compile(r"(\d\.\d{2})\d+")


def _inline(drawn: str, alt: str, prefix: str) -> str:
    width, height = re.findall(r'\b(?:width|height)="([\d.]+)"', drawn)[:2]
    inside = drawn.partition(">")[2]
    inside = re.sub(rf'^<rect[^>]*fill="{PAPER["light"]}"/>', "", inside)
    inside = _SUPERFLUOUS.sub("", inside)
    # In the tags alone: what is read is N(0, 0.001), and not N(0, 0.00).
    inside = re.sub(r"<[^>]*>", lambda tag: _TOO_EXACT.sub(r"\1", tag[0]), inside)
    # Two pictures on one page, each of which counts its parts from the beginning.
    inside = inside.replace('id="', f'id="{prefix}').replace("url(#", f"url(#{prefix}")
    inside = inside.replace(INKS["light"], "currentColor")
    for place, colour in enumerate(LAYERS["light"]):
        inside = inside.replace(f'"{colour}"', f'"var(--layer-{place})"')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(alt)}">{inside}'
    )


# The line that the estimate should be, in the frame that it is going to be drawn in.
_NEUTRAL = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 380 220" role="img" aria-label="The line '
    f'that the estimate should be"><g stroke="{REFERENCE}" fill="none">'
    '<path opacity=".22" d="M40 10V190M120 10V190M200 10V190M280 10V190M360 10V190'
    'M40 10H360M40 55H360M40 100H360M40 145H360M40 190H360"/>'
    '<path stroke-dasharray="8 6" stroke-width="2" d="M40 190L360 10"/></g></svg>'
)


def _colours(mode: Mode) -> str:
    ramp = "".join(f"--layer-{n}:{colour};" for n, colour in enumerate(LAYERS[mode]))
    return f"{ramp}--ink:{INKS[mode]};--paper:{PAPER[mode]}"


_STYLE = (
    f":root{{color-scheme:light dark;{_colours('light')}}}"
    f"@media(prefers-color-scheme:dark){{:root{{{_colours('dark')}}}}}"
    # What is not seen would still ask for the font of the icons (scripts/icons.js).
    "html.first #root{opacity:0}html.first [data-testid=stIconMaterial]{display:none}"
    "#first{position:absolute;z-index:99;inset:0 0 auto;min-height:100vh;box-sizing:border-box;"
    "padding:1rem 2rem 2rem;background:var(--paper);color:var(--ink);"
    "font:16px/1.5 system-ui,sans-serif}"
    "body{margin:0;background:var(--paper)}"
    "#first h1{font-size:1.4rem;line-height:1.2;margin:0 0 .75rem}"
    # Streamlit's own style, which comes later, has another size for paragraphs.
    "#first p{margin:0 0 .5rem;font:inherit}"
    "#first small{font-size:.85rem}"
    "#first h1+p{min-height:4.6em}"
    # Only where scripts run is anything loaded.
    "#coming{visibility:hidden;opacity:.75}html.first #coming{visibility:visible}"
    "#first div{display:grid;grid-template-columns:7fr 5fr;gap:.4rem 1.25rem}"
    # The estimate comes first and stands on the right, before the other picture has come, too.
    "@media(min-width:641px){#first .two svg{grid-area:1/1}"
    "#first .two svg:first-child{grid-area:1/2}}"
    "#first svg{width:100%;height:232px}#first img{max-width:100%}"
    "@media(max-width:640px){#first{padding:1rem}#first div{grid-template-columns:1fr}"
    "#first h1+p{min-height:9em}#first svg{height:190px}}"
    # In somebody's text, as low as the live figure there (ui/style.py).
    "#first.figure{padding:1rem;font-size:.9rem}"
    "#first.figure h1{position:absolute;clip-path:inset(50%)}#first.figure svg{height:150px}"
    "#first.figure h1+p{min-height:3em}"
    "@media(max-width:640px){#first.figure h1+p{min-height:4.6em}}"
)


def html(first: First, link: Link, card: Card, picture: str, embedded: bool = False) -> str:
    """The element that holds the first picture of ``link``; ``picture`` is the card's address.

    How the run ends is for those only who cannot run it: to everybody else it is the question.
    """
    kind = ' class="figure"' if embedded else ""
    places = ' class="two"' if len(first.pictures) > 1 else ""
    return (
        f'<style>{_STYLE}</style><main id="first"{kind}><h1>The middle layer</h1>'
        f"<p>{_said(link, embedded)}</p><div{places}>{''.join(first.pictures)}</div>"
        f"<p>{escape(first.verdict)}</p>"
        '<p id="coming">Loading the controls …</p>'
        f"<noscript><p>{escape(card.sentence)}</p>"
        f'<p><img src="{escape(picture)}" alt="{escape(card.sentence)}" width="600"></p>'
        "<p><small>The page itself, where you train it, needs JavaScript.</small></p></noscript>"
        "</main>"
    )


def _said(link: Link, embedded: bool) -> str:
    """The words that the live page begins with, so that they stay when it takes over."""
    words = beginning(link.experiment, link.versus, link.chapter)
    text = escape(words.alone if embedded else words.whole())
    return re.sub(r"\*(.+?)\*", r"<i>\1</i>", re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text))
