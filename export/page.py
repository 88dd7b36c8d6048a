"""What points back to the page: the snippet that embeds it, and the line that cites it."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

#: Sizes, in pixels, at which all of the figure is seen at once: in a column of text, on a phone.
EMBED_SIZES = {"column": (720, 500), "phone": (390, 640)}
EMBED_WIDTH, EMBED_HEIGHT = EMBED_SIZES["column"]

YEAR = 2026
AUTHORS = "The Middle Layer contributors"

#: Where the experiment comes from.
SOURCE = (
    "The experiment is that of a public question, about a middle layer that makes TensorFlow's "
    "optimizer stop, and of its first answer. Thanks to both authors."
)


def embed_snippet(url: str, height: int = EMBED_HEIGHT, width: int | None = None) -> str:
    """The HTML that shows the page at ``url`` inside another one, as wide as its place.

    With a ``width`` it is no wider, and says its size in attributes too: there are places that keep
    no styles (WordPress).

    ``embed=true`` is Streamlit's own parameter: it leaves out the frame of the page.
    """
    size = f'width="{width}" height="{height}" ' if width is not None else ""
    widest = f"max-width:{width}px;" if width is not None else ""
    return (
        f'<iframe src="{escape(embedded(url))}" title="The Middle Layer" {size}'
        f'style="width:100%;{widest}height:{height}px;border:0" loading="lazy" '
        'allow="clipboard-write"></iframe>'
    )


def embedded(url: str) -> str:
    """``url`` with ``embed=true`` as its last parameter, once."""
    parts = urlsplit(url)
    query = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k != "embed"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("embed", "true")], safe=",.")))


def cite(url: str, version: str) -> str:
    """The line for a list of references.

    A run is a function of its link and the version, so that no date of access is needed.
    """
    return f"{AUTHORS} ({YEAR}). The Middle Layer, version {version}. {url}"


def bibtex(url: str, version: str) -> str:
    """The entry for BibTeX."""
    return (
        f"@software{{middle_layer,\n"
        f"  author  = {{{{{AUTHORS}}}}},\n"
        f"  title   = {{The Middle Layer}},\n"
        f"  version = {{{version}}},\n"
        f"  year    = {{{YEAR}}},\n"
        f"  url     = {{{url}}}\n"
        f"}}"
    )
