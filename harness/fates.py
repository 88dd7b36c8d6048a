"""Experiments drawn at random, and what becomes of each in the hands of the oracle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness import oracle
from model.diagnosis import RECENT, Diagnosis
from model.experiment import ACTIVATIONS, OPTIMIZERS, WEIGHTS, Experiment
from model.run import Run

# What a judge takes from nobody. The best guess that ignores an input which is uniform on [-1, 1]
# is 0, and its error is the variance, 1/3. Ranges are shares of the target's, errors of that.
IGNORANT = 1 / 3
FLAT, AWAKE, LEARNED = 0.1, 0.5, 0.05


def draw(generator: np.random.Generator, layers: int | None = None) -> Experiment:
    """One experiment: depth 2 to 6, scales 1e-4 to 1, learning rates 1e-4 to 1, and the rest."""

    def one_of(names: Sequence[str], favourite: str, share: float) -> str:
        others = [name for name in names if name != favourite]
        return favourite if generator.random() < share else str(generator.choice(others))

    def logarithmic(low: float, high: float) -> float:
        return float(10 ** generator.uniform(low, high))

    bias = str(generator.choice(["normal", "constant"]))
    sign = generator.choice([1, 0, -1], p=[0.6, 0.1, 0.3]) if bias == "constant" else 1
    objective = one_of(["first", "all"], "first", 0.8)
    return Experiment(
        layers=layers or int(generator.integers(2, 7)),
        activation=one_of(ACTIVATIONS, "relu", 0.5),
        weights=one_of(WEIGHTS, "normal", 0.7),
        weight_scale=logarithmic(-4, 0),
        bias=bias,
        bias_scale=float(sign * logarithmic(-4, 0)),
        objective=objective,
        batch=8 if objective == "all" else 1,
        optimizer=one_of(OPTIMIZERS, "sgd", 0.4),
        learning_rate=logarithmic(-4, 0),
        clip=4.5 if generator.random() < 0.8 else 0,
        seed=int(generator.integers(2**31)),
    )


@dataclass(frozen=True)
class Fate:
    """What the oracle saw of one experiment, at n looks."""

    steps: NDArray[np.int64]  # [n]
    range: NDArray[np.float32]  # [n], of the estimate, as a share of the target's
    error: NDArray[np.float32]  # [n], mean squared, over the probe inputs
    moved: NDArray[np.bool_]  # [n, T], whether a tensor's gradient was ever not zero since
    finite: NDArray[np.bool_]  # [n]


def fates(runs: Sequence[Run], looks: Sequence[int]) -> list[Fate]:
    """What becomes of each run when the oracle takes it over where it stands, all at one step."""
    start = runs[0].step
    alike = defaultdict(list)
    for index, run in enumerate(runs):
        alike[run.experiment.layers, run.experiment.width, run.experiment.batch].append(index)
    found: dict[int, Fate] = {}
    for group in alike.values():
        members = [runs[i] for i in group]
        seen = oracle.train(
            [run.experiment for run in members],
            np.array([run.state.parameters for run in members]),
            np.stack([run.inputs(start, looks[-1]) for run in members], axis=1),
            looks,
            start=start,
            slots=[run.state.slots for run in members],
        )
        for column, i in enumerate(group):
            found[i] = Fate(
                np.array(looks),
                seen.ranges[:, column],
                seen.errors[:, column],
                seen.moved[:, column],
                seen.finite[:, column],
            )
    return [found[i] for i in range(len(runs))]


def disagreement(found: Diagnosis, fate: Fate) -> str | None:
    """What became of a network against its verdict, in words; None if it became what was said.

    The relation is that of docs/verdicts.md. ``fate.steps[0]`` is the step of the verdict.
    """
    error, share = fate.error / IGNORANT, fate.range
    if not fate.finite.all():
        return None if found.verdict in ("exploding", "diverged") else "it diverged"
    # Without any gradient from the verdict on: never again.
    still = ~fate.moved[1:, ::2].any(axis=0)
    end = float(np.median(error[-len(error) // 4 :]))
    soon = fate.steps <= fate.steps[0] * 1.1
    match found.verdict:
        case "dead":
            if not still.any():
                return "every layer still gets gradients"
            return None if share.max() < FLAT else "the estimate depends on the input"
        case "asleep" | "waking" if still.any():
            return "a layer never gets a gradient again: it is dead"
        case "asleep":
            return None if (share[soon] < AWAKE).all() else "it wakes at once"
        case "waking":
            assert found.wakes_at is not None
            early, _, late = found.wakes_at
            awake = np.flatnonzero(share >= AWAKE)
            if len(awake):
                before, at = fate.steps[max(awake[0] - 1, 0)], fate.steps[awake[0]]
                return None if before <= late and at >= early else f"it wakes at {at:,}"
            grown = late > fate.steps[-1] and share[-1] > share[0]
            return None if grown else "it has not woken by the end"
        case "learning":
            if np.median(share[-len(share) // 4 :]) < FLAT:
                return "it falls asleep again"
            return None if end <= max(dict(found.evidence)[RECENT], LEARNED) else "it gets worse"
        case "learned":
            kept = error[-1] <= LEARNED and (error <= LEARNED).mean() >= 0.9
            return None if kept else f"it forgets: error up to {error.max():.2g}"
        case "exploding":
            return None if still.any() or np.median(error) > 1 else "it comes back"
        case _:
            return "it goes on"
