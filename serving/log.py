"""One line of JSON a request: enough to see what the server does, nothing of who asked.

No address, no browser, no referrer, no query. Of the path only what we know ourselves: anything
else in it could be anybody's name.

What else is logged, by Streamlit and uvicorn, goes through :class:`Discreet`.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext

import streamlit.logger
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from live import metrics
from live.private import LOGGERS

_KNOWN = (
    "/_stcore/stream",
    "/_stcore/health",
    "/_stcore/host-config",
    "/_stcore/metrics",
    "/metrics",
    "/oembed",
    "/preview.png",
)
_FOLDERS = ("/download/", "/scripts/", "/static/", "/media/", "/_stcore/", "/component/")

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
        _be_discreet()


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


# A session's name opens the session to whoever knows it, and an address is somebody's.
_SECRET = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|https?://\S+", re.I)

# Who logs what a client has sent: what it was is said, and not with a traceback of ours.
_HEARING = ("streamlit.components.v2", *LOGGERS)

_REPEATED_WITHIN = 60.0
_MOST_KINDS = 256


class Discreet(logging.Filter):
    """Keeps names and addresses out of the log, and says what repeats itself once a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[tuple[object, ...], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write the record, which is changed."""
        kind = (record.name, record.levelno, str(record.msg), _raised(record))
        before = self._count(kind)
        if before is None:
            return False
        text = _SECRET.sub("…", record.getMessage())
        if record.exc_info and record.name.startswith(_HEARING):
            error, record.exc_info = record.exc_info[0], None
            text += f" ({error.__name__ if error else 'an error'})"
        if record.exc_info and record.exc_text is None:
            record.exc_text = _SECRET.sub("…", _FORMAT.formatException(record.exc_info))
        if before:
            text += f" ({before:,} more of these in the last minute or so)"
        record.msg, record.args = text, ()
        return True

    def _count(self, kind: tuple[object, ...]) -> int | None:
        """How many of a kind were not written since the last that was; None: this is another."""
        with self._lock:
            now = self._clock()
            since, count = self._seen.get(kind, (-_REPEATED_WITHIN, 0))
            if now - since < _REPEATED_WITHIN:
                self._seen[kind] = since, count + 1
                return None
            if len(self._seen) >= _MOST_KINDS:
                del self._seen[next(iter(self._seen))]
            self._seen[kind] = now, 0
            return count


_FORMAT = logging.Formatter()


def _raised(record: logging.LogRecord) -> tuple[object, ...]:
    """Where an error of the record was raised, so that two are not taken for one."""
    error = record.exc_info[1] if record.exc_info else None
    trace = error.__traceback__ if error else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ()
    return type(error), trace.tb_frame.f_code.co_filename, trace.tb_lineno


def _be_discreet() -> None:
    """Filter all loggers that write by themselves; Streamlit makes one for each module."""
    discreet, set_up = Discreet(), streamlit.logger.setup_formatter

    def set_up_discreetly(logger: logging.Logger) -> None:
        set_up(logger)
        logger.addFilter(discreet)

    streamlit.logger.setup_formatter = set_up_discreetly
    for name in ("asyncio", "middle_layer.guard", *streamlit.logger._loggers):
        logging.getLogger(name).addFilter(discreet)
