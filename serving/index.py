"""The HTML that Streamlit serves for the page, with a head of our own for each link."""

from __future__ import annotations

import re

from serving import frontend


def _with_preloads(html: str) -> str:
    """The page that names in its head all scripts of the first screen, not only the first ones."""
    links = [
        f'<link rel="modulepreload" crossorigin href="./{path}">'
        for path in frontend.first_screen()
        if f"./{path}" not in html
    ]
    return html.replace("</head>", "\n    ".join(["  ", *links]) + "\n  </head>", 1)


INDEX = _with_preloads((frontend.folder() / "index.html").read_text())

_TITLE = re.compile(r"<title>.*?</title>", re.S)
_NOSCRIPT = re.compile(r"<noscript>.*?</noscript>", re.S)


def with_head(head: str, noscript: str) -> str:
    """The page with ``head`` for its title, and ``noscript`` for those without scripts (HTML)."""
    # A function, because a replacement text would have its backslashes read.
    html = _TITLE.sub(lambda _: head, INDEX, count=1)
    return _NOSCRIPT.sub(lambda _: f"<noscript>{noscript}</noscript>", html, count=1)
