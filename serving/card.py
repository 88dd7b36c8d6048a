"""What a link says of itself where it is pasted: tags in the page's head, oEmbed, the picture.

A link comes from anybody. Nothing of it is passed on as it came: it is read into an experiment,
and what is written is that experiment's own link, escaped.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from html import escape
from typing import TypeVar
from urllib.parse import SplitResult, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from export.page import EMBED_HEIGHT, EMBED_WIDTH, embed_snippet
from model.link import Link, read
from model.workers import workers
from serving.address import address_of, base_of
from serving.first import First, Firsts, html
from serving.health import warm_up
from serving.index import document, with_head
from serving.picture import HEIGHT, WIDTH
from serving.preview import NAME, Card, Cards, canonical, plain_card
from serving.scripts import tags

Result = TypeVar("Result")

# A reader's first paint waits for the sentence no longer than this, in seconds; it is there the
# next time. Whoever asks for a picture has nothing else to wait for.
_PATIENCE = 0.3
_PICTURE_PATIENCE = 20.0

# A card is a function of its link and this program: caches on the way may keep it for a day.
_CACHED = {"Cache-Control": "public, max-age=86400"}


cards = Cards(workers)
firsts = Firsts(workers)


async def index(request: Request) -> Response:
    """The page, with the first picture and the tags of the link that was asked for."""
    link = read(request.url.query)
    # Programs that show cards come once, and say nothing of how they go about it; a reader is not
    # kept waiting for what is there the next time.
    patience = 0.0 if "sec-fetch-mode" in request.headers else _PATIENCE
    card, first = await asyncio.gather(_card(canonical(link), patience), _first(link, patience))
    base = base_of(request)
    embedded = request.query_params.get("embed", "").lower() == "true"
    body = html(first, link, card, _picture(base, link), embedded)
    page = with_head(f"{_head(card, base, link)}\n    {tags()}", body)
    return document(page, request.headers)


async def preview(request: Request) -> Response:
    """The picture of the link in the query."""
    picture = await _wait(cards.picture(canonical(read(request.url.query))), _PICTURE_PATIENCE)
    if picture is None:
        return PlainTextResponse("busy: ask again", 503, headers={"Retry-After": "10"})
    return Response(picture, media_type="image/png", headers=_CACHED)


async def oembed(request: Request) -> Response:
    """The oEmbed description (oembed.com) of a link to this page."""
    asked = request.query_params
    base = base_of(request)
    if asked.get("format", "json") != "json":
        return PlainTextResponse("format must be json", 501)
    address = _parts(asked.get("url", ""))
    if address is None or address[:2] != urlsplit(base)[:2]:
        return PlainTextResponse(f"url must be a link to {base}", 404)
    try:
        width = min(EMBED_WIDTH, int(asked.get("maxwidth", EMBED_WIDTH)))
        height = min(EMBED_HEIGHT, int(asked.get("maxheight", EMBED_HEIGHT)))
        if min(width, height) < 1:
            raise ValueError
    except ValueError:
        text = "maxwidth and maxheight must be whole numbers from 1"
        return PlainTextResponse(text, 400)
    link = read(address.query)
    card = await _card(canonical(link), _PATIENCE)
    description = {
        "version": "1.0",
        "type": "rich",
        "title": card.title,
        "provider_name": NAME,
        "provider_url": base,
        "html": embed_snippet(address_of(base, link), height, width),
        "width": width,
        "height": height,
        "thumbnail_url": _picture(base, link),
        "thumbnail_width": WIDTH,
        "thumbnail_height": HEIGHT,
        "cache_age": 86400,
    }
    # Readable from any page: that is what it is for.
    return JSONResponse(description, headers={"Access-Control-Allow-Origin": "*"})


async def _card(link: Link, patience: float) -> Card:
    """The card of ``link``; what can be said without a run when that is not to be had at once."""
    if not warm_up.ready:
        return plain_card(link)
    return await _wait(cards.card(link), patience) or plain_card(link)


async def _first(link: Link, patience: float) -> First:
    """The first picture of ``link``; a neutral one when that is not to be had at once."""
    if not warm_up.ready:
        return First.plain(link)
    return await _wait(firsts.of(link), patience) or First.plain(link)


async def _wait(future: Future[Result] | None, seconds: float) -> Result | None:
    """The result, or None when it takes longer than ``seconds`` or fails; it goes on meanwhile."""
    if future is None:
        return None
    done, _ = await asyncio.wait({asyncio.wrap_future(future)}, timeout=seconds)
    return next((each.result() for each in done if each.exception() is None), None)


def _head(card: Card, base: str, link: Link) -> str:
    """The tags; every value is escaped here, and only here."""
    address, picture = address_of(base, link), _picture(base, link)
    described = {"description": card.sentence, "twitter:card": "summary_large_image"}
    graph = {
        "og:type": "website",
        "og:site_name": NAME,
        "og:title": card.title,
        "og:description": card.sentence,
        "og:url": address,
        "og:image": picture,
        "og:image:type": "image/png",
        "og:image:width": str(WIDTH),
        "og:image:height": str(HEIGHT),
        "og:image:alt": f"{card.title}. {card.sentence}",
    }
    discovery = f"{base}/oembed?{urlencode({'url': address, 'format': 'json'})}"
    return "\n    ".join(
        [
            f"<title>{escape(card.title)}</title>",
            *(f'<meta name="{k}" content="{escape(v)}" />' for k, v in described.items()),
            *(f'<meta property="{k}" content="{escape(v)}" />' for k, v in graph.items()),
            f'<link rel="canonical" href="{escape(address)}" />',
            f'<link rel="alternate" type="application/json+oembed" href="{escape(discovery)}" '
            f'title="{escape(card.title)}" />',
        ]
    )


def _parts(address: str) -> SplitResult | None:
    try:
        return urlsplit(address)
    except ValueError:
        return None


def _picture(base: str, link: Link) -> str:
    return address_of(base, canonical(link), "preview.png")
