"""Readers who come and go, half of them with links made to break things: what is left behind.

    python -m benchmarks.soak --minutes 30 --readers 20

Each reader opens a random link, stays for 5 to 60 seconds, presses whatever there is to press, and
leaves, some without a word. Crawlers ask for pages, pictures and descriptions of such links at the
same time. Every half minute a line says how the server is, and the end what of it held: from the
second sixth of the time on (after five minutes of thirty) nothing may grow any more.

What a reader does depends on `--seed` alone, as far as the server shows the same page in time.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from itertools import count, islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
import psutil
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.Common_pb2 import StringArray
from websockets.exceptions import ConnectionClosed

from benchmarks._report import line, parsed, table
from benchmarks.load import connect
from harness.reader import Reader
from harness.servers import Server, cpu_seconds, serving, status
from model.chapters import CHAPTERS
from model.experiment import BOUNDS, MOST_STEPS, Bound, Choice, Experiment, Real, Value, Whole
from model.link import HIDEABLE, VERSUS, Link, write

# Seconds that a reader stays, and that pass between two clicks or two requests of a crawler.
_STAY = (5.0, 60.0)
_CLICKS = (0.3, 4.0)
_REQUESTS = (0.2, 3.0)

# The longest that a crawler waits, in seconds.
_PATIENCE = 30.0

# Of ten readers, so many leave without closing the connection, and so many links are hostile.
_SILENT, _HOSTILE = 0.3, 0.5

# What may grow by how much, from the second sixth of the time to the last; and threads, of which
# there are few, by so many besides.
_GROWTH = 1.1
_THREADS = 10

# A worker is replaced when it has grown by a gigabyte (model/workers.py), from less than one.
_LARGEST_WORKER = 2 * 2**10  # MiB

# How a line of the log begins, and how many of them are shown at the end, in their order.
_TIME = re.compile(r"^[\d-]+ [\d:.,]+ ")
_MOST_LINES = 200

# A process smaller than this is no worker, or none yet.
_SMALLEST_WORKER = 2**27


def valid_link(chance: random.Random) -> str:
    """A link as the page itself could have written it."""
    first = _experiment(chance, Experiment())
    second = None
    if chance.random() < 0.2:
        second = replace(_experiment(chance, first), seed=first.seed, steps=first.steps)
    return write(
        Link(
            first,
            second,
            train=chance.random() < 0.3,
            step=round(_spread(chance, 1, first.steps)) if chance.random() < 0.3 else 0,
            chapter=chance.choice(list(CHAPTERS)) if chance.random() < 0.2 else None,
            hide=frozenset(p for p in HIDEABLE if chance.random() < 0.05),
        )
    )


def _experiment(chance: random.Random, base: Experiment) -> Experiment:
    drawn = {name: _drawn(chance, b) for name, b in BOUNDS.items() if chance.random() < 0.3}
    return replace(base, **drawn)  # type: ignore[arg-type]


def _drawn(chance: random.Random, bound: Bound) -> Value:
    match bound:
        case Choice(options):
            return chance.choice(options)
        case Whole(low, high):
            return round(_spread(chance, max(low, 1), high))
        case Real(low, high):
            return _spread(chance, low, high)


def _spread(chance: random.Random, low: float, high: float) -> float:
    """Evenly by magnitude where that can be, else evenly."""
    if low <= 0:
        return chance.uniform(low, high)
    return float(min(high, low * (high / low) ** chance.random()))


_NAMES = (
    *(*BOUNDS, *(VERSUS + name for name in BOUNDS), "chapter", "hide", "step", "train"),
    *("embed", "embed_options", "x", "", VERSUS, "__class__"),
)

_RUBBISH = (
    *("1e999", "-1e999", "9" * 400, "-1", "-0", "0", "1e-320", "0x10", "1_000", "１２", "٣", " 5 "),
    *("NaN", "nan", "inf", "-inf", "None", "null", "true", "[]", "{}", "", " "),
    *('"><script>alert(1)</script>', "</title><img src=x onerror=alert(1)>", "javascript:alert(1)"),
    *("{{7*7}}", "${7*7}", "%s%n%x", "'; DROP TABLE runs; --", "../../etc/passwd", "=1+1"),
    *(
        "# A heading",
        "![x](https://example.org/x.png)",
        ":red[x]",
        "$$\\frac{1}{0}$$",
        "`x`",
        "|||",
    ),
    *("\x00", "\x07\x1b[31m", "\r\nSet-Cookie: a=b\r\n\r\n", "\u202eevil", "\ufeff", "\U0001f600"),
    *("Z\u0335\u0321" * 300, "A" * 10_000, "%" * 5_000, "\U0001f469\u200d\U0001f467" * 1_000),
)

_BROKEN = ("%", "%zz", "%ff%fe", "%00", "%u0041", "&&&", ";", "=", "?a=?b", "#x", "+", "&=&=")


def hostile_link(chance: random.Random) -> str:
    """A link that nobody's page has written."""
    pairs = [
        (chance.choice((*_NAMES, *_RUBBISH)) if chance.random() < 0.2 else name, value)
        for name in chance.choices(_NAMES, k=chance.randint(1, 8))
        for value in chance.choices((chance.choice(_RUBBISH), _outside(chance, name)), k=1)
    ]
    if chance.random() < 0.2:
        pairs += chance.choices(pairs, k=3)
    if chance.random() < 0.05:
        pairs += [(f"x{n}", str(n)) for n in range(3_000)]
    chance.shuffle(pairs)
    kind = chance.random()
    if kind < 0.5:
        query = urlencode(pairs)
    elif kind < 0.7:
        query = "&".join(f"{name}={value}" for name, value in pairs)
    else:
        query = urlencode(pairs)
        for _ in range(chance.randint(1, 5)):
            at = chance.randrange(len(query) + 1)
            query = query[:at] + chance.choice(_BROKEN) + query[at:]
    # Some of it may be meant.
    return f"{valid_link(chance)}&{query}" if chance.random() < 0.3 else query


def _outside(chance: random.Random, name: str) -> str:
    """A value that is nearly one of the field's."""
    match BOUNDS.get(name.removeprefix(VERSUS)):
        case Choice(options):
            option = chance.choice(options)
            return chance.choice((option.upper(), f"{option} ", option[:-1], f"{option},{option}"))
        case Whole(low, high) | Real(low, high):
            return str(chance.choice((low - 1, high + 1, -high, high * 10**6, low + 0.5, high)))
    return chance.choice((str(MOST_STEPS + 1), "learns", "1"))


class Stranger(Reader):
    """A reader who presses whatever there is."""

    async def do_something(self, chance: random.Random) -> str:
        """Use one of the widgets on the page; its kind and key."""
        if chance.random() < 0.1 and self.can_press("change"):
            await self.open("change")
            return "change"
        usable = [
            (kind, widget)
            for element in self.elements.values()
            if (kind := element.WhichOneof("type")) in _MOVES
            and (widget := getattr(element, kind)).id
            and not widget.disabled
        ]
        # There are more fields than buttons, and buttons do more.
        buttons = [each for each in usable if each[0] == "button"]
        others = [each for each in usable if each[0] != "button"]
        chosen = buttons if (chance.random() < 0.5 and buttons) or not others else others
        if not chosen:
            return "nothing"
        kind, widget = chance.choice(chosen)
        key = widget.id.split("-", 2)[2]
        if kind == "button":
            await self.press(key)
        else:
            await self.choose(key, **_MOVES[kind](chance, widget))
        return str(key)

    def boxes(self) -> list[str]:
        """The red boxes on the page: something is wrong that is not the link's fault."""
        return [
            element.alert.body
            for element in self.elements.values()
            if element.WhichOneof("type") == "alert" and element.alert.format == Alert.ERROR
        ]

    async def vanish(self) -> None:
        """Be gone without a word: the connection is cut."""
        if self._socket is not None:
            self._socket.transport.abort()
        await self.__aexit__()


def _number(chance: random.Random, widget: Any) -> float:
    whole = widget.data_type == widget.INT
    if chance.random() < 0.2:
        return float(chance.choice((widget.min, widget.max)))
    if chance.random() < 0.5:  # the buttons beside it
        value = widget.value if widget.set_value else widget.default
        value += chance.choice((-1, 1)) * widget.step
    else:
        value = _spread(chance, widget.min, widget.max)
    value = min(max(value, widget.min), widget.max)
    return float(round(value)) if whole else float(value)


_MOVES: dict[str, Callable[[random.Random, Any], dict[str, Any]]] = {
    "button": lambda chance, widget: {},
    "checkbox": lambda chance, widget: {"bool_value": chance.random() < 0.5},
    "number_input": lambda chance, widget: {"double_value": _number(chance, widget)},
    "selectbox": lambda chance, widget: {"string_value": chance.choice(widget.options)},
    "slider": lambda chance, widget: {
        "string_array_value": StringArray(data=[chance.choice(widget.options)])
    },
    "button_group": lambda chance, widget: {
        "string_array_value": StringArray(data=[chance.choice(widget.options).content])
    },
}


@dataclass(frozen=True)
class Sample:
    """How the server was at one moment."""

    minutes: float
    readers: int
    sessions: int
    server: float  # MiB
    workers: float  # MiB, all of them
    largest: float  # MiB, of one worker
    replaced: int
    threads: int
    server_cpu: float  # of one core, since the sample before
    workers_cpu: float
    client_cpu: float
    page_errors: int
    broken_connections: int
    requests: int
    failed: int  # answers of 500 and more, and none at all
    busy: int  # pictures that were refused
    log_exceptions: int
    log_lines: int  # that are no request and no greeting

    def cells(self) -> list[str]:
        return [_shown(name, value) for name, value in vars(self).items()]


def _shown(name: str, value: float) -> str:
    if name.endswith("_cpu"):
        return f"{value:.0%}"
    return f"{value:.1f}" if name == "minutes" else f"{value:,.0f}"


_MEMORY = ("server", "workers", "largest")
_HEAD = [f.name.replace("_", " ") + " MiB" * (f.name in _MEMORY) for f in fields(Sample)]


class Soak:
    """A server, its readers, and what has been seen of them."""

    def __init__(self, server: Server, seed: int, seconds: float) -> None:
        self.samples: list[Sample] = []
        self.errors: Counter[str] = Counter()
        self.stood: list[float] = []  # seconds until the page stood, of those who waited for it
        self.impatient = 0  # readers who left before
        self.moves: Counter[str] = Counter()
        self.answers: Counter[tuple[str, int]] = Counter()
        self._server = server
        self._seed = seed
        self._began = time.monotonic()
        self._ends = self._began + seconds
        self._present: set[Reader] = set()
        self._sessions = 0
        self._broken = 0
        self._seen: dict[int, bool] = {}  # worker processes that were, and whether they train
        self._cpu: tuple[float, list[float]] = (self._began, [0.0] * 3)

    async def run(self, readers: int, every: float) -> None:
        """Have the readers and the crawlers come and go, and print a line now and then."""
        self._sample()
        async with asyncio.TaskGroup() as group:
            for n in range(readers):
                group.create_task(self._come_and_go(n))
            for n in range(2):
                group.create_task(self._crawl(random.Random(f"{self._seed} crawler {n}")))
            while (left := self._ends - time.monotonic()) > 0:
                await asyncio.sleep(min(every, left))
                self.samples.append(self._sample())
                print(line(self.samples[-1].cells()), flush=True)

    async def _come_and_go(self, n: int) -> None:
        for visit in count():
            chance = random.Random(f"{self._seed} reader {n} visit {visit}")
            hostile = chance.random() < _HOSTILE
            query = hostile_link(chance) if hostile else valid_link(chance)
            await asyncio.sleep(chance.uniform(*_CLICKS))
            stay = min(chance.uniform(*_STAY), self._ends - time.monotonic())
            if stay <= 0:
                return
            await self._visit(query, stay, chance)

    async def _visit(self, query: str, stay: float, chance: random.Random) -> None:
        reader = Stranger(self._server.url, query)
        self._present.add(reader)
        self._sessions += 1
        began = time.monotonic()
        did: list[str] = []
        boxes: set[str] = set()
        with suppress(TimeoutError):
            async with asyncio.timeout(stay):
                await connect(reader)
                await reader.until(lambda: bool(reader.frames), stay)
                self.stood.append(time.monotonic() - began)
                while True:
                    await asyncio.sleep(chance.uniform(*_CLICKS))
                    boxes.update(reader.boxes())
                    # A widget may go, and a connection break, just when it is to be used.
                    with suppress(LookupError, ConnectionClosed):
                        did.append(await reader.do_something(chance))
        self.impatient += not reader.frames
        self._broken += len(reader.closed)
        await (reader.vanish() if chance.random() < _SILENT else reader.__aexit__())
        self._present.remove(reader)
        self.moves.update(did)
        for error in (*reader.errors, *boxes):
            self.errors[f"{error} (after {did[-3:]} at ?{query[:300]!a})"] += 1

    async def _crawl(self, chance: random.Random) -> None:
        url = self._server.url
        while time.monotonic() < self._ends:
            await asyncio.sleep(chance.uniform(*_REQUESTS))
            link = hostile_link(chance) if chance.random() < _HOSTILE else valid_link(chance)
            link = quote(link, safe="%&=+?/:;,@!$'()*~")
            route = chance.choice(("/", "/preview.png", "/oembed", "/readyz"))
            asked = {"/oembed": f"?url={quote(f'{url}/?{link}', safe='')}", "/readyz": ""}
            address = url + route + asked.get(route, f"?{link}")
            self.answers[route, await asyncio.to_thread(status, address, _PATIENCE)] += 1

    def _sample(self) -> Sample:
        own, *others = self._server.family
        sizes = {}
        for process in others:
            with suppress(psutil.NoSuchProcess):
                if (size := process.memory_info().rss) >= _SMALLEST_WORKER:
                    sizes[process.pid] = size
                    # Those for heavy jobs, which go when they are idle, are nice.
                    self._seen[process.pid] = process.nice() == own.nice()
        now = time.monotonic()
        cpu = [cpu_seconds(processes) for processes in ([own], others, [psutil.Process()])]
        then, before = self._cpu
        self._cpu = now, cpu
        log = self._server.complaints()
        failed = {each: n for each, n in self.answers.items() if not 0 < each[1] < 500}
        busy = failed.pop(("/preview.png", 503), 0)
        return Sample(
            minutes=(now - self._began) / 60,
            readers=len(self._present),
            sessions=self._sessions,
            server=own.memory_info().rss / 2**20,
            workers=sum(sizes.values()) / 2**20,
            largest=max(sizes.values(), default=0) / 2**20,
            replaced=sum(trains for pid, trains in self._seen.items() if pid not in sizes),
            threads=own.num_threads(),
            **{
                f"{name}_cpu": max(0.0, b - a) / max(now - then, 1e-9)
                for name, a, b in zip(("server", "workers", "client"), before, cpu, strict=True)
            },
            page_errors=sum(self.errors.values()),
            broken_connections=self._broken,
            requests=self.answers.total(),
            failed=sum(failed.values()),
            busy=busy,
            log_exceptions=sum(text.startswith("Traceback (") for text in log),
            log_lines=len(log),
        )

    def verdicts(self) -> list[tuple[str, bool]]:
        """What is wanted, with its figures, and whether it held."""
        last = self._sample()  # the last readers were still there when the line was printed
        largest = max(sample.largest for sample in self.samples)
        return [
            (f"{last.log_exceptions} exceptions in the log", not last.log_exceptions),
            (f"{last.page_errors} errors on pages", not last.page_errors),
            (f"{last.broken_connections} connections broken", not last.broken_connections),
            (
                f"{last.failed} of {last.requests} requests failed, {last.busy} busy",
                not last.failed,
            ),
            self._steady("server", "MiB"),
            self._steady("threads", "", _THREADS),
            # They may grow, each until it is replaced.
            (
                f"{self._steady('workers', 'MiB')[0]}; the largest {largest:,.0f} MiB, "
                f"{last.replaced} replaced",
                largest <= _LARGEST_WORKER,
            ),
        ]

    def _steady(self, name: str, unit: str, slack: float = 0.0) -> tuple[str, bool]:
        """Whether a figure's median in the last sixth is about that of the second one."""
        sixth = self.samples[-1].minutes / 6
        values = {s.minutes: getattr(s, name) for s in self.samples if s.minutes > sixth}
        begun = [value for at, value in values.items() if at <= 2 * sixth]
        ended = [value for at, value in values.items() if at > 5 * sixth]
        if not begun or not ended:
            return f"{name}: too short to say", True
        a, b = float(np.median(begun)), float(np.median(ended))
        slope = 60 * np.polyfit([*values], [*values.values()], 1)[0]
        text = f"{name} from {a:,.0f} to {b:,.0f} {unit}".rstrip()
        return f"{text} ({slope:+,.0f} an hour by a line)", b <= _GROWTH * a + slack


async def _main(arguments: argparse.Namespace) -> bool:
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "log") as server:
        soak = Soak(server, arguments.seed, 60 * arguments.minutes)
        print(table(_HEAD, []), flush=True)
        await soak.run(arguments.readers, arguments.every)
        verdicts = soak.verdicts()
        complaints = Counter(_TIME.sub("", text) for text in server.complaints())
    waits = soak.stood or [np.nan]
    p50, p95, most = np.percentile(waits, (50, 95, 100))
    print(f"\nThe page stood after {p50:.1f} s (p95 {p95:.1f}, longest {most:.1f}) for", end=" ")
    print(f"{len(soak.stood)} readers; {soak.impatient} left before it did.")
    print("Used:", ", ".join(f"{key} {n}" for key, n in soak.moves.most_common()))
    print("Answers:", ", ".join(f"{r} {c} × {n}" for (r, c), n in sorted(soak.answers.items())))
    for what, found in (("on a page", soak.errors), ("in the log", complaints)):
        for text, times in islice(found.items(), _MOST_LINES):
            print(f"{what} × {times}: {text}")
    for text, held in verdicts:
        print("held:" if held else "NOT HELD:", text)
    return all(held for _, held in verdicts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=float, default=30.0, help="seconds between two lines")
    raise SystemExit(not asyncio.run(_main(parsed(parser, minutes=0.5, readers=5, every=10.0))))
