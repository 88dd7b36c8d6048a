"""One line of JSON a request: enough to see what the server does, nothing of who asked.

No address, no browser, no referrer, no query. Of the path only what we know ourselves: anything
else in it could be anybody's name.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from contextlib import nullcontext

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from live import metrics

_KNOWN = (
    "/_stcore/stream",
    "/_stcore/health",
    "/_stcore/host-config",
    "/_stcore/metrics",
    "/metrics",
    "/oembed",
    "/preview.png",
)
_FOLDERS = ("/static/", "/media/", "/_stcore/", "/component/")

# Asked every second by whoever watches; a line each would say nothing.
_PROBES = ("/healthz", "/readyz")

logger = logging.getLogger("middle_layer.requests")


def configure() -> None:
    """Write the lines to the standard output, as they are."""
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
        logger.propagate = False
        logger.setLevel(logging.INFO)


def route(path: str) -> str:
    """What a path is called in the log."""
    if path in _KNOWN or path == "/":
        return path
    return next((folder + "*" for folder in _FOLDERS if path.startswith(folder)), "other")


class RequestLog:
    """Logs every request when it is answered, and every websocket when it is closed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note what became of it."""
        if scope["type"] not in {"http", "websocket"} or scope["path"] in _PROBES:
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status, sent = 500 if scope["type"] == "http" else 101, 0

        async def count(message: Message) -> None:
            nonlocal status, sent
            status = message.get("status", message.get("code", status))
            sent += len(message.get("body") or message.get("bytes") or b"")
            await send(message)

        try:
            with metrics.session() if scope["type"] == "websocket" else nullcontext():
                await self._app(scope, receive, count)
        finally:
            logger.info(
                json.dumps(
                    {
                        "time": round(time.time(), 3),
                        "kind": scope["type"],
                        "method": scope.get("method", "GET"),
                        "route": route(scope["path"]),
                        "status": status,
                        "ms": round(1000 * (time.perf_counter() - began), 1),
                        "bytes": sent,
                    }
                )
            )
