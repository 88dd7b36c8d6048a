"""NaN and infinity: the run stops at the first step that brought one, and stays usable."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from model import Experiment, Run
from model.network import join, size_of, tensors_of
from model.optimizers import OPTIMIZERS
from model.state import State
from model.trainer import advance

XAVIER: dict[str, Any] = {"weights": "xavier_uniform"}

EXPLOSIONS = [
    Experiment(layers=8, learning_rate=10, optimizer="adam", clip=0, **XAVIER),
    Experiment(layers=2, learning_rate=10, clip=0, weight_scale=10),
    Experiment(layers=3, learning_rate=0.5, clip=0, **XAVIER),
    Experiment(layers=3, learning_rate=0.3, clip=0, batch=4, **XAVIER),
    Experiment(layers=3, learning_rate=0.4, clip=0, optimizer="momentum", **XAVIER),
    Experiment(layers=8, width=64, clip=0, optimizer="rmsprop", weight_scale=10),
    Experiment(layers=8, width=64, clip=0, optimizer="adamw", weight_scale=10),
]

KERAS = {
    "sgd": keras.optimizers.SGD,
    "momentum": lambda rate: keras.optimizers.SGD(rate, momentum=0.9),
    "rmsprop": keras.optimizers.RMSprop,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
}


def first_step_not_finite(experiment: Experiment) -> int:
    """Found by a Keras user's loop, looking at everything after each step."""
    run = Run(experiment)
    variables = [tf.Variable(value) for value in run.parameters.values()]
    optimizer = KERAS[experiment.optimizer](experiment.learning_rate)
    for step, x in enumerate(run.inputs(0, 200), start=1):
        with tf.GradientTape() as tape:
            h = x[:, None]
            for weight, bias in zip(variables[:-2:2], variables[1:-2:2], strict=True):
                h = tf.nn.relu(h @ weight + bias)
            loss = tf.square(x[0] - 2 * (h @ variables[-2] + variables[-1])[0, 0])
        gradients = tape.gradient(loss, variables)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        seen = [loss, *gradients, *variables, *(slot.value for slot in optimizer.variables)]
        if not all(np.isfinite(array.numpy()).all() for array in seen):
            return step
    raise AssertionError("this experiment does not diverge: the test would prove nothing")


def name(experiment: Experiment) -> str:
    return f"{experiment.layers}x{experiment.width}-{experiment.optimizer}-{experiment.batch}"


@pytest.mark.parametrize("experiment", EXPLOSIONS, ids=name)
def test_a_run_stops_at_the_first_step_that_is_not_finite(experiment: Experiment) -> None:
    run = Run.at(experiment, 1_000)
    assert run.status == "diverged"
    assert run.step == first_step_not_finite(experiment)
    # And it says where, in a tensor that there is.
    assert run.diverged is not None
    assert run.diverged.split()[-1] in ["loss", *run.parameters]


@pytest.mark.parametrize("experiment", EXPLOSIONS, ids=name)
def test_a_run_diverges_alike_however_it_was_cut(experiment: Experiment) -> None:
    whole = Run.at(experiment, 20_000)
    steps = whole.step
    for chunk in (1, 2, 7, steps, 1_000):
        run = Run(experiment)
        while run.status != "diverged":
            run.advance(chunk)
        assert (run.step, run.diverged) == (steps, whole.diverged)
        assert repr(run.loss) == repr(whole.loss)
        assert list(run.history.steps) == list(whole.history.steps) == list(range(steps + 1))
        for tensor, series in whole.history.tensors.items():
            other = run.history.tensors[tensor]
            np.testing.assert_array_equal(series.values, other.values)
            np.testing.assert_array_equal(series.gradients, other.gradients)
            np.testing.assert_array_equal(series.rms, other.rms)


def test_a_run_that_diverges_late_is_remembered_as_evenly_as_any() -> None:
    # It sleeps, and wakes up at a rate that no network awake can bear.
    experiment = Experiment(layers=3, learning_rate=0.3, clip=0)
    runs = [Run.at(experiment, 100_000), Run(experiment)]
    while runs[1].status != "diverged":
        assert runs[1].step < 1_000, "it does not diverge: the test would prove nothing"
        runs[1].advance(97)
    assert runs[0].step > 101, "no longer late"
    for run in runs:
        assert np.unique(np.diff(run.history.steps[:-1])).size == 1
        assert len(run.history) > 50
    np.testing.assert_array_equal(runs[0].history.steps, runs[1].history.steps)
    np.testing.assert_array_equal(runs[0].history.mean_loss, runs[1].history.mean_loss)
    assert np.isfinite(runs[0].history.loss[:-1]).all()


@pytest.mark.parametrize("experiment", EXPLOSIONS, ids=name)
def test_a_run_that_has_diverged_can_still_be_looked_at(experiment: Experiment) -> None:
    run = Run.at(experiment, 1_000)
    before = run.state
    for steps in (0, 1, 1_000):
        run.advance(steps)
    assert run.state is before
    assert list(run.parameters) == list(run.gradients) == [t.name for t in tensors_of(experiment)]
    assert run.estimate([0.0, 1.0]).shape == (2,)
    last = run.history.at(run.step)
    assert last.step == run.step == run.history.steps[-1]
    assert last.estimate.shape == (41,)
    assert len(last.silent) == experiment.layers - 1
    assert set(last.rms) == set(run.parameters)
    # Everything before the last step is as finite as it was when it was trained.
    for series in run.history.tensors.values():
        assert np.isfinite(series.values[:-1]).all()
        assert np.isfinite(series.gradients[:-1]).all()


# Two layers of one linear unit: estimate = 2 (W x + b) W1 + 2 b1, all in plain sight.
ONE_UNIT = Experiment(layers=2, width=1, activation="linear", clip=1e-6, learning_rate=1e-6, seed=3)
X = float(Run(ONE_UNIT).inputs(0, 1)[0, 0])
ROOT = sqrt(5e18 / abs(X))


def at(experiment: Experiment, w: float, b: float, w1: float, b1: float) -> State:
    """The state of step 0 with parameters of our own choice."""
    size, slots = size_of(experiment), OPTIMIZERS[experiment.optimizer].slots
    parts = {"W": [[w]], "b": [b], "W1": [[w1]], "b1": [b1]}
    return State(
        step=0,
        parameters=join(parts, tensors_of(experiment)),
        slots=np.zeros((slots, size), np.float32),
        gradients=np.zeros(size, np.float32),
        loss=0.0,
    )


@pytest.mark.parametrize(
    ("fields", "parameters", "where"),
    [
        ({}, (np.nan, 0, 1, 0), "the output of W"),
        ({}, (3e38 / X, 3e38, 1, 0), "the output of W"),
        ({}, (1e30, 0, 1e30, 0), "the output of W1"),
        ({}, (1e10, 0, 1e10, 0), "the loss"),
        # The error is 2e18 x, its square finite; d loss / d b is 2e34 times as large.
        ({}, (1e-16, 0, 1e34, 0), "the gradient of b"),
        # The error is 1e19; d loss / d b1 four times that, whose square is beyond float32.
        ({"optimizer": "rmsprop", "clip": 0.0}, (ROOT, 0, ROOT, 0), "what rmsprop remembers of b1"),
        # d loss / d b is 4e30 times the error of 2.5e7: 1e38, and ten times that is too much.
        ({"learning_rate": 10.0, "clip": 0.0}, (0, 1.25e-23, 1e30, 0), "b"),
    ],
    ids=["nan", "W", "W1", "loss", "gradient", "slot", "parameter"],
)
def test_what_is_named_is_where_it_began(
    fields: dict[str, Any], parameters: tuple[float, ...], where: str
) -> None:
    experiment = replace(ONE_UNIT, **fields)
    state, _ = advance(experiment, at(experiment, *parameters), 5)
    assert (state.step, state.diverged) == (1, where)


def test_a_loss_that_overflows_at_some_steps_only_stops_the_run_at_the_first() -> None:
    # The estimate is 3e19 x: its square overflows where |x| is large, and the clipped update is
    # far too small to move such weights. Everything but the loss of those steps stays finite.
    experiment = replace(ONE_UNIT, seed=4)
    start = at(experiment, 3e9, 0, 5e9, 0)
    x = Run(experiment).inputs(0, 100)[:, 0]
    with np.errstate(over="ignore"):
        losses = np.square(x - np.float32(3e19) * x)
    first = int(np.argmax(np.isinf(losses))) + 1
    assert first > 1
    assert np.isfinite(losses[first:]).any(), "it does not overflow at some steps only"
    for chunk in (1, 3, 100):
        state = start
        while state.diverged is None:
            assert state.step < 100
            state, _ = advance(experiment, state, chunk)
        assert (state.step, state.diverged, state.loss) == (first, "the loss", np.inf)
        np.testing.assert_allclose(state.parameters, start.parameters, atol=1e-9)


def test_a_gradient_that_clipping_hides_stops_the_run_all_the_same() -> None:
    state, snapshots = advance(ONE_UNIT, at(ONE_UNIT, 1e-16, 0, 1e34, 0), 100)
    assert state.step == 1
    assert np.isfinite(state.parameters).all()
    assert np.isfinite(state.loss)
    assert not np.isfinite(state.gradients).all()
    assert list(snapshots.steps) == [1]
