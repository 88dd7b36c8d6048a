"""Replicas behind the real load balancer, under load, killed, stopped and drained.

    python -m benchmarks.chaos --readers 60 --replicas 2 --rounds kill term stop

HAProxy runs deploy/haproxy.cfg on loopback. Each round ends one replica: `kill` is SIGKILL, `term`
SIGTERM (a drain, as in an upgrade), `stop` SIGSTOP for 20 seconds. A reader is back when the page
shows training at a step not below the one last seen. At the end some readers pause, and all the
charts' numbers are compared with those of the same link opened on an undisturbed replica.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.reader import Reader
from benchmarks.servers import ROOT, Server, free_port, start, status

CONFIG = ROOT / "deploy" / "haproxy.cfg"
SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "stop": signal.SIGSTOP}

# Seconds that a stopped replica stays stopped.
STOPPED = 20.0

# The longest that a reader may be away.
PATIENCE = 40.0

# The balancer believes in a replica after two good checks, a second apart.
_BELIEVED = 4.0

# Experiments that a crowd is made of; the seed makes each reader's run its own.
LINKS = ("layers=3", "layers=2", "layers=3&weights=xavier_uniform&bias=constant&bias_scale=0.1")

_COMPARED = 10


@dataclass(frozen=True)
class Round:
    """What one blow did."""

    action: str
    hit: int  # readers whose connection broke
    away: list[float]  # seconds until each of them was back
    lost: int  # readers who were not back in time

    def __str__(self) -> str:
        worst = max(self.away, default=0.0)
        middle = float(np.median(self.away)) if self.away else 0.0
        return f"{self.action:6}  {self.hit:4d}  {middle:9.2f}  {worst:7.2f}  {self.lost:4d}"


class Replicas:
    """Servers behind HAProxy."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._ports = [free_port() for _ in range(count)]
        self.servers = [start(folder / f"replica{n}.log", p) for n, p in enumerate(self._ports)]

    def wait_until_ready(self) -> None:
        """Wait for all of them."""
        for server in self.servers:
            server.wait_until_ready()

    def strike(self, n: int, action: str) -> None:
        """Send one of them a signal; the workers of one that is killed end by themselves."""
        os.kill(self.servers[n].process.pid, SIGNALS[action])

    def mend(self, n: int, action: str) -> None:
        """Have it stand again, ready."""
        server = self.servers[n]
        if action == "stop":
            os.kill(server.process.pid, signal.SIGCONT)
        else:
            server.process.wait(timeout=30)
            self.servers[n] = server = start(self._folder / f"replica{n}.log", self._ports[n])
        server.wait_until_ready()

    def close(self) -> None:
        """End all of them."""
        for server in self.servers:
            if server.process.poll() is None:
                os.kill(server.process.pid, signal.SIGCONT)
            server.end()


@contextmanager
def balanced(servers: Sequence[Server], log: Path) -> Iterator[str]:
    """HAProxy before ``servers``; the address that readers use."""
    haproxy = shutil.which("haproxy")
    if haproxy is None:
        raise RuntimeError("haproxy is not installed")
    port = free_port()
    # The file names three: what is missing is a port that nobody listens on.
    ports = [int(server.url.rpartition(":")[2]) for server in servers]
    ports += [free_port() for _ in range(3 - len(ports))]
    addresses = {f"REPLICA_{n}": f"127.0.0.1:{port}" for n, port in enumerate(ports, 1)}
    environment = {**os.environ, **addresses, "LISTEN": f"127.0.0.1:{port}"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [haproxy, "-f", str(CONFIG)], env=environment, stdout=output, stderr=output
        )
    try:
        while status(f"http://127.0.0.1:{port}/") != 200:
            if process.poll() is not None:
                raise RuntimeError(log.read_text())
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


async def opened(stack: AsyncExitStack, url: str, readers: int) -> list[Reader]:
    """Readers who all train, each at a run of their own."""
    people = []
    for seed in range(readers):
        query = f"{LINKS[seed % len(LINKS)]}&steps=5000000&seed={seed}"
        reader = await stack.enter_async_context(Reader(url, query))
        await reader.until(lambda r=reader: bool(r.frames) and not r.running, PATIENCE)  # type: ignore[misc]
        await reader.press("train")
        people.append(reader)
    return people


async def strike(replicas: Replicas, n: int, action: str, people: Sequence[Reader]) -> Round:
    """One blow: who noticed, and when they were back."""
    began = time.monotonic()
    closed = [len(reader.closed) for reader in people]
    replicas.strike(n, action)
    # A stopped replica's readers see their last frame at once and the end of it later.
    await asyncio.sleep(STOPPED if action == "stop" else 3.0)
    hit = [r for r, before in zip(people, closed, strict=True) if len(r.closed) > before]
    waits = await asyncio.gather(*(_back(reader, began) for reader in hit))
    await asyncio.to_thread(replicas.mend, n, action)
    await asyncio.sleep(_BELIEVED)
    back = [wait for wait in waits if wait is not None]
    return Round(action, len(hit), back, len(hit) - len(back))


async def _back(reader: Reader, began: float) -> float | None:
    """Seconds from the blow to a frame at a step beyond the last one seen before."""
    broke = next(t for t in reader.closed if t >= began)
    last = max((step for t, step in reader.steps if t <= broke), default=0)

    def again() -> float | None:
        return next((t for t, step in reader.steps if t > broke and step > last), None)

    try:
        await reader.until(lambda: again() is not None, PATIENCE)
    except TimeoutError:
        return None
    found = again()
    assert found is not None
    return found - began


async def same_numbers(reader: Reader, url: str) -> bool:
    """Pause ``reader``; whether its charts show what the same link shows to somebody else."""
    if reader.running:
        await reader.press("train")
        await reader.rest(PATIENCE)
    async with Reader(url, reader.query) as other:
        await other.rest(PATIENCE)
        return other.step == reader.step and other.figures() == reader.figures()


async def chaos(readers: int, count: int, rounds: Sequence[str]) -> bool:
    """Run the rounds, print their table; whether nothing was lost."""
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory()))
        replicas = Replicas(folder, count)
        cleanup.callback(replicas.close)
        replicas.wait_until_ready()
        url = cleanup.enter_context(balanced(replicas.servers, folder / "haproxy.log"))
        async with AsyncExitStack() as stack:
            people = await opened(stack, url, readers)
            await asyncio.sleep(3)
            print("action   hit  away p50 s  worst s  lost", flush=True)
            results = []
            for number, action in enumerate(rounds):
                results.append(await strike(replicas, number % count, action, people))
                print(results[-1], flush=True)
            reference = replicas.servers[0].url
            equal = [await same_numbers(reader, reference) for reader in people[:_COMPARED]]
            print(f"the same numbers as undisturbed: {sum(equal)} of {len(equal)}")
            errors = [error for reader in people for error in reader.errors]
            for complaint in [*errors, *(c for s in replicas.servers for c in s.complaints())]:
                print("log:", complaint)
        return all(equal) and not errors and not any(result.lost for result in results)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--rounds", nargs="+", choices=SIGNALS, default=list(SIGNALS))
    options = parser.parse_args()
    raise SystemExit(not asyncio.run(chaos(options.readers, options.replicas, options.rounds)))
