"""A reader without a browser: speaks Streamlit's own protobuf messages over the websocket.

It does what the browser's front end (1.67) does, as far as the server can tell: one message to
start the script, one a click with every widget's value, and when the connection breaks, a new one
after half a second with its session's name, its widgets, and the query that the page was opened
with (the address bar may have come to show another one: only a page opened without any sends that).
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from html import unescape
from http.cookies import SimpleCookie
from typing import Any, Self
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Block_pb2 import Block
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from harness.servers import TRUSTING
from serving.sockets import BUNDLES

Path = tuple[int, ...]

# As the front end waits between attempts to connect again, in seconds.
_FIRST_RETRY, _LONGEST_RETRY = 0.5, 8.0

# For how long a page that rests waits at most before it asks a server that it has met anew.
_LONGEST_WAIT = 1.0

# Tenths of a second without a running script after which none is taken to follow by itself.
_QUIET = 8

_STEP = re.compile(r"[Ss]tep ([\d,]+)")

# What lies below the screen of a laptop.
_AWAY = ("curves", "panel")

# The bar that ends a frame, and the number that the page tells the server once it is shown.
_BAR = re.compile(r'role="progressbar"[^>]*><p>(.*?)</p>')
_MARK = re.compile(r'data-shown="([^"]+)"')


class Reader:
    """One reader: connects, presses buttons, and remembers what was shown, and when.

    As an async context manager it is connected inside, and stays so whatever the server does.
    """

    def __init__(self, url: str, query: str = "", address: str = "") -> None:
        """``address``: whose the connection is, as a balancer would tell the server."""
        self.url = url.rstrip("/")
        self.query = query  # what the address bar shows
        self._opened_with = query
        self.elements: dict[Path, Element] = {}
        self.blocks: dict[Path, Block] = {}
        self.drawn: dict[Path, list[float]] = defaultdict(list)  # when each chart was drawn
        self.steps: list[tuple[float, int]] = []  # when the page showed which step
        self.errors: list[str] = []  # tracebacks and error boxes on the page
        self.closed: list[float] = []  # when a connection broke
        self.opened: list[float] = []  # when one was made
        self.running = False  # whether the server says that the script runs
        self.runs = 0  # how many runs of the script have begun
        self._states: dict[str, WidgetState] = {}
        self._cookies: SimpleCookie = SimpleCookie()
        self._headers = {"X-Forwarded-For": address} if address else {}
        self._cache: dict[str, ForwardMsg] = {}
        self._shown = ""  # what ends the last frame
        self._told = ""
        self._bundled = False  # whether several messages have come in one
        self._session = ""
        self._page = ""
        self._socket: ClientConnection | None = None
        self._news = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._socket = await self._connect()
        await self._send_rerun()
        self._task = asyncio.create_task(self._stay())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._socket is not None:
            await self._socket.close()

    @property
    def frames(self) -> list[float]:
        """When the pictures were drawn: the times of the chart that was drawn most often."""
        return max(self.drawn.values(), key=len, default=[])

    @property
    def step(self) -> int:
        """The step that the page shows, -1 before it shows one."""
        return self.steps[-1][1] if self.steps else -1

    @property
    def texts(self) -> list[str]:
        """All the texts on the page, in no order."""
        return [text for element in self.elements.values() if (text := _text_of(element))]

    def figures(self) -> list[bytes]:
        """The numbers behind every chart, as they were sent, in the page's order."""
        return [
            dataset.data.data
            for _, element in sorted(self.elements.items())
            if element.WhichOneof("type") == "vega_lite_chart"
            for dataset in element.vega_lite_chart.datasets
        ]

    async def press(self, key: str, seconds: float = 0.0) -> None:
        """Click the button that was made with ``key``, within ``seconds`` of now.

        Raises
        ------
        LookupError
            If there is none until then, or it is disabled.
        """
        with suppress(TimeoutError):
            await self.until(lambda: self.can_press(key), seconds)
        button = self._widget(key)
        if button.disabled:
            raise LookupError(f"the button {key!r} is disabled")
        await self._send_rerun(WidgetState(id=button.id, trigger_value=True))

    def can_press(self, key: str) -> bool:
        """Whether the button that was made with ``key`` is there and not disabled."""
        with suppress(LookupError):
            return not self._widget(key).disabled
        return False

    async def choose(self, key: str, **value: object) -> None:
        """Set the widget that was made with ``key``, as ``WidgetState`` has it: int_value=3."""
        widget = self._widget(key)
        self._states[widget.id] = WidgetState(id=widget.id, **value)  # type: ignore[arg-type]
        await self._send_rerun()

    async def open(self, key: str) -> None:
        """Open the popover or expander that was made with ``key``; what is in it is sent then."""
        await self.choose(key, bool_value=True)

    async def until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until ``condition()`` holds; looked at whenever something arrives.

        Raises
        ------
        TimeoutError
            If it does not within ``seconds``.
        """
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(condition)

    async def rest(self, seconds: float) -> None:
        """Wait until the page stands still: its script has ended and does not begin again.

        Raises
        ------
        TimeoutError
            If it does not within ``seconds``.
        """
        async with asyncio.timeout(seconds):
            quiet = 0
            while quiet < _QUIET:
                await asyncio.sleep(0.1)
                quiet = 0 if self.running else quiet + 1

    def _widget(self, key: str) -> Any:
        shown: list[Element | Block] = [*self.elements.values(), *self.blocks.values()]
        for content in map(_content, shown):
            if getattr(content, "id", "").endswith(f"-{key}"):
                return content
        raise LookupError(f"there is no widget {key!r} on the page")

    async def _stay(self) -> None:
        """Receive; and when the connection breaks, connect again and go on."""
        while True:
            assert self._socket is not None
            try:
                async for data in self._socket:
                    assert isinstance(data, bytes)
                    self._bundled |= data.startswith(b"\0")
                    for message in unbundled(data):
                        self._receive(ForwardMsg.FromString(message))
                    await self._tell()
                    async with self._news:
                        self._news.notify_all()
            except ConnectionClosed:
                pass
            self.closed.append(time.monotonic())
            was_running = self.running
            self._socket = await self._connect_again()
            # Where a run was going on the front end asks for one at once, else the page does
            # (live/carrier.py), unless the reader was quicker.
            if not was_running:
                await asyncio.sleep(_LONGEST_WAIT * random.random())
            if was_running or not self.running:
                with suppress(ConnectionClosed):
                    await self._send_rerun()

    async def _tell(self) -> None:
        """Say which frame has been seen, as the page does (serving/scripts/flow.js).

        Of a server that knows no such thing (``app.py`` alone) no bundle ever comes.
        """
        if self._bundled and self._shown != self._told:
            self._told = self._shown
            assert self._socket is not None
            await self._socket.send(" ".join(["shown", self._shown, *_AWAY]))

    async def _connect(self) -> ClientConnection:
        parts = urlsplit(self.url)
        address = parts._replace(scheme=parts.scheme.replace("http", "ws")).geturl()
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in self._cookies.items())
        socket = await connect(
            f"{address}/_stcore/stream?{BUNDLES}",
            subprotocols=[Subprotocol(p) for p in ("streamlit", "token", self._session) if p],
            additional_headers=self._headers | ({"Cookie": cookies} if cookies else {}),
            max_size=None,
            ssl=TRUSTING if parts.scheme == "https" else None,
            open_timeout=5,
            close_timeout=1,
            proxy=None,
        )
        self.opened.append(time.monotonic())
        assert socket.response is not None
        for header in socket.response.headers.get_all("Set-Cookie"):
            self._cookies.load(header)
        return socket

    async def _connect_again(self) -> ClientConnection:
        wait = _FIRST_RETRY
        while True:
            await asyncio.sleep(wait)
            try:
                return await self._connect()
            except (OSError, InvalidHandshake, TimeoutError, ConnectionClosed):
                wait = min(2 * wait, _LONGEST_RETRY)

    async def _send_rerun(self, *triggers: WidgetState) -> None:
        state = ClientState(
            query_string=self._opened_with or self.query,
            page_script_hash=self._page,
            cached_message_hashes=list(self._cache),
        )
        state.widget_states.widgets.extend([*self._states.values(), *triggers])
        assert self._socket is not None
        self.running = True
        await self._socket.send(BackMsg(rerun_script=state).SerializeToString())

    def _receive(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "ref_hash":
            known = self._cache[message.ref_hash]
            known.metadata.CopyFrom(message.metadata)
            message, kind = known, known.WhichOneof("type")
        elif message.metadata.cacheable:
            self._cache[message.hash] = message
        if kind == "new_session":
            self.runs += 1
            self.running = True
            self._session = message.new_session.initialize.session_id
            self._page = message.new_session.page_script_hash
        elif kind == "script_finished":
            self.running = False
        elif kind == "page_info_changed":
            self.query = self._opened_with = message.page_info_changed.query_string
        elif kind == "delta":
            self._draw(tuple(message.metadata.delta_path), message.delta)

    def _draw(self, path: Path, delta: Delta) -> None:
        if delta.WhichOneof("type") != "new_element":
            # A block: what was in its place goes, with all that was inside.
            held: tuple[dict[Path, Any], ...] = (self.elements, self.blocks)
            for all_of_them in held:
                for old in [p for p in all_of_them if p[: len(path)] == path]:
                    del all_of_them[old]
            self.blocks[path] = delta.add_block
            return
        element = self.elements[path] = delta.new_element
        kind = element.WhichOneof("type")
        content = _content(element)
        if kind == "vega_lite_chart":
            self.drawn[path].append(time.monotonic())
        elif kind == "exception":
            self.errors.append(element.exception.message)
        elif kind == "bidi_component" and element.bidi_component.component_name == "address":
            data = element.bidi_component
            self.query = json.loads(data.json or data.mixed.json)["query"]
        elif kind == "text_input" and element.text_input.set_value:
            # The server sets a widget: from now on this is the value that is sent.
            name = element.text_input.id
            self._states[name] = WidgetState(id=name, string_value=element.text_input.value)
        elif getattr(content, "set_value", False):
            # One of another kind: what was chosen before is no more.
            self._states.pop(content.id, None)
        elif kind == "html":
            if found := _STEP.search(_text_of(element)):
                self.steps.append((time.monotonic(), int(found[1].replace(",", ""))))
            if mark := _MARK.search(element.html.body):
                self._shown = mark[1]


def unbundled(data: bytes) -> Iterator[bytes]:
    """The messages of a bundle, or the one that it is (serving/sockets.py)."""
    if data[:1] != b"\0":
        yield data
        return
    at = 1
    while at < len(data):
        start, size = at + 4, int.from_bytes(data[at : at + 4], "big")
        yield data[start : start + size]
        at = start + size


def _content(element: Element | Block) -> Any:
    """What the element is: the message of its kind; None when it is empty."""
    return getattr(element, element.WhichOneof("type") or "", None)


def _text_of(element: Element) -> str:
    kind = element.WhichOneof("type")
    if kind == "html":
        bar = _BAR.search(element.html.body)
        return unescape(bar[1]) if bar else ""
    if kind == "progress":  # the atlas'
        return element.progress.text
    if kind in ("markdown", "text", "heading", "alert"):
        return str(getattr(element, kind).body)
    return ""
