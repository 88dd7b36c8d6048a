"""The page's own small scripts: served as files, since the policy allows no inline ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_FOLDER = Path(__file__).parent

#: The scripts by name; each runs before Streamlit's own.
SCRIPTS = {path.name: path.read_bytes() for path in sorted(_FOLDER.glob("*.js"))}

_CACHED = {"Cache-Control": "public, max-age=31536000, immutable"}


def tags() -> str:
    """The elements of the page's head that load them, in the order of their names.

    Deferred like Streamlit's modules, and before them. Their addresses change when they do.
    """
    return "\n    ".join(
        f'<script defer src="./scripts/{name}?{hashlib.sha256(text).hexdigest()[:12]}"></script>'
        for name, text in SCRIPTS.items()
    )


def script(request: Request) -> Response:
    """One of them."""
    text = SCRIPTS.get(request.path_params["name"])
    if text is None:
        return PlainTextResponse("Not Found", 404)
    return Response(text, media_type="text/javascript", headers=_CACHED)
