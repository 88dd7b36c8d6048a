"""What one frame of the three-layer page costs the server, part by part, in time and in bytes.

python -m benchmarks.frame            # measures, prints, and writes docs/benchmarks.md
python -m benchmarks.frame --quick    # fewer frames; writes nothing

The page itself runs, and its own Stage draws the frames; the messages are caught where Streamlit
would hand them to the websocket. The worker is a real one.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.testing.v1 import AppTest

from benchmarks._report import figure, processor_seconds, publish, table
from charts import estimate, flow, ladder, loss
from charts.pictures import chain_of
from model.diagnosis import diagnose
from model.experiment import Experiment
from model.run import Run
from model.state import Snapshots, State
from model.workers import Workers, begin, close, workers
from ui.stage import Stage

APP = Path(__file__).parents[1] / "app.py"

# One frame in so many also draws what is read rather than watched (ui.stage).
READING_EVERY = 4

STEPS_A_FRAME = 100

Costs = dict[str, list[float]]


def draw_frames(stage: Stage, frames: int) -> tuple[Costs, Costs]:
    """Processor seconds and bytes of each part of each frame; the first frames do not count."""
    session, run = stage.session, stage.session.run
    messages: list[Any] = []
    context = get_script_run_ctx()
    assert context is not None
    context._enqueue = messages.append
    seconds: Costs = defaultdict(list)
    sizes: Costs = defaultdict(list)

    def timed(name: str, function: Callable[[], object]) -> None:
        seconds[name].append(processor_seconds(function))

    for _ in range(frames):
        session._advance(STEPS_A_FRAME)
        messages.clear()
        timed("drawing", lambda: stage._draw(whole=False))
        timed("serialised", lambda: [m.SerializeToString() for m in messages])
        sizes["every frame"].append(sum(m.ByteSize() for m in messages))
        messages.clear()
        timed("drawing with readings", lambda: stage._draw(whole=True))
        timed("readings serialised", lambda: [m.SerializeToString() for m in messages])
        sizes["a frame with readings"].append(sum(m.ByteSize() for m in messages))

        now = session.snapshots()
        lane = ladder.Lane(run.history.at(0), next(iter(now.values())))
        histories = {"": run.history}
        timed("binned", lambda: ladder.data(lane, [], "values", "linear", False))  # noqa: B023
        timed("binned 2", lambda: ladder.data(lane, [], "gradients", "log", False))  # noqa: B023
        timed("estimate", lambda: estimate.data(now))  # noqa: B023
        timed("verdict", lambda: diagnose(run))
        timed("flow", lambda: flow.data(histories, session.end, run.step))  # noqa: B023
        timed("loss", lambda: loss.data(histories, session.end, run.step))  # noqa: B023
        timed("chain", lambda: chain_of({"": run}))
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
    costs["training"] = [(sum(worker.cpu_times()[:2]) - before) / frames]
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
    ms = {n: 1e3 * statistics.median(times) for n, times in (trained | seconds).items()}
    tables = ms["binned"] + ms["binned 2"] + ms["estimate"]
    readings = ms["flow"] + ms["loss"] + ms["chain"]
    extra = ms["drawing with readings"] - ms["drawing"] - ms["verdict"] - readings
    extra_bytes = ms["readings serialised"] - ms["serialised"]
    share = 1 / READING_EVERY
    parts = {
        f"training, {STEPS_A_FRAME} steps, in the worker": ms["training"],
        "hand-over between the processes, this side": ms["hand-over"],
        "history": ms["history"],
        "binning and tables, every frame": tables,
        f"tables of what is read, a {READING_EVERY}th": share * readings,
        f"the verdict, a {READING_EVERY}th": share * ms["verdict"],
        "Streamlit's elements, and the words": ms["drawing"] - tables + share * extra,
        "serialisation of the messages": ms["serialised"] + share * extra_bytes,
    }
    ours = sum(list(parts.values())[2:6])
    every, reading = (statistics.median(sizes[n]) for n in ("every frame", "a frame with readings"))
    return "\n".join(
        [
            "## One frame of the page\n",
            f"Three layers, {frames} frames, medians; processor time of the server. One frame in "
            f"{READING_EVERY} also draws the verdict, the words and the slow curves: of these, a "
            f"{READING_EVERY}th is counted.\n",
            table(["", "ms a frame"], [[name, figure(cost)] for name, cost in parts.items()]),
            f"\nDrawing without training, hand-over and Streamlit's own: **{figure(ours)} ms** a "
            f"frame. On the wire: {every / 1024:.1f} KiB a frame, {reading / 1024:.1f} KiB one "
            f"that is read; {(every + share * (reading - every)) / 1024:.1f} KiB on average.",
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
