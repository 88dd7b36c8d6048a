"""Where the figures go: docs/benchmarks.md, one section a benchmark, each with its machine."""

from __future__ import annotations

import argparse
import os
import platform
import re
import resource
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"

HEAD = """# Benchmarks

`make bench` measures all of this anew and writes this page; with `ARGS=--quick` it measures a part
and writes nothing. Figures are medians of several rounds on a machine that others share: believe
the ratios, which compare things measured in turn in the same run.

What the engine's speed rests on (each measured by itself, width 16, batch 1):

- One call for thousands of steps: a call costs as much as several hundred steps of three layers,
  whatever it does (the table of parts below).
- One piece of machine code for the whole loop. XLA starts each operation by itself unless the loop
  is small, and by its default (1 KiB touched a turn) these are not. At 80 KiB, three layers take
  0.35 µs a step in place of 0.79, two layers 0.04 in place of 0.51. It is not raised further
  because batches of 64 would then take 17 µs in place of 8; seven and eight layers pay for that
  (about 1 µs would be theirs, against 2.2 and 2.4).
- The gradient tensor by tensor. Of a slice of one flat vector it is as long as the vector: eight
  layers took 7.5 µs in place of 2.5.
- Full vector width, of which XLA uses half by default: up to a tenth for one network of batch 1, a
  sixth to a third for many at once; batches of 64 and 256 lose a tenth.
- Many networks: the network is the last axis, so that the vector units work on networks side by
  side. A batched matrix product takes 1.3 to 1.5 times as long at 32 to 256 networks.

Tried without effect on three layers: leaving out the sums of squared gradients (within the noise).
Where the rest of the distance to C goes is not known.

How far the main ratio can be trusted: three layers against the question's own loop gave 415, 524
and 347 in three runs in which that loop was timed for a tenth as long as `Run.advance`; timed for
equally long, 475, 421, 451 and 410. Single rounds went from 211 to 586.
"""

PACKAGES = ("numpy", "keras", "streamlit", "altair", "pyarrow")


def publish(name: str, body: str) -> None:
    """Put a section into the page, in the place of the one of that name."""
    text = PAGE.read_text() if PAGE.exists() else ""
    sections = dict(_SECTION.findall(text))
    sections[name] = f"{body.strip()}\n\n{machine()}"
    parts = [f"<!-- {key} -->\n{section}\n<!-- end -->\n" for key, section in sections.items()]
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n".join([HEAD, *parts]))


_SECTION = re.compile(r"<!-- (\w+) -->\n(.*?)\n<!-- end -->", re.DOTALL)


def machine() -> str:
    """One line: when, on what, with what."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"*{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {_processor()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f} · {platform.system()}, Python {platform.python_version()}, "
        f"TensorFlow {_tensorflow()}, {versions}*"
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _tensorflow() -> str:
    try:
        return version("tensorflow-cpu")
    except PackageNotFoundError:
        return version("tensorflow")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown; all columns but the first are figures."""
    rows = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(map(line, rows))


def line(cells: Iterable[object]) -> str:
    """A line of such a table, for those that are printed as they grow."""
    return f"| {' | '.join(map(str, cells))} |"


def parsed(parser: argparse.ArgumentParser, **quick: object) -> argparse.Namespace:
    """The options, of which ``--quick`` is one: it takes these defaults in place of the others."""
    parser.add_argument("--quick", action="store_true", help="a part of it; writes nothing")
    if parser.parse_args().quick:
        parser.set_defaults(**quick)
    return parser.parse_args()


def measured(
    name: str, title: str, doc: str | None, *measures: Callable[[bool], Iterable[str]]
) -> None:
    """A benchmark's ``main``: what each measure finds, as it finds it, and the section it makes.

    Each measure is told whether it is to be quick; then nothing is written down.
    """
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    quick = parsed(parser).quick
    lines = [f"## {title}"]
    for measure in measures:
        for each in measure(quick):
            print(each, flush=True)
            lines.append(each)
    if not quick:
        publish(name, "\n".join(lines))


def resident() -> float:
    """Most memory that the process has had so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def figure(number: float) -> str:
    """Three digits, as people write them."""
    if number >= 1_000:
        return f"{float(f'{number:.3g}'):,.0f}"
    return f"{number:.3g}"


def seconds(function: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def processor_seconds(function: Callable[[], object]) -> float:
    """Processor seconds of one call, all threads: what others do on the machine counts less."""
    start = time.process_time()
    function()
    return time.process_time() - start


def in_turn(contestants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each contestant in each round; they take turns, so that all see the same noise."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, function in contestants.items():
            taken[name].append(seconds(function))
    return taken


def median_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """The median over the rounds of one's time as a multiple of the other's."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))
