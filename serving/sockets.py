"""What uvicorn's connections are taught: to end what does not end by itself.

uvicorn (0.54) waits for ever for the rest of a request, for a reader who takes nothing of what it
is sent, and for the end of a connection that it closes while something is still to be sent. Each
holds memory. None of it can be set, and Streamlit hands uvicorn few of the settings that there are,
so the two classes of connections are replaced by the two below (``install``).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import h11
from uvicorn import Config
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request

from live.progress import ENDS

# The largest message that the page sends is the first after a connection broke: the values of all
# widgets, and the names of the messages that the browser still has.
MOST_MESSAGE = 64 * 2**10

# Seconds until a request must be whole; until what is sent must have begun to be taken; and until
# a connection that is being closed must have gone.
PATIENCE = 10.0
STALLED = 20.0
_GOODBYE = 5.0

# Bytes that the system keeps for a reader, which it doubles: a second of a fast road. Without a
# bound it goes to megabytes for whoever takes none of them.
_SEND_BUFFER = 128 * 2**10


# A frame is compressed beside the one before it, which lies 25 kB back: uvicorn's own window of
# 4 KiB does not reach so far (three times the bytes, twice the time). 192 KiB a reader.
_COMPRESSION = ServerPerMessageDeflateFactory(
    client_max_window_bits=12, compress_settings={"level": 5, "memLevel": 7}
)


#: What a page adds to the address of its websocket that takes bundles.
BUNDLES = "bundles="

# Bytes of a bundle, before it is compressed, at which it goes.
_MOST_BUNDLED = 64 * 2**10

# Turns of the event loop without a message that end a bundle: Streamlit sends one a turn.
_QUIET = 2

# So does the last message of a frame, at once.
_ENDS = ENDS.encode()


def bundle(messages: Sequence[bytes]) -> bytes:
    """Several messages in one.

    A zero, with which none of Streamlit's begins; then each after its length, which is four bytes,
    the highest first.
    """
    return b"\0" + b"".join(len(each).to_bytes(4, "big") + each for each in messages)


class _Ends:
    """A connection that ends when it has not taken for too long what it was sent."""

    transport: asyncio.Transport
    _stalled: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """Begin to wait for the other end to take something."""
        super().pause_writing()  # type: ignore[misc]
        if self._stalled is None:
            loop = asyncio.get_running_loop()
            self._stalled = loop.call_later(STALLED, self.transport.abort)

    def resume_writing(self) -> None:
        """It has taken something."""
        super().resume_writing()  # type: ignore[misc]
        self._took()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        super().connection_lost(exc)  # type: ignore[misc]
        self._took()

    def _took(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None


class Requests(_Ends, H11Protocol):
    """A connection for requests, each of which has to be whole within ``PATIENCE``."""

    _half: asyncio.TimerHandle | None = None

    def __init__(self, config: Config, *arguments: Any, **named: Any) -> None:
        # Asked for anew with each connection; the headers are, with each second.
        config.ws_protocol_class = Socket
        config.ws_max_size = MOST_MESSAGE
        config.encoded_headers = [each for each in config.encoded_headers if each[0] != b"server"]
        super().__init__(config, *arguments, **named)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Wait for the rest of a request that is not whole yet."""
        super().data_received(data)
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            self._expect()
        else:
            self._expect_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        super().connection_lost(exc)
        self._expect_no_more()

    def _expect(self) -> None:
        if self._half is None:
            self._half = self.loop.call_later(PATIENCE, self._end)

    def _expect_no_more(self) -> None:
        if self._half is not None:
            self._half.cancel()
            self._half = None

    def _end(self) -> None:
        # A connection that became a websocket meanwhile is another's.
        if self.transport.get_protocol() is self:
            self.transport.abort()


class Socket(_Ends, WebSocketsSansIOProtocol):
    """A websocket that is gone soon after it is closed, whoever is at the other end.

    To a page that asks for it (serving/scripts/flow.js) messages go in bundles, as they come one
    after the other: a frame is one. For each that goes alone Python's lock changes hands four
    times, and the system is called once.
    """

    _bundles = False

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._held: list[Any] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Have the system keep no more for the reader than it should."""
        super().connection_made(transport)
        if self.conn.available_extensions:
            self.conn.available_extensions = [_COMPRESSION]
        plain: socket.socket | None = transport.get_extra_info("socket")
        if plain is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)

    def handle_connect(self, event: Request) -> None:
        """Note whether the page takes bundles."""
        super().handle_connect(event)
        self._bundles = event.path.endswith(f"?{BUNDLES}")

    async def send(self, message: ASGISendEvent) -> None:
        """Hold a message back for as long as more may come at once, and others send at once."""
        data = message.get("bytes") if self._bundles and self.handshake_complete else None
        if not isinstance(data, bytes):
            self._hand_over()
            await super().send(message)
            return
        await self.writable.wait()
        if self.disconnected:
            raise ClientDisconnected
        if not self._held:
            self.loop.call_soon(self._wait, 0, 0)
        self._held.append(data)
        if _ENDS in data or sum(map(len, self._held)) > _MOST_BUNDLED:
            self._hand_over()

    def _wait(self, held: int, quiet: int) -> None:
        """Wait for more than the ``held`` messages, unless none has come for so many turns."""
        quiet = 0 if len(self._held) > held else quiet + 1
        if quiet > _QUIET:
            self._hand_over()
        elif self._held:
            self.loop.call_soon(self._wait, len(self._held), quiet)

    def _hand_over(self) -> None:
        held, self._held = self._held, []
        if held and not (self.close_sent or self.disconnected or self.transport.is_closing()):
            self.conn.send_binary(held[0] if len(held) == 1 else bundle(held))
            self.transport.write(b"".join(self.conn.data_to_send()))

    def keepalive_timeout(self) -> None:
        """End a connection that has not answered a ping, whatever it still has to take."""
        super().keepalive_timeout()
        self.transport.abort()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """Have the connection gone a little later, whatever it still has to send."""
        super().on_task_complete(task)
        self.loop.call_later(_GOODBYE, self.transport.abort)


def install() -> None:
    """Have every connection of this process be one of these two."""
    # By the time that the application is loaded, uvicorn has chosen its classes.
    H11Protocol.__new__ = lambda *_, **__: object.__new__(Requests)  # type: ignore
