"""The command line: an experiment from its link, without a screen, and all its exports.

    python -m export 'https://…/?layers=3&vs.layers=2' --export figures

Training goes on in this process. Progress and complaints go to standard error, results to
standard output.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from charts.pictures import all_of, histories_of
from export.downloads import EXPORTS, Take
from model.describe import describe
from model.diagnosis import diagnose
from model.experiment import MOST_STEPS, Whole
from model.link import Link, read, write
from model.run import Run

# The progress bar moves about this often, in seconds; and as long is what it takes to stop.
_MOVES = 0.2
_BAR = 30


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit code is 0, or 130 when the reader has stopped it."""
    options = _parser().parse_args(arguments)
    link = read(options.link)
    for message in link.messages:
        print(f"left out of the link: {message}", file=sys.stderr)
    url = options.link if "://" in options.link else f"?{write(link)}"
    try:
        runs = {}
        for name, run in _runs(link).items():
            steps = options.steps or link.step or run.experiment.steps
            print(f"{name}: {describe(run.experiment, steps)}")
            _train(run, steps)
            print(f"  loss {run.loss:.9g} at step {run.step:,}")
            print(f"  {diagnose(run).sentence}")
            runs[name] = run
        if options.export:
            _export(options.export, runs, url)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m export",
        description="Train the experiment of a link, and of the one it is compared with.",
    )
    parser.add_argument(
        "link",
        nargs="?",
        default="",
        help="a link of the page or its query string, as layers=3; without it, the question's "
        "first script",
    )
    parser.add_argument(
        "--steps",
        type=_steps,
        metavar="N",
        help="train for N steps in place of the link's",
    )
    parser.add_argument(
        "--export",
        type=_folder,
        metavar="DIR",
        help="write script, tables, snapshots, TensorBoard log, posters and charts to DIR",
    )
    return parser


def _steps(text: str) -> int:
    try:
        return Whole(1, MOST_STEPS).parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _folder(text: str) -> Path:
    """A folder that files can be written to, made where it is missing: before the training."""
    folder = Path(text)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f"must be a folder that can be written to, not {text}: {error.strerror}"
        ) from None
    return folder


def _runs(link: Link) -> dict[str, Run]:
    first = {"first": Run(link.experiment)}
    return first if link.versus is None else first | {"second": Run(link.versus)}


def _train(run: Run, steps: int) -> None:
    """Train with a progress bar, in pieces that take about as long as it takes to move."""
    piece = 1
    while run.step < steps and run.diverged is None:
        began = time.perf_counter()
        run.advance(min(piece, steps - run.step))
        took = time.perf_counter() - began
        # The first piece compiles: growing by at most tenfold, its time does not mislead for long.
        piece = max(1, min(10 * piece, int(piece * _MOVES / took)))
        _show(run, steps)
    print(file=sys.stderr)


def _show(run: Run, steps: int) -> None:
    share = run.step / steps
    bar = ("#" * int(share * _BAR)).ljust(_BAR, ".")
    text = f"\r  [{bar}] {share:4.0%}  {run.step:,} of {steps:,} steps, loss {run.loss:.3g}"
    print(text.ljust(78), end="", file=sys.stderr, flush=True)


def _export(folder: Path, runs: dict[str, Run], url: str) -> None:
    for name, content in _files(runs, url):
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        print(f"  {folder / name}")


def _files(runs: dict[str, Run], url: str) -> Iterator[tuple[str, str | bytes]]:
    """Each file's name and content, one by one."""
    now = {name: run.history.at(run.step) for name, run in runs.items()}
    take = Take(
        histories_of(runs),
        {name: diagnose(run).sentence for name, run in runs.items()},
        all_of(runs, now, max(run.step for run in runs.values())),
        url,
        max(run.step for run in runs.values()),
    )
    for each in EXPORTS:
        if each.alone:
            for name, run in runs.items():
                own = replace(take, histories={name: run.history}, step=run.step)
                yield name + Path(each.file).suffix, each.make(own)
        else:
            yield each.file, each.make(take)
