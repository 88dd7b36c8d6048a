"""One hostile client against ten ordinary readers: what is left for them, attack by attack.

    python -m benchmarks.siege

Ten readers train, each from an address of their own (as a balancer would tell it). After a while
one stranger begins, from one address, and does one of the things below for a while. `kept` is what
the readers get of the pictures that they got just before; while it lasts a newcomer opens the page,
and another one a network that is nobody else's. `stood still` is the longest that `/healthz` was
silent. Memory is the Streamlit process': before, at its highest, and when the stranger has been
gone for a while. The server's resolver never answers.

Everything shares the machine with the server, the stranger too: what it takes of the processor is
missing from everybody's pictures. `--only` names one attack or several. With `--soak` all of them
come one after the other to one server, half an hour long, and what it wrote down is shown.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import random
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import SInt64Array
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Origin

from benchmarks._report import line, parsed, publish, table
from harness.reader import Reader
from harness.servers import Server, serving_without_names

QUERY = "layers=3&steps=5000000"
HEAVY = "layers=8&width=64&batch=256&optimizer=adamw&steps=5000000&train=1"
STRANGER = "203.0.113.9"

_HEAD = (
    "attack",
    "pictures/s before",
    "during",
    "kept",
    "newcomer's first s",
    "a stranger's network s",
    "stood still s",
    "MiB before",
    "highest",
    "after",
    "lines of log",
)

_FAILED = (OSError, TimeoutError, WebSocketException, http.client.HTTPException)


@dataclass
class Seen:
    """What became of everybody in one attack."""

    before: float
    during: float = 0.0
    newcomer: float | None = None
    network: float | None = None
    silence: float = 0.0
    memory: list[int] = field(default_factory=list)  # before, highest, after
    lines: int = 0

    @property
    def kept(self) -> float:
        return self.during / (self.before or 1)

    def cells(self, name: str) -> list[str]:
        figures = [f"{self.before:.1f}", f"{self.during:.1f}", f"{self.kept:.0%}"]
        waits = [f"{w:.1f}" if w is not None else "never" for w in (self.newcomer, self.network)]
        memory = [f"{each / 2**20:.0f}" for each in self.memory]
        return [name, *figures, *waits, f"{self.silence:.2f}", *memory, f"{self.lines}"]


Attack = Callable[[Server, int], Coroutine[Any, Any, None]]


def _host(server: Server) -> str:
    return urlsplit(server.url).netloc


def _request(server: Server, method: str, path: str, body: bytes = b"") -> int:
    connection = http.client.HTTPConnection(_host(server), timeout=10)
    with suppress(*_FAILED):
        connection.request(method, path, body, {"X-Forwarded-For": STRANGER})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    connection.close()
    return 0


async def _each(count: int, act: Callable[[int], Awaitable[None]]) -> None:
    """``count`` of them at once, each again and again; ends when it is cancelled."""

    async def again(n: int) -> None:
        while True:
            with suppress(*_FAILED):
                await act(n)
            await asyncio.sleep(0.05)

    await asyncio.gather(*(again(n) for n in range(count)))


async def _crowd(server: Server, queries: list[str], carried: bool = False) -> None:
    """Readers of one address, who stay."""
    states: dict[str, WidgetState] = {}
    if carried:
        async with Reader(server.url, address=STRANGER) as reader:
            await reader.rest(30)
            name = reader._widget("carried").id
        states = {name: WidgetState(id=name, string_value=queries[0])}
    async with AsyncExitStack() as stack:
        for query in queries:
            reader = Reader(server.url, "" if carried else query, STRANGER)
            reader._states |= states
            with suppress(*_FAILED):
                await stack.enter_async_context(reader)
        await asyncio.Event().wait()


async def origins(server: Server, size: int) -> None:
    """Upgrades with a foreign Origin."""

    async def act(_: int) -> None:
        async with connect(
            f"ws://{_host(server)}/_stcore/stream",
            origin=Origin("https://elsewhere.example"),
            proxy=None,
        ):
            pass

    await _each(max(2, size // 20), act)


async def uploads(server: Server, size: int) -> None:
    """Files of a megabyte."""

    async def act(n: int) -> None:
        path = f"/_stcore/upload_file/{n}/{random.random()}"
        await asyncio.to_thread(_request, server, "PUT", path, b"\0" * 2**20)

    await _each(max(2, size // 20), act)


async def endless(server: Server, _: int) -> None:
    """Messages of 190 MB that never end."""

    async def act(_: int) -> None:
        async def part() -> AsyncIterator[bytes]:
            for _ in range(190):
                yield b"\0" * 10**6
            await asyncio.sleep(30)

        address = f"ws://{_host(server)}/_stcore/stream"
        async with connect(address, proxy=None, max_size=None) as each:
            await each.send(part())

    await _each(3, act)


async def silent(server: Server, size: int) -> None:
    """Readers who train and never read."""
    opened: list[asyncio.StreamWriter] = []
    address = urlsplit(server.url)
    handshake = (
        f"GET /_stcore/stream HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: streamlit\r\n"
        f"X-Forwarded-For: {STRANGER}\r\n\r\n"
    ).encode()
    message = BackMsg()
    message.rerun_script.query_string = f"{QUERY}&train=1"
    body = message.SerializeToString()
    frame = bytes([0x82, 0x80 | len(body), 0, 0, 0, 0]) + body  # masked with zeros
    try:
        for _ in range(size):
            plain = socket.socket()
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            plain.setblocking(False)
            loop = asyncio.get_running_loop()
            with suppress(*_FAILED):
                await loop.sock_connect(plain, (address.hostname, address.port))
                reader, writer = await asyncio.open_connection(sock=plain, limit=1_024)
                opened.append(writer)
                writer.write(handshake)
                await reader.readuntil(b"\r\n")
                writer.write(frame)
                writer.transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(0.02)
        await asyncio.Event().wait()
    finally:
        for writer in opened:
            writer.transport.abort()


async def heavy(server: Server, size: int) -> None:
    """The largest network, as fast as it goes, on every page."""
    await _crowd(server, [HEAVY] * size)


async def failovers(server: Server, size: int) -> None:
    """Pages that say that they come from a server that is gone, and stood at step 5,000,000."""
    await _crowd(server, [f"{QUERY}&step=5000000"] * size, carried=True)


async def graphs(server: Server, size: int) -> None:
    """A network on each page that is compiled for it alone."""
    kinds = [f"layers={2 + n % 7}&width={17 + n // 7}&train=1" for n in range(size)]
    await _crowd(server, kinds)


async def reruns(server: Server, _: int) -> None:
    """Five pages, each asked for fifty times a second."""

    async def page() -> None:
        async with Reader(server.url, QUERY, STRANGER) as reader:
            while True:
                await reader._send_rerun()
                await asyncio.sleep(0.02)

    async def act(_: int) -> None:
        await page()

    await _each(5, act)


async def values(server: Server, _: int) -> None:
    """Widgets' values of kinds that no widget has."""

    async def act(_: int) -> None:
        async with Reader(server.url, QUERY, STRANGER) as reader:
            await reader.rest(30)
            train = reader._widget("train").id
            while True:
                await reader._send_rerun(
                    WidgetState(id=train, int_array_value=SInt64Array(data=[1]))
                )
                await asyncio.sleep(0.02)

    await _each(2, act)


async def addresses(server: Server, size: int) -> None:
    """Addresses that nobody can read, and pictures of links that nobody has asked for."""

    async def act(n: int) -> None:
        asked = quote(f"{server.url}/?seed={random.randrange(10**6)}")
        for path in ("/oembed?url=http://[::1", f"/oembed?url={asked}"):
            await asyncio.to_thread(_request, server, "GET", path)
        path = f"/preview.png?seed={random.randrange(10**6)}"
        await asyncio.to_thread(_request, server, "GET", path)

    await _each(max(2, size // 10), act)


async def halves(server: Server, size: int) -> None:
    """Requests that are never finished."""
    address = urlsplit(server.url)
    opened: list[asyncio.StreamWriter] = []
    try:
        while True:
            for _ in range(size):
                with suppress(*_FAILED):
                    _, writer = await asyncio.open_connection(address.hostname, address.port)
                    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
                    opened.append(writer)
            await asyncio.sleep(5)
    finally:
        for writer in opened:
            writer.transport.abort()


ATTACKS: dict[str, Attack] = {
    attack.__name__: attack
    for attack in (
        origins,
        uploads,
        endless,
        silent,
        heavy,
        failovers,
        graphs,
        reruns,
        values,
        addresses,
        halves,
    )
}


@asynccontextmanager
async def training(server: Server, readers: int) -> AsyncIterator[list[Reader]]:
    """Readers who train, each from an address of their own."""
    async with AsyncExitStack() as stack:
        crowd = []
        for n in range(readers):
            reader = Reader(server.url, QUERY, f"198.51.100.{n + 1}")
            crowd.append(await stack.enter_async_context(reader))
            await reader.press("train", 60)
        yield crowd


async def rate(crowd: list[Reader], seconds: float) -> float:
    """Pictures a second that each of the readers gets, on average."""
    began = time.monotonic()
    await asyncio.sleep(seconds)
    counted = sum(sum(at >= began for at in reader.frames) for reader in crowd)
    return counted / len(crowd) / (time.monotonic() - began)


async def wait_for(
    server: Server, query: str, address: str, ready: Callable[[Reader], bool]
) -> float | None:
    """How long somebody waits who opens a page now; None: for longer than a minute."""
    began = time.monotonic()
    try:
        async with Reader(server.url, query, address) as reader:
            await reader.until(lambda: ready(reader), 60)
    except _FAILED:
        return None
    return time.monotonic() - began


async def besiege(
    server: Server, crowd: list[Reader], attack: Attack, size: int, seconds: float, calm: float
) -> Seen:
    """One attack, and what the readers and newcomers see of it."""
    own, silence = server.family[0], 0.0
    lines = len(server.log.read_text().splitlines())
    memory = [own.memory_info().rss] * 2

    async def watch() -> None:
        nonlocal silence
        while True:
            began = time.monotonic()
            await asyncio.to_thread(_request, server, "GET", "/healthz")
            silence = max(silence, time.monotonic() - began)
            memory[1] = max(memory[1], own.memory_info().rss)
            await asyncio.sleep(0.1)

    seen = Seen(await rate(crowd, seconds / 2))
    acting, watching = asyncio.create_task(attack(server, size)), asyncio.create_task(watch())
    try:
        await asyncio.sleep(seconds / 2)
        odd = f"layers={random.randint(2, 8)}&width={random.randint(33, 63)}&train=1"
        seen.during, seen.newcomer, seen.network = await asyncio.gather(
            rate(crowd, seconds),
            wait_for(server, QUERY, "192.0.2.1", lambda reader: bool(reader.frames)),
            wait_for(server, odd, "192.0.2.2", lambda reader: reader.step > 0),
        )
    finally:
        acting.cancel()
        watching.cancel()
        await asyncio.gather(acting, watching, return_exceptions=True)
    await asyncio.sleep(calm)
    seen.silence = silence
    seen.memory = [*memory, own.memory_info().rss]
    logged = server.log.read_text().splitlines()[lines:]
    seen.lines = sum(not entry.startswith("{") for entry in logged)
    return seen


async def siege(
    log: Path,
    names: list[str],
    readers: int,
    size: int,
    seconds: float,
    calm: float,
    soak: bool = False,
) -> dict[str, Seen]:
    """All the attacks of these names, each on a server of its own, or all on one."""
    found = {}
    print(table(_HEAD, []), flush=True)
    for together in [names] if soak else [[name] for name in names]:
        log.unlink(missing_ok=True)
        with serving_without_names(log) as server:
            async with training(server, readers) as crowd:
                await asyncio.sleep(5)
                for name in together:
                    seen = await besiege(server, crowd, ATTACKS[name], size, seconds, calm)
                    print(line(seen.cells(name)), flush=True)
                    found[name] = seen
            for entry in server.complaints():
                print(entry)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", choices=ATTACKS, default=list(ATTACKS))
    parser.add_argument("--readers", type=int, default=10)
    parser.add_argument("--size", type=int, default=60, help="of a crowd")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--calm", type=float, default=120, help="seconds until the last look")
    parser.add_argument("--soak", action="store_true", help="one after the other on one server")
    options = parsed(parser, only=["origins", "reruns"], size=20, seconds=8, calm=5)
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(
            siege(
                Path(folder) / "server.log",
                options.only,
                options.readers,
                options.size,
                options.seconds,
                options.calm,
                options.soak,
            )
        )
    if not options.quick and list(found) == list(ATTACKS):
        rows = [seen.cells(name) for name, seen in found.items()]
        legend = "\n".join(f"- **{name}**: {act.__doc__}" for name, act in ATTACKS.items())
        text = f"One stranger, {options.size} of a kind, and {options.readers} readers"
        text += ", all on one server, one attack after the other" if options.soak else ""
        text += f".\n\n{legend}"
        publish("siege", f"## A siege\n\n{text}\n\n{table(_HEAD, rows)}")
    print(json.dumps({name: round(seen.kept, 2) for name, seen in found.items()}))


if __name__ == "__main__":
    main()
