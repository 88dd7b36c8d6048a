"""Where the figures go: docs/benchmarks.md, one section a benchmark, each with its machine."""

from __future__ import annotations

import os
import platform
import re
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

What the engine's speed rests on, in the order of what it brought (three layers, batch 1):

- One call for thousands of steps. A call from Python to TensorFlow costs more than a thousand
  steps' arithmetic; all else follows from not making one a step.
- One piece of machine code for the whole loop. XLA starts each operation of a loop by itself unless
  the loop is small, and its idea of small (1 KiB touched a turn) is smaller than these networks.
  Raised to 80 KiB it is 2 times as fast with three layers and 14 times with two. It is not raised
  further because batches of 64 would then lose XLA's matrix products and take twice as long; seven
  and eight layers pay for that (1.1 µs a step would be theirs, against 2.4).
- The gradient tensor by tensor. Of slices of one flat vector it is as long as the vector, once for
  each slice: 3 times as slow with eight layers.
- Full vector width, which XLA leaves half unused by default: a tenth for one network, a third for
  many at once.
- Many networks: the network is the last axis, so that the vector units work on networks side by
  side. With the network first, or as a batched matrix product, it is no faster than this at any
  number; written out sum by sum it is 2 to 100 times slower, and takes seconds to compile.

What is left is mostly the engine's own: the sum of squared gradients in double precision, which
the hand-written C does not take.
"""

PACKAGES = ("numpy", "keras", "streamlit", "altair", "pyarrow", "loky")


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
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


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
