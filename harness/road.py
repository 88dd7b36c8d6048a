"""A slow road to a server: a TCP proxy with a round trip and a rate each way.

    with Road(target_port, Rates(150, 1_600, 750)) as road: ...

The rate is shared by all connections, as on a phone; what waits for it waits in order, behind a
buffer of a router's size, so that a sender is held back as TCP would. In a process of its own.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from harness.servers import ROOT, free_port

# What a router keeps for a connection, in pieces.
_PIECE, _PIECES = 4096, 16


@dataclass(frozen=True)
class Rates:
    """A road: round trip in ms, down and up in kbit/s; 0 for a rate that nothing bounds."""

    round_trip: float = 0.0
    down: float = 0.0
    up: float = 0.0


class _Way:
    """One direction: a rate for all connections, a delay, and a count of bytes."""

    def __init__(self, kbit: float, seconds: float) -> None:
        self._rate = kbit * 125 if kbit else float("inf")
        self._delay = seconds
        self._free = 0.0
        self.carried = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_PIECES)
        arriving = asyncio.create_task(self._arrive(waiting, writer))
        with suppress(OSError):
            while piece := await reader.read(_PIECE):
                now = time.monotonic()
                self._free = max(now, self._free) + len(piece) / self._rate
                await waiting.put((self._free + self._delay, piece))
                await asyncio.sleep(self._free - now)
        await waiting.put((0.0, b""))
        await arriving

    async def _arrive(
        self, waiting: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        while True:
            at, piece = await waiting.get()
            await asyncio.sleep(at - time.monotonic())
            with suppress(OSError):
                if not piece:
                    writer.write_eof()
                    return
                self.carried += len(piece)
                writer.write(piece)
                await writer.drain()


class Road:
    """The proxy; ``url`` leads over it."""

    def __init__(self, target: int, rates: Rates) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        numbers = (self.port, target, rates.round_trip, rates.down, rates.up)
        self._command = [sys.executable, "-m", "harness.road", *map(str, numbers)]

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, bufsize=1
        )
        self.carried()  # it answers when it stands
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def carried(self) -> tuple[int, int]:
        """Bytes that have arrived so far, down and up."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print("?", file=self._process.stdin, flush=True)
        down, up = self._process.stdout.readline().split()
        return int(down), int(up)


async def _main(port: int, target: int, round_trip: float, down: float, up: float) -> None:
    ways = _Way(down, round_trip / 2000), _Way(up, round_trip / 2000)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(round_trip / 1000)  # the handshake
        with suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
            await asyncio.gather(
                ways[0].carry(far_reader, writer), ways[1].carry(reader, far_writer)
            )
            far_writer.close()
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", port)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(*(way.carried for way in ways), flush=True)
    server.close()


if __name__ == "__main__":
    listen, behind, *rest = sys.argv[1:]
    asyncio.run(_main(int(listen), int(behind), *map(float, rest)))
