"""N readers who all train at once: what each of them sees, and what it costs the server.

    python -m benchmarks.load --readers 1 10 100 --seconds 60

Each row is a crowd; the first one is what the others are compared with. The readers are opened one
after the other, look at the page, press Train, and are watched from then on. `open` is how long the
last of them waited for the whole page, with everyone before them in training.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil

from benchmarks.reader import Reader
from benchmarks.servers import Server, serving

# A run that does not end while it is watched.
QUERY = "layers=3&steps=5000000"

# The longest that anybody waits for the page or the first frame, in seconds.
_PATIENCE = 60.0

# What is drawn first after Train is not counted: everyone presses at the same time.
_SETTLE = 3.0

_HEAD = (
    "readers  frames/s  worst   gap p50    p95    max   open s  errors  closed  "
    "server ms/frame  worker ms/frame  MiB/reader"
)


@dataclass(frozen=True)
class Row:
    """What was seen of one crowd."""

    readers: int
    rates: list[float]  # frames a second, by reader
    gaps: list[float]  # seconds between frames, of all readers
    opened: float  # seconds until the last reader saw the whole page
    errors: int
    closed: int
    server: float  # CPU seconds of the Streamlit process
    workers: float  # CPU seconds of its workers
    frames: int
    grown: float  # bytes that the Streamlit process grew by

    def __str__(self) -> str:
        p50, p95, most = np.percentile(self.gaps, (50, 95, 100)) if self.gaps else (np.nan,) * 3
        each = 1000 / max(self.frames, 1)
        return (
            f"{self.readers:7d}  {np.mean(self.rates):8.2f}  {min(self.rates):5.2f}  "
            f"{p50:7.3f}  {p95:5.3f}  {most:5.2f}  {self.opened:7.2f}  {self.errors:6d}  "
            f"{self.closed:6d}  {self.server * each:15.2f}  {self.workers * each:15.2f}  "
            f"{self.grown / self.readers / 2**20:10.2f}"
        )


async def crowd(server: Server, readers: int, seconds: float, query: str = QUERY) -> Row:
    """Open ``readers``, have them train, watch them for ``seconds``."""
    own, *workers = server.family
    memory = own.memory_info().rss
    async with AsyncExitStack() as stack:
        opened = 0.0
        people = []
        for _ in range(readers):
            began = time.monotonic()
            reader = await stack.enter_async_context(Reader(server.url, query))
            await reader.until(lambda r=reader: bool(r.frames) and not r.running, _PATIENCE)  # type: ignore[misc]
            opened = time.monotonic() - began
            await reader.press("train")
            people.append(reader)
        await asyncio.sleep(_SETTLE)
        first, cpu = time.monotonic(), _cpu([own])
        cpu_workers = _cpu(workers)
        await asyncio.sleep(seconds)
        last = time.monotonic()
        spent, spent_workers = _cpu([own]) - cpu, _cpu(workers) - cpu_workers
        seen = [[t for t in reader.frames if first <= t <= last] for reader in people]
        return Row(
            readers=readers,
            rates=[len(times) / (last - first) for times in seen],
            # The gap that was open at the end counts too: else nobody would see a picture stop.
            gaps=[b - a for times in seen for a, b in pairwise([first, *times, last])],
            opened=opened,
            errors=sum(len(reader.errors) for reader in people),
            closed=sum(len(reader.closed) for reader in people),
            server=spent,
            workers=spent_workers,
            frames=sum(map(len, seen)),
            grown=own.memory_info().rss - memory,
        )


def _cpu(processes: Sequence[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


async def _main(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "server.log") as server:
        print(_HEAD)
        rows: list[Row] = []
        for readers in arguments.readers:
            rows.append(await crowd(server, readers, arguments.seconds, arguments.query))
            ratio = np.mean(rows[-1].rates) * readers / (np.mean(rows[0].rates) * rows[0].readers)
            print(rows[-1], f"  {ratio:.1f} × the pictures of the first row", flush=True)
        for line in server.complaints():
            print("log:", line)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--readers", type=int, nargs="+", default=[1, 10, 30])
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--query", default=QUERY)
    asyncio.run(_main(parser.parse_args()))
