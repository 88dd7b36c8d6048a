"""The door: what is not for this page never reaches Streamlit.

Pure ASGI, outermost but for the log. It answers from what stands in the request alone; Streamlit
would look up its own address on the internet for each foreign ``Origin``, on the event loop.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config

from live.fairness import ADDRESS
from live.flow import told
from live.private import BackMsg
from live.settings import Settings

logger = logging.getLogger("middle_layer.guard")

STREAM = "/_stcore/stream"

# Of Streamlit's own addresses what the page asks for; the rest is its scripts and files.
_CORE = ("/_stcore/health", "/_stcore/host-config", "/_stcore/metrics")
_FOLDERS = ("/_stcore/bidi-components/",)
_CLOSED = ("_stcore", "auth", "component", "oauth2callback", "app")

# Public files, and what the page's scripts ask for before they connect. A page in a sandboxed
# frame has no origin, so that all of it is foreign to it.
_SHARED = ("/static/", "/media/", "/_stcore/bidi-components/", *_CORE[:2])

# What the page's browser says. All else is for developers, or for what the page does not have:
# anybody could empty the server's caches.
_HEARD = ("rerun_script", "stop_script", "app_heartbeat")

# Messages a second, and at once. Faster ones wait in the sender's own machine; of those that reach
# Streamlit while a script is still at work only the last brings about a run.
_RATE, _BURST = 20.0, 60.0

# What a message counts that goes no further: the page tells of each frame that it has shown.
_SMALL = 0.25

# Seconds until a socket has to ask for the page.
_FIRST_MESSAGE = 20.0

_PROTOCOL_ERROR, _WRONG_KIND, _POLICY = 1002, 1003, 1008

_NOT_FOUND = PlainTextResponse("Not Found", 404)
_NOT_ALLOWED = PlainTextResponse("Method Not Allowed", 405, {"Allow": "GET, HEAD"})


class Door:
    """Lets in what the page is made of, and of that no more than a reader can need."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._embedded = bool(set(settings.frame_ancestors.split()) - {"'none'", "'self'"})
        self._hosts = {urlsplit(each).netloc for each in (settings.url, *settings.origins) if each}
        # Readers on their seats, as many in line, and some who look in.
        self._most = 2 * settings.seats + 50
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = self._path(scope)
        if path is None or not offered(path):
            await _NOT_FOUND(scope, receive, send)
            return
        if scope["method"] not in ("GET", "HEAD"):
            await _NOT_ALLOWED(scope, receive, send)
            return
        headers = MutableHeaders(scope=scope)
        foreign = "origin" in headers and path.startswith(_SHARED) and self._embedded
        del headers["origin"]

        async def share(message: Message) -> None:
            if foreign and message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Access-Control-Allow-Origin"] = "*"
            await send(message)

        await self._app(scope, receive, share)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = MutableHeaders(scope=scope)
        address = _address(scope, headers)
        if self._path(scope) != STREAM or not self._welcome(headers):
            await send({"type": "websocket.close", "code": _POLICY})
            return
        if not self._has_room(address):
            await _refuse(send)
            return
        if headers.get("origin") == "null":
            # Any page can be in a sandbox: what a reader has elsewhere is not for it.
            del headers["cookie"]
        del headers["origin"]
        headers[ADDRESS] = address
        with self._counted(address):
            try:
                await self._app(scope, Hearing(receive, send), send)
            except Exception as error:
                # Streamlit takes a browser that goes while it is sent something for one that
                # sends text, and fails to close what is closed. Scripts run elsewhere.
                logger.warning("a connection came to a bad end: %s", type(error).__name__)

    def _path(self, scope: Scope) -> str | None:
        """The path below the base path; None where it is spelled in more than one way."""
        path: str = scope["path"]
        raw: bytes = scope.get("raw_path") or path.encode()
        base = str(config.get_option("server.baseUrlPath") or "").strip("/")
        if base:
            if not f"{path}/".startswith(f"/{base}/"):
                return None
            path = path[len(base) + 1 :] or "/"
        parts = path.split("/")
        odd = "\\" in path or "\0" in path or "" in parts[1:-1] or {".", ".."} & set(parts)
        return None if odd or b"%2f" in raw.lower() or b"%5c" in raw.lower() else path

    def _welcome(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        if origin is None:
            return True  # no browser: nobody's cookies are in it
        if origin == "null":
            return self._embedded
        try:
            host = urlsplit(origin).netloc.lower()
        except ValueError:
            return False
        return bool(host) and (host == headers.get("host", "").lower() or host in self._hosts)

    def _has_room(self, address: str) -> bool:
        # A school has one address; it may fill half of the house.
        full = self._open.total() >= self._most
        return not full and not (address and self._open[address] >= max(8, self._most // 2))

    @contextmanager
    def _counted(self, address: str) -> Any:
        self._open[address] += 1
        try:
            yield
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]


def offered(path: str) -> bool:
    """Whether the page has something at ``path``."""
    if path in _CORE or path.startswith(_FOLDERS):
        return True
    # However it is written: there is a system on which a folder's name has no case.
    return path.strip("/").partition("/")[0].lower() not in _CLOSED


def _address(scope: Scope, headers: Headers) -> str:
    """Whose a connection is; empty where only the balancer's address is known.

    uvicorn puts the reader's address in its place where it trusts the balancer.
    """
    client = scope.get("client")
    host = str(client[0]) if client else ""
    told = headers.get("x-forwarded-for")
    if told is not None and host not in told:
        return ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    if address.version == 6:
        # Whoever has one has 2^64.
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


async def _refuse(send: Send) -> None:
    headers = [(b"retry-after", b"10")]
    await send({"type": "websocket.http.response.start", "status": 503, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b"busy"})


class Hearing:
    """What is heard of a browser: messages of the kinds that the page's has, one after another."""

    def __init__(
        self, receive: Receive, send: Send, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._receive, self._send, self._clock = receive, send, clock
        self._left, self._at = _BURST, clock()
        self._asked = False

    async def __call__(self) -> Message:
        """The next message that may be passed on."""
        while True:
            try:
                async with asyncio.timeout(None if self._asked else _FIRST_MESSAGE):
                    message = await self._receive()
            except TimeoutError:
                return await self._hang_up(_POLICY)
            if message["type"] != "websocket.receive":
                return message
            code = self._fault(message)
            if code is None:
                self._asked = True
                await self._take_turns(1.0)
                return message
            if code:
                return await self._hang_up(code)
            await self._take_turns(_SMALL)

    def _fault(self, message: Message) -> int | None:
        """None for what is passed on, 0 for what is left out, else why the socket is closed."""
        data = message.get("bytes")
        if data is None:
            return 0 if told(message.get("text") or "") else _WRONG_KIND
        try:
            said = BackMsg.FromString(data)
        except DecodeError:
            return _PROTOCOL_ERROR
        kind = said.WhichOneof("type")
        if kind == "backend_operation_request":
            # A download is made when it is asked for.
            asked = said.backend_operation_request.WhichOneof("payload")
            return None if asked == "deferred_file" else 0
        return None if kind in _HEARD else 0

    async def _take_turns(self, size: float) -> None:
        now = self._clock()
        self._left = min(_BURST, self._left + (now - self._at) * _RATE) - size
        self._at = now
        if self._left < 0:
            await asyncio.sleep(-self._left / _RATE)

    async def _hang_up(self, code: int) -> Message:
        # It may be closing already, from the other end or for the size of what came.
        with suppress(RuntimeError, OSError):
            await self._send({"type": "websocket.close", "code": code})
        return {"type": "websocket.disconnect", "code": code}
