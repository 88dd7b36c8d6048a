"""What the browser is told it may do with the page: nothing that needs anybody but this server."""

from __future__ import annotations

import base64
import hashlib
import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.index import INDEX

# Under these the page works and the console is silent (tests/browser/test_headers.py).
# - blob: scripts and workers are made by the page's own scripts; Streamlit imports the small
#   scripts of components that way.
# - Styles cannot be forbidden: Streamlit's emotion writes them as it goes.
# - No 'unsafe-eval': Streamlit hands Vega its interpreter of expressions.
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self' blob: {inline}",
    "worker-src": "'self' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "media-src": "'self' blob:",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "{ancestors}",
}

_NEVER_ASKED_FOR = ("camera", "geolocation", "microphone", "payment", "usb")


def policy(frame_ancestors: str) -> str:
    """The content security policy; ``frame_ancestors`` are those who may embed the page."""
    # The installed index.html has one inline script, and only that one may run.
    inline = " ".join(
        _hash(script) for script in re.findall(r"<script>(.*?)</script>", INDEX, re.S)
    )
    filled = {"inline": inline, "ancestors": frame_ancestors}
    return "; ".join(f"{name} {value.format(**filled)}".strip() for name, value in _POLICY.items())


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


class SecurityHeaders:
    """Adds the headers to every answer over HTTP."""

    def __init__(self, app: ASGIApp, frame_ancestors: str) -> None:
        self._app = app
        self._headers = {
            "Content-Security-Policy": policy(frame_ancestors),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "strict-origin-when-cross-origin",
            "Permissions-Policy": ", ".join(f"{name}=()" for name in _NEVER_ASKED_FOR),
        }
        # What is no page does nothing by itself: a picture with a script in it is only a picture.
        self._of_files = {
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        # A hundred scripts, each with a policy that is longer than some of them.
        headers = self._of_files if "/static/" in scope["path"] else self._headers

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        await self._app(scope, receive, send_with_headers)
