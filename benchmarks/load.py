"""N readers who all train at once: what each of them sees, and what it costs the server.

    python -m benchmarks.load --readers 1 10 100 200 --seconds 180 --leave 120

Each row is a crowd that meets a server of its own; the first one is what the others are compared
with. The readers come several at a time, press Train as soon as the page stands, and are watched
once all are there. While they train a few more come, look, and go: `arrival` is how long each of
them waited until the whole page stood, its HTML included. Memory is the Streamlit process', over
what it had after one reader had come, trained and left; with `--leave` it is looked at once more
when everybody has been gone for so long.

What cannot be held is said below the row. The readers share the machine with the server: `client`
is what they take of one core.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from benchmarks._report import line, parsed, table
from harness.reader import Reader
from harness.servers import Server, cpu_seconds, serving, status

# A run that does not end while it is watched: at 20 times 100 steps a second, 40 minutes.
QUERY = "layers=3&steps=5000000"

# Readers who open the page at the same moment.
AT_ONCE = 6

# The longest that anybody waits for the page, in seconds.
PATIENCE = 120.0

# What is drawn first after the last Train is not counted, and what the first reader of all costs.
_SETTLE = 3.0
_WARM = 5.0

# What we want: so many frames a second for everybody, in crowds of up to so many readers.
WANTED = {10: 10, 100: 2, 200: 1}
_LONGEST_GAP, _LONGEST_ARRIVAL, _MIB_A_READER, _AFTER = 1.0, 5.0, 3.0, 1.1

_HEAD = (
    "readers",
    "frames/s each",
    "worst",
    "pictures in all",
    "gap p50 s",
    "p95",
    "max",
    "arrival p50 s",
    "max",
    "errors",
    "closed",
    "ended",
    "server ms/frame",
    "worker ms/frame",
    "server CPU",
    "client CPU",
    "MiB a reader",
    "after/before",
)


@dataclass(frozen=True)
class Row:
    """What was seen of one crowd."""

    rates: list[float]  # frames a second, by reader
    gaps: list[float]  # seconds between frames, of all readers
    arrivals: list[float]  # seconds until those who came later saw the whole page
    errors: list[str]
    closed: int  # connections that broke
    ended: int  # readers who were not training any more when the time was over
    seconds: float
    frames: int
    server: float  # CPU seconds of the Streamlit process
    workers: float  # CPU seconds of its workers
    client: float  # CPU seconds of the readers
    before: int  # bytes of the Streamlit process
    crowded: int
    after: int | None  # when all had left, if that was waited for

    @property
    def readers(self) -> int:
        return len(self.rates)

    @property
    def mib(self) -> float:
        """What the server grew by for each reader."""
        return (self.crowded - self.before) / self.readers / 2**20

    @property
    def left(self) -> float:
        """The memory after as a multiple of the memory before."""
        return self.after / self.before if self.after is not None else np.nan

    def cells(self, first: Row) -> list[str]:
        """The row, with the pictures of all readers as a multiple of those in the ``first``."""
        each = 1000 / max(self.frames, 1)
        pictures = self.frames / self.seconds / (first.frames / first.seconds or 1)
        return [
            f"{self.readers}",
            f"{np.mean(self.rates):.2f}",
            f"{min(self.rates):.2f}",
            f"× {pictures:.1f}",
            *(f"{gap:.2f}" for gap in _quantiles(self.gaps, 50, 95, 100)),
            *(f"{wait:.2f}" for wait in _quantiles(self.arrivals, 50, 100)),
            f"{len(self.errors)}",
            f"{self.closed}",
            f"{self.ended}",
            f"{self.server * each:.1f}",
            f"{self.workers * each:.1f}",
            f"{self.server / self.seconds:.0%}",
            f"{self.client / self.seconds:.0%}",
            f"{self.mib:.2f}",
            "–" if self.after is None else f"{self.left:.2f}",
        ]

    def missed(self) -> list[str]:
        """Which of the things that we want was not seen."""
        rate = next((rate for most, rate in WANTED.items() if self.readers <= most), 0)
        held = {
            f"{rate} frames/s for everybody": min(self.rates) >= rate,
            f"95 % of the gaps below {_LONGEST_GAP:g} s": (
                _quantiles(self.gaps, 95)[0] < _LONGEST_GAP
            ),
            f"the page within {_LONGEST_ARRIVAL:g} s": (
                max(self.arrivals, default=0) <= _LONGEST_ARRIVAL
            ),
            "no error": not self.errors,
            "no connection that breaks": not self.closed,
            "training to the end (else the rest is silence)": not self.ended,
            # A single reader is no measure: memory comes in larger pieces.
            f"below {_MIB_A_READER:g} MiB a reader": self.readers == 1 or self.mib < _MIB_A_READER,
            f"after/before at most {_AFTER:g}": self.after is None or self.left <= _AFTER,
        }
        return [name for name, is_held in held.items() if not is_held]


def stands(reader: Reader) -> bool:
    """Whether the whole page is there, the charts included, and rests."""
    return bool(reader.frames) and not reader.running


async def connect(reader: Reader) -> None:
    """Enter ``reader``, as often as it takes: a crowded server may be slow to answer."""
    while True:
        try:
            await reader.__aenter__()
        # A handshake that takes too long is an OSError too.
        except (OSError, InvalidHandshake, ConnectionClosed):
            await asyncio.sleep(0.5)
        else:
            return


async def arrive(reader: Reader) -> float:
    """Open the page, its HTML first; the seconds until all of it stands."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE):
            page = f"{reader.url}/?{reader.query}"
            if (code := await asyncio.to_thread(status, page, PATIENCE)) != 200:
                reader.errors.append(f"the page's HTML was answered with {code}")
            await connect(reader)
            await reader.until(lambda: stands(reader), PATIENCE)
    except TimeoutError:
        reader.errors.append(f"the page did not stand within {PATIENCE:g} s")
    return time.monotonic() - began


async def leave(readers: Sequence[Reader]) -> None:
    """Close the connections, all at once."""
    await asyncio.gather(*(reader.__aexit__() for reader in readers))


@asynccontextmanager
async def training(url: str, queries: Sequence[str]) -> AsyncIterator[list[Reader]]:
    """A reader for each of ``queries``, who all train; inside, all have come."""
    people = [Reader(url, query) for query in queries]
    door = asyncio.Semaphore(AT_ONCE)

    async def come(reader: Reader) -> None:
        async with door:
            await arrive(reader)
            if reader.frames:
                await reader.press("train")

    try:
        await asyncio.gather(*map(come, people))
        yield people
    finally:
        await leave(people)


async def crowd(
    server: Server,
    readers: int,
    seconds: float,
    query: str = QUERY,
    latecomers: int = 3,
    gone_for: float = 0.0,
) -> Row:
    """Have ``readers`` train, watch them for ``seconds``, and others come meanwhile."""
    own = server.family[0]
    before = own.memory_info().rss
    async with training(server.url, [query] * readers) as people:
        await asyncio.sleep(_SETTLE)
        processes = ([own], server.family[1:], [psutil.Process()])
        first, cpu = time.monotonic(), list(map(cpu_seconds, processes))
        visitors = [Reader(server.url, query) for _ in range(latecomers)]
        visits = asyncio.gather(
            *(_visit(v, (n + 0.5) * seconds / latecomers) for n, v in enumerate(visitors))
        )
        await asyncio.sleep(seconds)
        arrivals = await visits
        last = time.monotonic()
        spent = [cpu_seconds(p) - c for p, c in zip(processes, cpu, strict=True)]
        crowded = own.memory_info().rss
        ended = sum(not reader.running for reader in people)
    seen = [[t for t in reader.frames if first <= t <= last] for reader in people]
    if gone_for:
        await asyncio.sleep(gone_for)
    return Row(
        rates=[len(times) / (last - first) for times in seen],
        # The gap that was open at the end counts too: else nobody would see a picture stop.
        gaps=[b - a for times in seen for a, b in pairwise([first, *times, last])],
        arrivals=arrivals,
        errors=[error for reader in [*people, *visitors] for error in reader.errors],
        closed=sum(len(reader.closed) for reader in [*people, *visitors]),
        ended=ended,
        seconds=last - first,
        frames=sum(map(len, seen)),
        server=spent[0],
        workers=spent[1],
        client=spent[2],
        before=before,
        crowded=crowded,
        after=own.memory_info().rss if gone_for else None,
    )


async def _visit(reader: Reader, after: float) -> float:
    """Come after so many seconds, look, and go; how long the page took."""
    await asyncio.sleep(after)
    waited = await arrive(reader)
    await leave([reader])
    return waited


def _quantiles(values: Sequence[float], *percents: float) -> list[float]:
    return [float(np.percentile(values, p)) if values else np.nan for p in percents]


async def _main(arguments: argparse.Namespace) -> None:
    print(table(_HEAD, []), flush=True)
    first: Row | None = None
    notes = []
    for readers in arguments.readers:
        with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "log") as server:
            # What only the very first reader costs.
            async with training(server.url, [arguments.query]):
                await asyncio.sleep(_WARM)
            row = await crowd(
                server,
                readers,
                arguments.seconds,
                arguments.query,
                arguments.latecomers,
                arguments.leave,
            )
            first = first or row
            print(line(row.cells(first)), flush=True)
            notes += [f"{readers} readers, not held: {what}" for what in row.missed()]
            notes += [f"{readers} readers, on a page: {error}" for error in sorted(set(row.errors))]
            notes += [f"{readers} readers, in the log: {text}" for text in server.complaints()]
    print("", *notes or ["all held"], sep="\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--readers", type=int, nargs="+", default=[1, 10, 30])
    parser.add_argument("--seconds", type=float, default=15.0, help="for how long a crowd trains")
    parser.add_argument("--latecomers", type=int, default=5, help="who come while it trains")
    parser.add_argument("--leave", type=float, default=0.0, help="seconds to wait when all left")
    parser.add_argument("--query", default=QUERY)
    asyncio.run(_main(parsed(parser, readers=[1, 5], seconds=5.0, latecomers=1)))
