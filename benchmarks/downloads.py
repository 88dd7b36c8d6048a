"""Every download, again and again, behind each balancer, while replicas are killed.

    python -m benchmarks.downloads --times 50

Two replicas, no cookie, no second try. Every twenty seconds one of the two is killed and begun
anew, so that at no moment all are away. The pace is what the balancers allow one address.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np

from benchmarks._report import parsed, publish, table
from benchmarks.chaos import Replicas
from export.downloads import DOWNLOADS
from harness.balancers import BALANCERS, ask, balancing

QUERY = "layers=3&step=300"

# Seconds between two requests (the balancers allow sixty in ten), and between two strikes.
_PACE = 0.2
_STRIKE_EVERY = 20.0

_HEAD = ("balancer", "asked", "arrived", "anything else", "replicas killed", "p50 s", "longest s")


@dataclass
class Seen:
    """What became of the downloads behind one balancer."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    contents: dict[str, set[str]] = field(default_factory=dict)  # of each file, by its digest
    strikes: int = 0

    @property
    def fine(self) -> bool:
        """Whether all arrived, and every file was the same each time."""
        return set(self.statuses) == {"200"} and all(len(c) == 1 for c in self.contents.values())


@contextmanager
def striking(replicas: Replicas, seen: Seen) -> Iterator[None]:
    """Kill one replica after the other, each begun anew before the next."""
    over = threading.Event()

    def strike() -> None:
        while not over.wait(_STRIKE_EVERY):
            n = seen.strikes % len(replicas.servers)
            replicas.strike(n, "kill")
            seen.strikes += 1
            replicas.mend(n, "kill")

    thread = threading.Thread(target=strike)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def behind(kind: str, times: int, folder: Path) -> Seen:
    """Ask for every download ``times`` times."""
    seen = Seen()
    replicas = Replicas(folder, 2)
    try:
        replicas.wait_until_ready()
        with balancing(kind, folder, replicas.addresses) as url, striking(replicas, seen):
            for _ in range(times):
                for download in DOWNLOADS:
                    began = time.monotonic()
                    version, _, body = ask(f"{url}/download/{download.file}?{QUERY}")
                    seen.seconds.append(time.monotonic() - began)
                    status = version.rpartition(" ")[2]
                    seen.statuses[status] += 1
                    if status == "200":
                        held = seen.contents.setdefault(download.file, set())
                        held.add(sha256(body).hexdigest())
                    time.sleep(_PACE)
    finally:
        replicas.close()
    return seen


def row(kind: str, seen: Seen) -> list[str]:
    """A line of the table."""
    other = {k: n for k, n in seen.statuses.items() if k != "200"}
    said = ", ".join(f"{n} × {status}" for status, n in other.items()) or "none"
    differ = [name for name, held in seen.contents.items() if len(held) > 1]
    if differ:
        said += f"; not always the same: {', '.join(differ)}"
    return [
        kind,
        f"{len(seen.seconds)}",
        f"{seen.statuses['200']}",
        said,
        f"{seen.strikes}",
        f"{np.median(seen.seconds):.2f}",
        f"{max(seen.seconds):.1f}",
    ]


def main() -> bool:
    """Measure, and write it down; whether everything arrived."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=50)
    options = parsed(parser, times=2)
    found = {}
    for kind in BALANCERS:
        with tempfile.TemporaryDirectory() as folder:
            found[kind] = behind(kind, options.times, Path(folder))
        print(table(_HEAD, [row(kind, found[kind])]), flush=True)
    if not options.quick:
        body = table(_HEAD, [row(kind, seen) for kind, seen in found.items()])
        publish(
            "downloads",
            "## Downloads while replicas are killed\n\nTwo replicas, no cookie, no second try; "
            f"each of {len(DOWNLOADS)} files {options.times} times.\n\n{body}",
        )
    return all(seen.fine for seen in found.values())


if __name__ == "__main__":
    raise SystemExit(not main())
