"""How fast many networks train at once: against one after the other, and the whole atlas.

python -m benchmarks.atlas            # measures, prints, and writes docs/benchmarks.md
python -m benchmarks.atlas --quick    # a part of it in about a minute; writes nothing

It computes on one thread, as the page's worker does.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from itertools import product

os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import numpy as np

from benchmarks._report import figure, measured, processor_seconds, resident, table
from model.atlas import Atlas, Plan
from model.experiment import Experiment
from model.fleet import advance_atlas, begin, train
from model.run import Run

NETWORKS, STEPS = 4_096, 10_000

# Steps that the page asks for at a time.
SLICE = 1_000


def at_once(quick: bool) -> Iterator[str]:
    """4,096 networks × 10,000 steps in one call, against runs one after the other."""
    networks = NETWORKS // 8 if quick else NETWORKS
    scales = np.geomspace(1e-3, 1, networks // 64)
    experiments = [
        Experiment(layers=3, weight_scale=scale, bias_scale=scale, seed=seed)
        for scale, seed in product(scales.tolist(), range(64))
    ]
    some = experiments[:: networks // 16]
    looks = range(100, STEPS + 1, 100)
    train(some, begin(some), [10])
    for run in (Run(some[0]), Run(some[0])):
        run.advance(10)  # compiled and warm
    together, alone = [], []
    for _ in range(1 if quick else 3):
        alone.append(processor_seconds(lambda: [Run.at(e, STEPS) for e in some]) / len(some))
        together.append(
            processor_seconds(lambda: train(experiments, begin(experiments), looks)) / networks
        )
    ratio = statistics.median(a / t for a, t in zip(alone, together, strict=True))
    yield f"### {networks:,} networks × {STEPS:,} steps in one call\n"
    yield table(
        ["three layers, width 16", "µs of processor time a network-step", "ratio"],
        [
            ["`Run.advance`, one after the other", _per_step(alone), "1"],
            [
                "`fleet.train`, all at once, 100 looks",
                _per_step(together),
                f"{figure(ratio)} times as fast",
            ],
        ],
    )
    yield f"\nOf that process, TensorFlow included, never more than {resident():,.0f} MiB."


def _per_step(seconds_a_network: list[float]) -> str:
    return figure(1e6 * statistics.median(seconds_a_network) / STEPS)


def whole_atlas(quick: bool) -> Iterator[str]:
    """The default atlas on one thread, slice by slice, in a process that never saw its graphs."""
    plan = Plan(layers=(2, 3)) if quick else Plan()
    state: Atlas | None = None
    rows, slices, total, began = [], [], 0.0, 0.0
    while state is None or not state.complete:
        row = 0 if state is None else state.row
        start = time.perf_counter()
        state = advance_atlas(plan, state, SLICE)
        taken = time.perf_counter() - start
        total += taken
        slices.append(taken)
        if state.row > row:
            status = state.status[row]
            shares = [
                f"{(status == name).mean():.0%}" for name in ("asleep", "learned", "exploded")
            ]
            slices.sort()
            spans = (statistics.median(slices), slices[-3], slices[-1])
            figures = [f"{1e3 * span:.0f}" for span in spans]
            rows.append([plan.layers[row], figure(total - began), figure(total), *figures, *shares])
            slices, began = [], total
    depths, scales, seeds = plan.shape
    yield (
        f"\n### The atlas: {depths} depths × {scales} scales × {seeds} seeds, "
        f"up to {plan.budget:,} steps each\n"
    )
    yield (
        f"One thread, slices of {SLICE:,} steps, between which it can be stopped. The longest "
        "slice is the one that compiles a depth.\n"
    )
    head = ["layers", "s", "s from the start", "slice, median ms", "third longest", "longest"]
    yield table([*head, "asleep", "learned", "exploded"], rows)


if __name__ == "__main__":
    measured("atlas", "Many networks", __doc__, at_once, whole_atlas)
