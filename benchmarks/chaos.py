"""Replicas behind the real load balancer, under load, killed, stopped and drained.

    python -m benchmarks.chaos --readers 60 --replicas 2 --times 10

The balancer (HAProxy, nginx or Caddy) runs its file in deploy/ on loopback. In each round everybody
begins anew and trains for some seconds (2,000 steps a second, all of which have to be taken again).
Then one replica is struck: `kill` is SIGKILL, `term` SIGTERM (a drain, as in an upgrade), `stop`
SIGSTOP for 20 seconds. A reader is hit when the connection breaks, and back when the page shows
training at a step beyond the last one seen; who was not hit has to go on too, or is lost. After
each round some of those who are back pause, and the numbers behind all of their charts are compared
with those that the same link shows on a server that nobody strikes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import tempfile
import time
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import cycle, islice
from operator import itemgetter
from pathlib import Path

import numpy as np
import psutil

from benchmarks._report import line, parsed, table
from benchmarks.load import training
from harness.balancers import BALANCERS, balancing
from harness.reader import Reader
from harness.servers import cpu_seconds, free_port, serving, start

SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "stop": signal.SIGSTOP}

# For how long everybody has trained when a replica is struck, in seconds.
_TRAINED = 20.0

# Seconds that a stopped replica stays stopped, and after which a dead one is missed by everybody.
STOPPED = 20.0
_NOTICED = 5.0

# The longest that a reader may be away, in seconds: by what we want, and until we give up.
WANTED = 10.0
PATIENCE = 40.0

# The balancer believes in a replica after two good checks, a second apart.
_BELIEVED = 4.0

# Experiments that a crowd is made of; the seed makes each reader's run its own.
LINKS = ("layers=3", "layers=2", "layers=3&weights=xavier_uniform&bias=constant&bias_scale=0.1")

_COMPARED = 10

_HEAD = (
    "round",
    "strike",
    "readers hit",
    "away p50 s",
    "longest s",
    "lost",
    "shown an earlier step",
    "same figures",
)


@dataclass(frozen=True)
class Return:
    """How one reader came back."""

    hit: bool  # whether the connection broke
    away: float | None  # seconds from the strike to training beyond the last step seen
    last: int  # the largest step seen before
    least: int  # the smallest one seen since

    @property
    def earlier(self) -> bool:
        """Whether the page showed a smaller step than before."""
        return self.least < self.last


@dataclass(frozen=True)
class Round:
    """What one strike did."""

    action: str
    returns: list[Return]  # of all readers
    equal: list[bool]  # of those who were compared

    @property
    def hit(self) -> list[Return]:
        """Those whose connection broke."""
        return [each for each in self.returns if each.hit]

    @property
    def away(self) -> list[float]:
        """Seconds until each of those was back."""
        return [each.away for each in self.hit if each.away is not None]

    @property
    def lost(self) -> int:
        """Readers whose training did not go on in time."""
        return sum(each.away is None for each in self.returns)

    @property
    def earlier(self) -> int:
        """Readers who were shown a smaller step than before."""
        return sum(each.earlier for each in self.hit)

    def notes(self) -> list[str]:
        """What is to be said of those who did not come back as we want it."""
        late = WANTED if self.action != "stop" else PATIENCE
        return [
            f"SIG{self.action.upper()}: from step {each.last:,} to {each.least:,}, "
            + ("lost" if each.away is None else f"away for {each.away:.1f} s")
            for each in self.returns
            if each.earlier or each.away is None or (each.hit and each.away > late)
        ]

    @property
    def fine(self) -> bool:
        """Whether all went as we want it; how soon a stopped one is missed is the balancer's."""
        soon = self.action == "stop" or max(self.away, default=0.0) <= WANTED
        return soon and not self.lost and not self.earlier and all(self.equal)

    def cells(self, number: int) -> list[str]:
        away = self.away or [0.0]
        return [
            f"{number}",
            f"SIG{self.action.upper()}",
            f"{len(self.hit)}",
            f"{np.median(away):.1f}",
            f"{max(away):.1f}",
            f"{self.lost}",
            f"{self.earlier}",
            f"{sum(self.equal)} of {len(self.equal)}",
        ]


class Replicas:
    """Servers behind HAProxy."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._ports = [free_port() for _ in range(count)]
        self.servers = [start(folder / f"replica{n}.log", p) for n, p in enumerate(self._ports)]

    @property
    def addresses(self) -> list[str]:
        """Host and port of each."""
        return [f"127.0.0.1:{port}" for port in self._ports]

    def wait_until_ready(self) -> None:
        """Wait for all of them."""
        for server in self.servers:
            server.wait_until_ready()

    def strike(self, n: int, action: str) -> None:
        """Send one of them a signal; the workers of one that is killed end by themselves."""
        os.kill(self.servers[n].process.pid, SIGNALS[action])

    def go_on(self, n: int) -> None:
        """Let a stopped one go on."""
        os.kill(self.servers[n].process.pid, signal.SIGCONT)

    def mend(self, n: int, action: str) -> None:
        """Have it stand again, ready: the one that went on, or a new one."""
        server = self.servers[n]
        if action != "stop":
            server.process.wait(timeout=30)
            self.servers[n] = server = start(self._folder / f"replica{n}.log", self._ports[n])
        server.wait_until_ready()

    def close(self) -> None:
        """End all of them."""
        for server in self.servers:
            if server.process.poll() is None:
                os.kill(server.process.pid, signal.SIGCONT)
            server.end()


async def strike(replicas: Replicas, n: int, action: str, people: Sequence[Reader]) -> list[Return]:
    """One strike: who noticed, and when they were back."""
    began = time.monotonic()
    replicas.strike(n, action)
    # A stopped replica's readers see their last frame at once and the end of it later.
    await asyncio.sleep(STOPPED if action == "stop" else _NOTICED)
    if action == "stop":
        replicas.go_on(n)
    return await asyncio.gather(*(_back(reader, began) for reader in people))


async def _back(reader: Reader, began: float) -> Return:
    """Wait until ``reader`` trains beyond the last step seen before the connection broke.

    Who did not notice the strike at all has to go on from now.
    """
    broke = next((t for t in reader.closed if t >= began), None)
    since = bisect_right(reader.steps, broke or time.monotonic(), key=itemgetter(0))
    last = max((step for _, step in reader.steps[:since]), default=0)

    def again() -> float | None:
        return next((t for t, step in reader.steps[since:] if step > last), None)

    try:
        await reader.until(lambda: again() is not None, PATIENCE)
    except TimeoutError:
        away = None
    else:
        away = (again() or began) - began
    least = min((step for _, step in reader.steps[since:]), default=last)
    return Return(broke is not None, away, last, least)


async def same_figures(reader: Reader, url: str) -> bool:
    """Pause ``reader``, and see whether its charts show what the same link shows to somebody else.

    Training goes on afterwards.
    """
    try:
        await reader.press("train")
        await reader.rest(PATIENCE)
        async with Reader(url, reader.query) as other:
            await other.rest(PATIENCE)
            return other.step == reader.step and other.figures() == reader.figures()
    except (TimeoutError, LookupError):
        return False
    finally:
        with suppress(LookupError):  # who cannot go on is lost in the next round
            await reader.press("train")


async def begin_anew(reader: Reader) -> None:
    """Train from step 0 again, with everything before forgotten."""
    with suppress(LookupError, TimeoutError):  # who cannot is lost in the coming round
        await reader.open("change")
        await reader.press("reset", PATIENCE)
        # Until then the button that trains may still be the one that pauses.
        await reader.until(lambda: reader.step == 0, PATIENCE)
        await reader.rest(PATIENCE)
        reader.steps.clear()
        await reader.press("train")


async def rounds(
    replicas: Replicas,
    actions: Sequence[str],
    people: Sequence[Reader],
    reference: str,
    trained: float,
) -> list[Round]:
    """Strike the replicas in turn, and print a line each time."""
    print(table(_HEAD, []), flush=True)
    results = []
    struck: tuple[int, str] | None = None
    for number, action in enumerate(actions):
        if struck is not None:
            await asyncio.to_thread(replicas.mend, *struck)
            await asyncio.sleep(_BELIEVED)
            await asyncio.gather(*(begin_anew(reader) for reader in people))
        await asyncio.sleep(trained)
        n = number % len(replicas.servers)
        returns = await strike(replicas, n, action, people)
        back = [r for r, each in zip(people, returns, strict=True) if each.hit and each.away]
        some = random.Random(number).sample(back, min(_COMPARED, len(back)))
        equal = await asyncio.gather(*(same_figures(reader, reference) for reader in some))
        results.append(Round(action, returns, equal))
        print(line(results[-1].cells(number + 1)), flush=True)
        struck = n, action
    return results


async def chaos(
    readers: int,
    count: int,
    actions: Sequence[str],
    reference: str | None = None,
    trained: float = _TRAINED,
    balancer: str = "haproxy",
) -> bool:
    """Run the rounds, print their table; whether all went as we want it.

    ``reference`` is a server that nobody strikes; without one, one is started. ``trained`` is for
    how many seconds everybody trains before each strike.
    """
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory()))
        replicas = Replicas(folder, count)
        cleanup.callback(replicas.close)
        if reference is None:
            reference = cleanup.enter_context(serving(folder / "reference.log")).url
        replicas.wait_until_ready()
        url = cleanup.enter_context(balancing(balancer, folder, replicas.addresses))
        own = [psutil.Process()]
        queries = [f"{LINKS[n % len(LINKS)]}&steps=5000000&seed={n}" for n in range(readers)]
        async with training(url, queries) as people:
            began, cpu = time.monotonic(), cpu_seconds(own)
            results = await rounds(replicas, actions, people, reference, trained)
            share = (cpu_seconds(own) - cpu) / (time.monotonic() - began)
        errors = [error for reader in people for error in reader.errors]
        complaints = [text for server in replicas.servers for text in server.complaints()]
    print(f"\nThe readers took {share:.0%} of one core.")
    notes = [f"round {n}: {note}" for n, each in enumerate(results, 1) for note in each.notes()]
    notes += [f"on a page: {error}" for error in errors]
    notes += [f"in the log: {text}" for text in complaints]
    print(*notes or ["all held"], sep="\n")
    return not errors and all(each.fine for each in results)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--rounds", nargs="+", choices=SIGNALS, default=list(SIGNALS))
    parser.add_argument("--times", type=int, help="how many rounds, in the order of --rounds")
    parser.add_argument("--balancer", choices=BALANCERS, default="haproxy")
    options = parsed(parser, readers=4, times=1)
    some = list(islice(cycle(options.rounds), options.times or len(options.rounds)))
    raise SystemExit(
        not asyncio.run(chaos(options.readers, options.replicas, some, balancer=options.balancer))
    )
