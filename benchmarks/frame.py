"""What a frame of the three-layer page costs the server, and each part of it: time and bytes.

python -m benchmarks.frame            # measures, prints, and writes docs/benchmarks.md
python -m benchmarks.frame --quick    # fewer frames; writes nothing

The page itself runs, and its own Stage draws the frames; the messages are caught where Streamlit
would hand them to the websocket. The worker is a real one.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.testing.v1 import AppTest

from benchmarks._report import figure, processor_seconds, publish, table
from model.experiment import Experiment
from model.run import Run
from model.state import Snapshots, State
from model.workers import Workers, begin, close, workers
from ui.stage import Stage

APP = Path(__file__).parents[1] / "app.py"

# Frames a second, as a quick browser gets them: what is read is drawn by the clock (ui.stage).
PACE = 20

STEPS_A_FRAME = 100

FRAME = "a frame"

Costs = dict[str, list[float]]


def draw_frames(stage: Stage, frames: int) -> tuple[Costs, Costs]:
    """Processor seconds and bytes of each frame as a reader gets it, then of each part of it."""
    session = stage.session
    messages: list[Any] = []
    context = get_script_run_ctx()
    assert context is not None
    context._enqueue = messages.append
    seconds: Costs = defaultdict(list)
    sizes: Costs = defaultdict(list)

    def drawn(name: str, draw: Callable[[], object]) -> None:
        messages.clear()
        seconds[name].append(processor_seconds(draw))
        sizes[name].append(sum(m.ByteSize() for m in messages))

    stage._draw()  # what is built once does not count
    for _ in range(frames):
        began = time.monotonic()
        session._advance(STEPS_A_FRAME)
        drawn(FRAME, stage._frame)
        time.sleep(max(0.0, began + 1 / PACE - time.monotonic()))
    for _ in range(frames):
        session._advance(STEPS_A_FRAME)
        stage._quoted = now = session.snapshots()
        for part in stage._parts:
            drawn(part.place, partial(part.draw, now))
    return seconds, sizes


def training(pool: Workers, frames: int) -> Costs:
    """Processor seconds of a frame's training: in the worker, in this process, in history."""
    costs: Costs = defaultdict(list)

    def engine(experiment: Experiment, state: State | None, steps: int) -> tuple[State, Snapshots]:
        start = time.process_time()
        result = pool.advance(experiment, state, steps)
        costs["hand-over"].append(time.process_time() - start)
        return result

    run = Run(Experiment(layers=3), engine)
    run.advance(2_000)
    worker = psutil.Process(_worker(pool))
    before = sum(worker.cpu_times()[:2])
    for _ in range(frames):
        whole = processor_seconds(lambda: run.advance(STEPS_A_FRAME))
        costs["history"].append(whole - costs["hand-over"][-1])
    costs["training"] = [sum(worker.cpu_times()[:2]) - before]
    return costs


def _worker(pool: Workers) -> int:
    return pool.call(os.getpid)


def page(frames: int) -> tuple[Costs, Costs]:
    """The page as a reader has it, but that its live part draws frames and measures them."""
    found: list[tuple[Costs, Costs]] = []

    def live(stage: Stage) -> None:
        stage.session.begin()
        found.append(draw_frames(stage, frames))

    at = AppTest.from_file(str(APP), default_timeout=600)
    at.query_params["layers"] = "3"
    with patch.object(Stage, "live", live):
        at.run()
    if not found:
        raise RuntimeError(f"the page did not come up: {at.exception}")
    return found[0]


def report(frames: int) -> str:
    begin()
    pool = workers()
    while not pool.ready:
        if pool.error is not None:
            raise RuntimeError(pool.error)
        time.sleep(0.1)
    trained = training(pool, frames)
    seconds, sizes = page(frames)
    # Means, because not every frame has the same parts; and of a place, the sum of its parts.
    ms = {name: 1e3 * sum(costs) / frames for name, costs in (trained | seconds).items()}
    parts = [name for name in sizes if name != FRAME]
    rows = [
        [f"training, {STEPS_A_FRAME} steps, in the worker", figure(ms["training"]), ""],
        ["hand-over between the processes, this side", figure(ms["hand-over"]), ""],
        ["history", figure(ms["history"]), ""],
    ]
    kib = {name: sum(sizes[name]) / frames / 1024 for name in sizes}
    rows += [[f"drawing {FRAME}", figure(ms[FRAME]), figure(kib[FRAME])]]
    rows += [[f"each time: {name}", figure(ms[name]), figure(kib[name])] for name in parts]
    return "\n".join(
        [
            "## One frame of the page\n",
            f"Three layers, {frames} frames, means; processor time of the server, and bytes before "
            f"they are compressed. A frame as a quick browser gets it, {PACE} a second, has the "
            "step, the pictures whose turn it is, and now and then the words and the curves; below "
            "it what each place of the page costs whenever it is drawn.\n",
            table(["", "ms", "KiB"], rows),
            f"\nHistory and drawing, without training and hand-over: "
            f"**{figure(ms['history'] + ms[FRAME])} ms** a frame.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer frames; writes nothing")
    quick = parser.parse_args().quick
    try:
        text = report(30 if quick else 300)
    finally:
        close()
    print(text)
    if not quick:
        publish("frame", text)


if __name__ == "__main__":
    main()
