"""What a stranger gets at the door: nothing that the page does not offer."""

from __future__ import annotations

import asyncio
import http.client
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from starlette.types import Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.protocols.http.h11_impl import H11Protocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from harness.reader import Reader
from harness.servers import Server, serving_without_names
from live.settings import Settings
from serving import sockets
from serving.door import Door, Hearing
from serving.log import Discreet


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose resolver never answers."""
    with serving_without_names(tmp_path_factory.mktemp("alone") / "server.log") as server:
        yield server


def host(server: Server) -> str:
    return urlsplit(server.url).netloc


async def open_socket(server: Server, origin: str | None, path: str = "/_stcore/stream") -> Any:
    return await connect(
        f"ws://{host(server)}{path}",
        origin=None if origin is None else Origin(origin),
        subprotocols=[Subprotocol("streamlit")],
        proxy=None,
    )


def ask(server: Server, method: str, path: str, origin: str | None = None) -> tuple[int, str]:
    """The status, and who may read the answer. The path goes out as it is."""
    connection = http.client.HTTPConnection(host(server), timeout=10)
    headers = {} if origin is None else {"Origin": origin}
    connection.request(method, path, body=b"x" if method == "PUT" else None, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.getheader("Access-Control-Allow-Origin", "")


FOREIGN = ("https://elsewhere.example", "http://[::1", "", "http://localhost:1", "file://")


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_origin_is_refused_and_nobody_looks_for_a_name(
    alone: Server, origin: str
) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        asyncio.run(open_socket(alone, origin))
    assert ask(alone, "GET", "/_stcore/health", origin)[0] == 200
    assert ask(alone, "GET", "/_stcore/host-config", origin)[0] == 200
    text = alone.log.read_text()
    assert "looked for a name" not in text
    assert "elsewhere" not in text


def test_the_own_origin_and_a_sandbox_are_let_in(alone: Server) -> None:
    async def look() -> None:
        for origin in (alone.url, "null", None):
            await (await open_socket(alone, origin)).close()

    asyncio.run(look())


def test_a_sandboxed_page_may_read_the_scripts_that_it_is_made_of(alone: Server) -> None:
    for path in ("/_stcore/health", "/_stcore/host-config"):
        assert ask(alone, "GET", path, "null") == (200, "*")
    assert ask(alone, "GET", "/", "null")[1] == ""


CLOSED = (
    "/_stcore/upload_file/a/b",
    "/_stcore/agent/openapi.json",
    "/_stcore/agent/mcp",
    "/_stcore/agent/interact",
    "/_stcore/script-health-check",
    "/_stcore/stream",
    "/_stcore/health/",
    "/component/a/b.js",
    "/auth/login",
    "/oauth2callback",
    "/app/static/a",
)
SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda path: path,
    "slash behind": lambda path: path + "/",
    "capitals": lambda path: path.upper(),
    "slash before": lambda path: "/" + path,
    "slashes": lambda path: path.replace("/", "//"),
    "up": lambda path: "/x/.." + path,
    "up, quoted": lambda path: "/%2e%2e" + path,
    "here": lambda path: "/." + path,
    "letters quoted": lambda path: path.replace("_", "%5f").replace("a", "%61"),
    "slashes quoted": lambda path: "/" + path[1:].replace("/", "%2f"),
    "backslashes quoted": lambda path: "/" + path[1:].replace("/", "%5c"),
    "query": lambda path: path + "?x=/_stcore/health",
}


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_what_the_page_does_not_offer_is_not_there(
    alone: Server, path: str, spell: Callable[[str], str]
) -> None:
    for method in ("GET", "PUT", "POST"):
        assert ask(alone, method, spell(path))[0] == 404, method


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_is_taken(alone: Server, method: str) -> None:
    for path in ("/", "/preview.png", "/_stcore/health", "/static/x"):
        assert ask(alone, method, path)[0] == 405


async def closed(socket: ClientConnection) -> int:
    """The code with which the server closes the connection."""
    try:
        async with asyncio.timeout(30):
            while True:
                await socket.recv()
    except ConnectionClosed as error:
        return error.rcvd.code if error.rcvd else 0


def test_garbage_and_text_close_a_socket_and_leave_no_traceback(alone: Server) -> None:
    async def look() -> None:
        garbage = await open_socket(alone, alone.url)
        await garbage.send(b"\xff\xff\xff")
        assert await closed(garbage) == 1002
        text = await open_socket(alone, alone.url)
        await text.send("text")
        assert await closed(text) == 1003

    before = len(alone.complaints())
    asyncio.run(look())
    assert alone.complaints()[before:] == []


def test_a_large_message_is_refused_at_its_first_byte(alone: Server) -> None:
    async def look() -> None:
        large = await open_socket(alone, alone.url)
        await large.send(b"\0" * (sockets.MOST_MESSAGE + 1))
        assert await closed(large) == 1009
        # One in fragments, which never ends.
        endless = await open_socket(alone, alone.url)

        async def forever() -> Any:
            while True:
                yield b"\0" * 16_384

        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(30):
                await endless.send(forever())

    asyncio.run(look())


KINDS: tuple[dict[str, Any], ...] = (
    {"string_value": "x"},
    {"int_value": 3},
    {"bool_value": True},
    {"double_value": 1e300},
    {"bytes_value": b"x"},
    {"json_value": "{"},
    {"json_trigger_value": '{"'},
    {"int_array_value": {"data": [2**40]}},
    {"double_array_value": {"data": [float("nan")]}},
    {"string_array_value": {"data": ["x"]}},
)


def test_values_that_no_widget_has_leave_no_traceback_and_the_page_works(alone: Server) -> None:
    async def look() -> None:
        async with Reader(alone.url) as reader:
            await reader.rest(30)
            await reader.open("change")
            await reader.rest(30)
            names = [
                getattr(element, element.WhichOneof("type")).id
                for element in reader.elements.values()
                if hasattr(getattr(element, element.WhichOneof("type") or "", None), "id")
            ]
            assert len(names) > 10
            assert reader._socket is not None
            for kind in KINDS:
                message = BackMsg()
                for name in filter(None, names):
                    message.rerun_script.widget_states.widgets.add(id=name, **kind)
                await reader._socket.send(message.SerializeToString())
                await asyncio.sleep(0.3)
            await reader.rest(30)
            await reader.open("change")
            await reader.press("reset", 10)
            await reader.rest(30)
            assert reader.errors == []

    asyncio.run(look())
    text = alone.log.read_text()
    assert "Traceback" not in text
    assert text.count("dropped a value of a kind") == 1


def test_nobody_empties_the_caches_of_all(alone: Server) -> None:
    passed: list[Message] = []
    messages = [BackMsg(clear_cache=True), BackMsg(load_git_info=True), BackMsg(stop_script=True)]

    async def receive() -> Message:
        data = messages.pop(0).SerializeToString()
        return {"type": "websocket.receive", "bytes": data}

    async def send(message: Message) -> None:
        passed.append(message)

    heard = asyncio.run(Hearing(receive, send)())
    assert BackMsg.FromString(heard["bytes"]).WhichOneof("type") == "stop_script"
    assert passed == []


def test_who_talks_too_fast_waits_and_nobody_else() -> None:
    async def receive() -> Message:
        data = BackMsg(stop_script=True).SerializeToString()
        return {"type": "websocket.receive", "bytes": data}

    async def send(_: Message) -> None: ...

    slept: list[float] = []

    async def look() -> None:
        hearing = Hearing(receive, send, clock=lambda: 0.0)
        plain = asyncio.sleep

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            await plain(0)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio, "sleep", sleep)
            for _ in range(100):
                await hearing()

    asyncio.run(look())
    # Sixty at once; from then on each waits a twentieth of a second longer than the one before.
    assert len(slept) == 40
    assert slept[-1] == pytest.approx(2.0)


def door(seats: int) -> tuple[Door, list[Scope]]:
    inside: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        inside.append(scope)
        await receive()

    return Door(app, Settings(seats=seats)), inside


def test_sockets_are_counted_and_not_only_readers() -> None:
    house, inside = door(seats=1)

    async def look() -> list[Message]:
        sent: list[Message] = []
        stay = asyncio.Event()

        async def receive() -> Message:
            await stay.wait()
            return {"type": "websocket.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        def scope(n: int) -> Scope:
            client = (f"192.0.2.{n}", 1)
            return {"type": "websocket", "path": "/_stcore/stream", "headers": [], "client": client}

        many = [asyncio.create_task(house(scope(n), receive, send)) for n in range(60)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        stay.set()
        await asyncio.gather(*many)
        return sent

    sent = asyncio.run(look())
    assert len(inside) == 52
    refused = [each["status"] for each in sent if each["type"] == "websocket.http.response.start"]
    assert refused == [503] * 8


def test_nobody_says_whose_address_it_is_but_the_balancer() -> None:
    house, inside = door(seats=5)

    async def receive() -> Message:
        return {"type": "websocket.disconnect"}

    async def send(_: Message) -> None: ...

    def scope(client: str, *headers: tuple[bytes, bytes]) -> Scope:
        return {
            "type": "websocket",
            "path": "/_stcore/stream",
            "headers": [*headers],
            "client": (client, 0),
        }

    told = (b"x-forwarded-for", b"192.0.2.7")
    for each in (
        scope("192.0.2.7", told),
        scope("10.0.0.1", told),
        scope("192.0.2.9", (b"x-middle-layer-address", b"192.0.2.1")),
        scope("2001:db8::1"),
    ):
        asyncio.run(house(each, receive, send))
    found = [dict(scope["headers"])[b"x-middle-layer-address"] for scope in inside]
    assert found == [b"192.0.2.7", b"", b"192.0.2.9", b"2001:db8::/64"]


def test_half_a_request_ends_by_itself(alone: Server) -> None:
    address = urlsplit(alone.url)
    halves = [b"GET / HTTP/1.1\r\nHost: x\r\n", b"", b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Le"]
    opened = []
    for half in halves:
        each = socket.create_connection((address.hostname, address.port))
        each.settimeout(4 * sockets.PATIENCE)
        each.sendall(half)
        opened.append(each)
    for each in opened:
        with suppress(ConnectionResetError):
            assert each.recv(1) == b""
        each.close()


def test_uvicorn_makes_the_connections_that_are_replaced() -> None:
    assert AutoHTTPProtocol is H11Protocol


def test_the_log_names_no_session_and_counts_what_repeats() -> None:
    now = 0.0
    quiet = Discreet(clock=lambda: now)
    session = str(uuid4())

    def log() -> str | None:
        record = logging.LogRecord(
            "streamlit.x",
            logging.WARNING,
            "",
            0,
            "%s at %s",
            (session, "http://a.b/c"),
            None,
        )
        return record.getMessage() if quiet.filter(record) else None

    assert log() == "… at …"
    assert [log() for _ in range(41)] == [None] * 41
    now = 61.0
    assert log() == "… at … (41 more of these in the last minute or so)"
