"""A small machine: what readers see of a server in a memory control group of its own.

    python -m benchmarks.small

The group is a real one, so this runs where control groups can be made (as root, in a container
that may). One reader after the other opens each chapter and trains it to its end; then five bring
networks that are nobody else's, one takes a poster home, and one has the atlas drawn. `MiB` is the
memory of the server and all its workers at its highest, without what the system keeps of files;
`killed` counts the processes that the system ended because there was no more. `--memory` names one
limit or several.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks._report import figure, line, parsed, publish, table
from harness import Missing
from harness.reader import Reader
from harness.servers import Server, start
from model.chapters import CHAPTERS

STRANGERS: Mapping[str, str] = {
    "4 layers, GELU": "layers=4&activation=gelu&steps=2000",
    "5 layers of 24": "layers=5&width=24&steps=2000",
    "6 layers, batch 64": "layers=6&batch=64&objective=all&steps=2000",
    "3 layers of 48, RMSprop": "layers=3&width=48&optimizer=rmsprop&steps=2000",
    "8 layers of 64, AdamW": "layers=8&width=64&batch=256&optimizer=adamw&steps=200",
}

# Seconds that anything may take.
_PATIENCE = 240.0

# Share of the atlas that is drawn: slow, and every slice of it is like the one before.
_ATLAS = 3

_HEAD = ("", "first picture s", "end s", "MiB", "killed", "what else was said")

_MIB = 2**20


class Group:
    """A memory control group, of either version."""

    def __init__(self, mib: int) -> None:
        root = Path("/sys/fs/cgroup")
        self._is_old = (root / "memory").is_dir()
        top = root / "memory" if self._is_old else root
        self._folder = top / f"small-{os.getpid()}-{mib}"
        self._home = top / _own_group("memory" if self._is_old else "")
        try:
            self._folder.mkdir()
            names = ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]
            for name in names if self._is_old else ["memory.max"]:
                if (self._folder / name).exists():
                    (self._folder / name).write_text(str(mib * _MIB))
            if not self._is_old:
                (self._folder / "memory.swap.max").write_text("0")
        except OSError as error:
            raise Missing(f"no memory control group can be made here: {error}") from error

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Be in it: processes that are begun meanwhile stay."""
        try:
            (self._folder / "cgroup.procs").write_text(str(os.getpid()))
            yield
        finally:
            (self._home / "cgroup.procs").write_text(str(os.getpid()))

    @property
    def mib(self) -> float:
        """What its processes have of their own, without files that the system keeps."""
        return self._number("memory.stat", "total_rss" if self._is_old else "anon") / _MIB

    @property
    def killed(self) -> int:
        """How many processes the system has ended for want of memory."""
        name = "memory.oom_control" if self._is_old else "memory.events"
        return self._number(name, "oom_kill")

    def _number(self, file: str, name: str) -> int:
        found = re.search(rf"^{name} (\d+)$", (self._folder / file).read_text(), re.M)
        return int(found[1]) if found else 0

    def close(self) -> None:
        """Take it away, once nobody is in it."""
        for _ in range(50):
            with suppress(OSError):
                self._folder.rmdir()
                return
            time.sleep(0.1)


def _own_group(controller: str) -> str:
    """Where this process is, below the top: the line of ``controller``; empty for version 2."""
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    return next(path for _, names, path in lines if controller in names.split(",")).lstrip("/")


@dataclass
class Visit:
    """What one reader saw."""

    picture: float | None = None  # seconds
    end: float | None = None
    said: str = ""
    mib: float = 0.0
    killed: int = 0

    def cells(self, name: str) -> list[str]:
        seconds = ["never" if s is None else figure(s) for s in (self.picture, self.end)]
        return [name, *seconds, figure(self.mib), str(self.killed), self.said]


async def press(url: str, query: str, key: str, is_over: Callable[[Reader], bool]) -> Visit:
    """Open a link, press a button, and stay until it is over."""
    visit, began = Visit(), time.monotonic()
    async with Reader(url, query) as reader:
        with suppress(TimeoutError, LookupError):
            await reader.until(lambda: bool(reader.frames), _PATIENCE)
            visit.picture = time.monotonic() - began
            await reader.press(key, _PATIENCE)
            await reader.until(lambda: is_over(reader), _PATIENCE)
            visit.end = time.monotonic() - began
        visit.said = _complaints(reader)
    return visit


def _trained(reader: Reader) -> bool:
    return reader.can_press("next")


def _drawn(reader: Reader) -> bool:
    shares = [re.match(r"(\d+)% of the atlas", text) for text in reader.texts]
    return any(share and int(share[1]) >= _ATLAS for share in shares)


def _complaints(reader: Reader) -> str:
    said = [text for text in reader.texts if re.search(r"stopped|cannot|could not|memory", text)]
    return "; ".join(dict.fromkeys([*reader.errors, *said])).replace("\n", " ")[:160]


async def take_poster(url: str) -> Visit:
    """Ask for a file to take home, again for as long as the server is busy."""
    visit, began = Visit(), time.monotonic()

    def ask() -> int:
        try:
            address = f"{url}/download/poster.png?chapter=cure"
            with urllib.request.urlopen(address, timeout=_PATIENCE) as answer:
                return len(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                visit.said = f"{error.code} on the way"
            return 0

    while time.monotonic() - began < _PATIENCE:
        if await asyncio.to_thread(ask):
            visit.picture = visit.end = time.monotonic() - began
            break
        await asyncio.sleep(5)
    return visit


async def watched(group: Group, visiting: Awaitable[Visit]) -> Visit:
    """A visit, with the memory that it took."""
    highest, before = group.mib, group.killed
    task = asyncio.ensure_future(visiting)
    while not task.done():
        await asyncio.wait([task], timeout=0.2)
        highest = max(highest, group.mib)
    visit = task.result()
    visit.mib, visit.killed = highest, group.killed - before
    return visit


async def visits(server: Server, group: Group, quick: bool) -> dict[str, Visit]:
    """Everybody, one after the other."""
    url = server.url
    acts: dict[str, Callable[[], Awaitable[Visit]]] = {}
    for key, chapter in CHAPTERS.items():
        acts[chapter.title] = partial(press, url, f"chapter={key}", "train", _trained)
    for name, query in STRANGERS.items():
        acts[name] = partial(press, url, query, "train", _trained)
    acts["a poster"] = partial(take_poster, url)
    acts[f"{_ATLAS}% of the atlas"] = partial(press, url, "chapter=atlas", "atlas draw", _drawn)
    found: dict[str, Visit] = {}
    for name in [*acts][:2] if quick else acts:
        found[name] = await watched(group, acts[name]())
        print(line(found[name].cells(name)), flush=True)
    return found


def measure(mib: int, quick: bool) -> str:
    """A server in so many MiB, and everybody who comes to it."""
    group = Group(mib)
    print(line(_HEAD), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        with group.joined():
            server = start(Path(folder) / "server.log")
        try:
            server.wait_until_ready()
            ready, rest = time.monotonic() - began, group.mib
            found = asyncio.run(visits(server, group, quick))
        finally:
            server.end()
            group.close()
    rows = [visit.cells(name) for name, visit in found.items()]
    lead = f"**In {mib:,} MiB.** Ready after {ready:.0f} s; {rest:.0f} MiB at rest.\n\n"
    return lead + table(_HEAD, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--memory", nargs="+", type=int, default=[1024, 512], help="MiB")
    options = parsed(parser, memory=[1024])
    try:
        tables = "\n\n".join(measure(mib, options.quick) for mib in options.memory)
    except Missing as missing:
        print(f"not measured: {missing}")
        return
    print(tables)
    if not options.quick:
        publish("small", f"## A small machine\n\n{tables}")


if __name__ == "__main__":
    main()
