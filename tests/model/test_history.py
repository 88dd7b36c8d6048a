"""What a run remembers: bounded, evenly spaced, and sums that no thinning loses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model import Experiment, Run
from model.history import MOST_BYTES, MOST_SNAPSHOTS, PROBE, History, capacity, stride_at
from model.network import estimate, hidden, size_of, split, tensors_of
from model.state import Snapshots

XAVIER = Experiment(layers=3, weights="xavier_uniform", bias="constant", bias_scale=0.1)
LARGEST = Experiment(layers=8, width=64)


def assert_sound(history: History, step: int) -> None:
    """Few enough, small enough, from step 0 to the latest, a power of two apart."""
    steps = history.steps
    assert len(history) == len(steps) <= MOST_SNAPSHOTS == 101
    assert history.nbytes <= MOST_BYTES == 8 * 2**20
    assert steps[0] == 0
    assert steps[-1] == step
    if step == 0:
        return
    stride, last = int(steps[1]), int(steps[-1] - steps[-2])
    assert set(np.diff(steps[:-1]).tolist()) <= {stride}
    assert 0 < last <= stride
    assert stride.bit_count() == 1 or len(steps) == 2
    # And no sparser than it has to be: half the stride would not fit.
    assert (
        stride == 1
        or len(steps) == 2
        or -(-step // (stride // 2)) + 1 > capacity(history.experiment)
    )


def test_a_million_steps_fit_in_a_hundred_and_one_snapshots() -> None:
    run = Run(Experiment(layers=3))
    for chunk in (1, 99, 900, 99_000, 900_000):
        run.advance(chunk)
        assert_sound(run.history, run.step)
    assert run.step == 1_000_000
    # The last stretch too is a mean: after waking up, three layers have learned the task.
    assert run.history.mean_loss[1] == pytest.approx(1 / 3, rel=0.05)
    assert run.history.mean_loss[-1] < 1e-6


def test_the_largest_network_s_history_fits_in_eight_mebibytes() -> None:
    run = Run(LARGEST)
    for chunk in (0, 39, 1, 1, 60, 400):
        run.advance(chunk)
        assert_sound(run.history, run.step)
    assert 0.9 * MOST_BYTES < run.history.nbytes <= MOST_BYTES
    assert len(run.history) < MOST_SNAPSHOTS


@pytest.mark.parametrize("layers", range(2, 9))
def test_no_network_holds_more_than_its_bounds(layers: int) -> None:
    for width in range(1, 65):
        experiment = Experiment(layers=layers, width=width)
        history = History(experiment)
        assert history.nbytes <= MOST_BYTES
        assert 2 < capacity(experiment) <= MOST_SNAPSHOTS
        # Full because of the one bound or the other.
        room = history.nbytes / capacity(experiment)
        assert capacity(experiment) == MOST_SNAPSHOTS or history.nbytes + 1.01 * room > MOST_BYTES


def numbered(experiment: Experiment, start: int, stop: int, stride: int) -> Snapshots:
    """Snapshots of a run whose every loss and squared gradient is the number of its step."""
    steps = [s for s in range(start + 1, stop + 1) if s % stride == 0 or s == stop]
    if start < 0:
        steps = sorted({0, *steps})
    # Sum of the numbers after the snapshot before, up to and with this one.
    before = np.array([max(start, 0), *steps[:-1]])
    now = np.array(steps)
    sums = (now * (now + 1) - before * (before + 1)) / 2.0
    size = size_of(experiment)
    values = np.repeat(now[:, None].astype(np.float32), size, axis=1)
    squares = np.repeat(sums[:, None], size, axis=1)
    return Snapshots(now, values[:, 0], values, -values, squares, sums)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(stops=st.lists(st.integers(1, 60_000), min_size=1, max_size=12, unique=True).map(sorted))
def test_thinning_keeps_every_sum_however_the_run_was_cut(stops: Sequence[int]) -> None:
    experiment = Experiment(layers=2, width=1)
    history = History(experiment)
    at = -1
    for stop in stops:
        history.extend(numbered(experiment, at, stop, stride_at(experiment, stop)))
        at = stop
        assert_sound(history, stop)
    steps = history.steps.astype(np.float64)
    # The mean of consecutive numbers is that of the first and the last.
    means = np.concatenate([[0], (steps[:-1] + 1 + steps[1:]) / 2])
    np.testing.assert_allclose(history.mean_loss, means, rtol=1e-6)
    np.testing.assert_array_equal(history.loss, steps)
    for series in history.tensors.values():
        np.testing.assert_allclose(series.rms, np.sqrt(means), rtol=1e-6)
        np.testing.assert_array_equal(series.values.reshape(len(history), -1)[:, 0], steps)
        np.testing.assert_array_equal(series.gradients.reshape(len(history), -1)[:, 0], -steps)


@pytest.mark.parametrize("chunks", [[470], [7] * 67 + [1], [100, 1, 200, 69, 100], [128, 342]])
def test_merged_stretches_have_the_means_of_the_steps_one_by_one(chunks: list[int]) -> None:
    experiment = replace(XAVIER, clip=0.05)
    one_by_one = Run(experiment)
    losses, squares = [], []
    for step in range(471):
        one_by_one.advance(min(step, 1))
        losses.append(one_by_one.loss)
        squares.append(one_by_one.state.gradients.astype(np.float64) ** 2)
    run = Run(experiment)
    for chunk in chunks:
        run.advance(chunk)
    history = run.history
    assert history.steps[1] == 8
    stretches = [
        slice(a + 1, b + 1) for a, b in zip(history.steps[:-1], history.steps[1:], strict=True)
    ]
    np.testing.assert_allclose(history.loss, np.array(losses)[history.steps], rtol=0)
    np.testing.assert_allclose(
        history.mean_loss[1:], [np.mean(losses[stretch]) for stretch in stretches], rtol=1e-6
    )
    by_name = split(np.array(squares), tensors_of(experiment))
    for name, series in history.tensors.items():
        expected = [np.sqrt(np.mean(by_name[name][stretch])) for stretch in stretches]
        np.testing.assert_allclose(series.rms[1:], expected, rtol=1e-6)
    # What is shown goes over the last hundred steps, and on to the remembered step before them.
    for step, before in ((8, 0), (96, 0), (200, 96), (464, 360), (470, 368)):
        shown = history.at(step)
        stretch = slice(before + 1, step + 1)
        assert (shown.step, shown.rms_steps) == (step, step - before)
        expected = np.sqrt(np.mean(squares[stretch], axis=0))
        np.testing.assert_allclose(shown.rms_vector, expected, rtol=1e-6)
        for name, rms in shown.rms.items():
            assert rms == pytest.approx(np.sqrt(np.mean(by_name[name][stretch])), rel=1e-6)


@pytest.mark.parametrize(("batch", "objective"), [(1, "first"), (64, "first"), (256, "all")])
def test_step_0_is_measured_over_the_first_batches_with_nothing_trained(
    batch: int, objective: str
) -> None:
    experiment = replace(XAVIER, batch=batch, objective=objective, optimizer="adamw")
    run = Run(experiment)
    start = run.parameters
    shown = run.history.at(0)
    assert shown.rms_steps == {1: 256, 64: 64, 256: 16}[batch]
    for name, value in start.items():
        np.testing.assert_array_equal(shown.values[name], value)
    # The last bias' gradient is what is left of the error.
    x = run.inputs(0, shown.rms_steps)
    x = x[:, :1] if objective == "first" else x
    errors = run.estimate(x).astype(np.float64) - x
    expected = np.sqrt(np.mean((4 * errors.mean(axis=1)) ** 2))
    assert shown.rms["b2"] == pytest.approx(expected, rel=1e-4)
    assert shown.mean_loss == pytest.approx(np.mean(errors**2), rel=1e-4)


def test_the_shown_gradient_of_a_sleeping_network_hardly_moves_from_picture_to_picture() -> None:
    for seed in range(3):
        run = Run.at(Experiment(layers=3, seed=seed), 1)
        shown = [run.history.at(0).rms["W"]]
        for _ in range(50):
            run.advance(100)
            shown.append(run.history.at(run.step).rms["W"])
        moves = np.exp(np.abs(np.diff(np.log(shown))))
        assert np.median(moves) < 1.2
        assert moves.max() < 1.5


def test_every_remembered_step_is_the_run_as_it_was_then() -> None:
    run = Run(XAVIER)
    for chunk in (150, 3, 400, 447):
        run.advance(chunk)
    for index in (0, 1, 30, -2, -1):
        step = int(run.history.steps[index])
        then, snapshot = Run.at(XAVIER, step), run.history.at(step)
        assert snapshot.step == step
        assert snapshot.loss == then.loss
        assert snapshot.mean_loss == pytest.approx(float(run.history.mean_loss[index]))
        for name, series in run.history.tensors.items():
            np.testing.assert_array_equal(snapshot.values[name], then.parameters[name])
            np.testing.assert_array_equal(snapshot.gradients[name], then.gradients[name])
            np.testing.assert_array_equal(series.values[index], then.parameters[name])
            np.testing.assert_array_equal(series.gradients[index], then.gradients[name])
            rms = run.history.shown_rms[name][index]
            assert snapshot.rms[name] == pytest.approx(float(rms), rel=1e-6)
        np.testing.assert_allclose(snapshot.estimate, then.estimate(PROBE), atol=1e-6)
        np.testing.assert_allclose(run.history.estimates[index], then.estimate(PROBE), atol=1e-6)


def test_a_snapshot_looks_at_forty_one_inputs_from_end_to_end() -> None:
    np.testing.assert_allclose(PROBE, [k / 20 - 1 for k in range(41)], atol=1e-7)
    run = Run.at(XAVIER, 5)
    snapshot = run.history.at(5)
    np.testing.assert_array_equal(snapshot.estimate, estimate(XAVIER, run.state.parameters, PROBE))
    expected = hidden(XAVIER, run.state.parameters, PROBE)
    assert [h.shape for h in snapshot.activations] == [(41, 16)] * 2
    for ours, theirs in zip(snapshot.activations, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("asked", "found"),
    [(-5, 0), (0, 0), (3, 2), (2.9, 2), (3.1, 4), (198, 198), (199, 199), (9_999, 199)],
)
def test_looking_up_a_step_finds_the_nearest_and_the_earlier_of_two(
    asked: float, found: int
) -> None:
    # 199 steps: every second one, and the last.
    history = Run.at(Experiment(), 199).history
    assert list(history.steps) == [*range(0, 199, 2), 199]
    assert history.at(asked).step == found  # type: ignore[arg-type]


def test_a_snapshot_stays_when_history_moves_on() -> None:
    run = Run.at(XAVIER, 100)
    snapshot = run.history.at(99)
    before = snapshot.values["W1"].copy()
    run.advance(5_000)
    np.testing.assert_array_equal(snapshot.values["W1"], before)
    assert 99 not in run.history.steps


def test_a_run_that_has_not_begun_remembers_nothing_and_says_so() -> None:
    history = Run(Experiment()).history
    assert len(history) == 0
    assert history.steps.size == history.loss.size == history.mean_loss.size == 0
    assert history.estimates.shape == (0, 41)
    assert history.tensors["W"].values.shape == (0, 1, 16)
    with pytest.raises(LookupError, match="has not begun"):
        history.at(0)
