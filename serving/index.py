"""The HTML that Streamlit serves for the page, with a head and a first picture of our own."""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import lru_cache

import brotli
from starlette.datastructures import Headers
from starlette.responses import Response

from serving import frontend
from serving.assets import accepted, is_known

_TITLE = re.compile(r"<title>.*?</title>", re.S)
_NOSCRIPT = re.compile(r"<noscript>.*?</noscript>", re.S)
_STYLES = re.compile(r'\s*<link rel="stylesheet"[^>]*>')

# Pages kept compressed, of some 15 kB each.
_KEPT = 64


def _prepared(html: str) -> str:
    """The page that names in its head all scripts of the first screen, not only the first ones.

    What stands before its styles is painted without them: they are for the live page.
    """
    links = [
        f'<link rel="modulepreload" crossorigin href="./{path}">'
        for path in frontend.first_screen()
        if f"./{path}" not in html
    ]
    styles = "".join(_STYLES.findall(html))
    html = _STYLES.sub("", html).replace(
        "</head>", "\n    ".join(["  ", *links]) + "\n  </head>", 1
    )
    return html.replace('<div id="root">', f'{styles.strip()}\n    <div id="root">', 1)


INDEX = _prepared((frontend.folder() / "index.html").read_text())


def with_head(head: str, first: str) -> str:
    """The page with ``head`` for its title, and ``first`` for what is there before it (HTML)."""
    # A function, because a replacement text would have its backslashes read.
    html = _TITLE.sub(lambda _: head, INDEX, count=1)
    return _NOSCRIPT.sub(lambda _: first, html, count=1)


def document(html: str, asked: Headers) -> Response:
    """The answer that holds ``html``, compressed for those who take it so."""
    wanted = accepted(asked.get("accept-encoding", ""))
    encoding = next((each for each in ("br", "gzip") if each in wanted), "")
    body, tag = _packed(html, encoding)
    described = {
        # Asked for anew each time, because its scripts' names change.
        "Cache-Control": "no-cache",
        "ETag": tag,
        "Vary": "Accept-Encoding",
    }
    if is_known(tag, asked):
        return Response(status_code=304, headers=described)
    if encoding:
        described["Content-Encoding"] = encoding
    return Response(body, headers=described, media_type="text/html")


@lru_cache(_KEPT)
def _packed(html: str, encoding: str) -> tuple[bytes, str]:
    text = html.encode()
    match encoding:
        case "br":
            text = brotli.compress(text, mode=brotli.MODE_TEXT, quality=5)
        case "gzip":
            text = gzip.compress(text, 6, mtime=0)
    return text, f'"{hashlib.sha256(text).hexdigest()[:24]}"'
