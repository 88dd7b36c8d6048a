"""A run is a function of its experiment and its step: to the bit, however it was cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model import Experiment, Run, trainer
from model.graph import BLOCK

XAVIER: dict[str, Any] = {"weights": "xavier_uniform", "bias": "constant", "bias_scale": 0.1}

QUESTION = Experiment(layers=3)
WITH_SLOTS = Experiment(layers=2, optimizer="adam", clip=0.05, **XAVIER)
WHOLE_BATCH = Experiment(layers=3, objective="all", batch=64, **XAVIER)


def everything(run: Run) -> dict[str, Any]:
    """All that a reader can see of a run, floats as their bytes."""
    history = run.history
    seen: dict[str, Any] = {
        "step": run.step,
        "status": run.status,
        "loss": run.loss,
        "slots": run.state.slots,
        "history.steps": history.steps,
        "history.loss": history.loss,
        "history.mean_loss": history.mean_loss,
        "history.estimates": history.estimates,
    }
    for name, series in history.tensors.items():
        seen[name] = run.parameters[name]
        seen[f"gradient of {name}"] = run.gradients[name]
        seen[f"history of {name}"] = series.values
        seen[f"history of the gradient of {name}"] = series.gradients
        seen[f"history of the rms of {name}"] = series.rms
    return {key: np.asarray(value).tobytes() for key, value in seen.items()}


def assert_same(one: Run, other: Run) -> None:
    ours, theirs = everything(one), everything(other)
    assert [key for key in ours if ours[key] != theirs[key]] == []


def cut(experiment: Experiment, chunks: Iterable[int]) -> Run:
    run = Run(experiment)
    for steps in chunks:
        run.advance(steps)
    return run


@pytest.mark.parametrize("chunk", [1, 7, 100])
@pytest.mark.parametrize(
    "experiment", [QUESTION, WITH_SLOTS, WHOLE_BATCH], ids=["question", "slots", "batch"]
)
def test_equal_chunks_of_any_length_end_where_one_call_does(
    experiment: Experiment, chunk: int
) -> None:
    assert_same(cut(experiment, [chunk] * (700 // chunk)), Run.at(experiment, 700))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(cuts=st.lists(st.integers(0, 900), max_size=12))
def test_chunks_of_random_lengths_end_where_one_call_does(cuts: Sequence[int]) -> None:
    stops = [*sorted(cuts), 900]
    run = cut(WITH_SLOTS, np.diff(stops, prepend=0).tolist())
    assert_same(run, Run.at(WITH_SLOTS, 900))


BEYOND = 2 * BLOCK + 5


@pytest.mark.parametrize(
    "stops",
    [
        [BLOCK, BEYOND],
        [BLOCK - 1, BLOCK, BLOCK + 1, BEYOND],
        [1, BLOCK + 1, BEYOND],
        [100, 12_800, BLOCK + 3, 25_600, BEYOND],
        [*range(7_777, BEYOND, 7_777), BEYOND],
    ],
    ids=str,
)
def test_cuts_around_the_length_of_a_block_change_nothing(stops: list[int]) -> None:
    run = cut(QUESTION, np.diff(stops, prepend=0).tolist())
    assert_same(run, Run.at(QUESTION, BEYOND))


def test_a_stride_longer_than_a_block_changes_nothing() -> None:
    # 256 inputs a step: a block has 256 steps, and history of 30,000 keeps every 512th.
    experiment = Experiment(batch=256, width=2, objective="all", **XAVIER)
    whole = Run.at(experiment, 30_000)
    assert whole.history.steps[1] == 512
    assert_same(cut(experiment, [7_777] * 3 + [30_000 - 3 * 7_777]), whole)


def test_a_run_rebuilt_at_a_step_is_the_run_that_went_there() -> None:
    run = Run(QUESTION)
    for step in (0, 1, 101, 5_000):
        run.advance(step - run.step)
        assert_same(Run.at(QUESTION, step), run)


def test_another_number_of_steps_in_the_experiment_is_the_same_run() -> None:
    longer = Run.at(replace(QUESTION, steps=5_000_000), 300)
    assert longer.parameters["W1"].tobytes() == Run.at(QUESTION, 300).parameters["W1"].tobytes()


def test_no_setting_but_the_kind_of_network_compiles_anything() -> None:
    first = Experiment(layers=4, width=3)
    run = Run.at(first, 10)
    before = trainer.traces()
    for fields in (
        {"learning_rate": 0.5},
        {"clip": 0.0},
        {"clip": 1e6},
        {"weight_scale": 1.0},
        {"weights": "orthogonal"},
        {"bias": "constant", "bias_scale": -3.0},
        {"steps": 123},
        {"seed": 99},
    ):
        Run.at(replace(first, **fields), 150)
    for steps in (0, 1, 2, 1_000, BLOCK + 1):
        run.advance(steps)
    assert trainer.traces() == before
    for fields in (
        {"layers": 5},
        {"width": 4},
        {"batch": 2},
        {"objective": "all"},
        {"activation": "tanh"},
        {"optimizer": "momentum"},
    ):
        Run.at(replace(first, **fields), 1)
        before += 1
        assert trainer.traces() == before
