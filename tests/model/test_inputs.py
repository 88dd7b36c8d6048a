"""The inputs: any window of a stream that ten lines of NumPy reproduce."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import Generator, Philox
from numpy.typing import NDArray

from model import Experiment, Run
from model.inputs import inputs


def by_numpy(seed: int, steps: int, batch: int) -> NDArray[np.float32]:
    return (2 * Generator(Philox(seed)).random((steps, batch)) - 1).astype(np.float32)


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**31 - 1])
@pytest.mark.parametrize("batch", [1, 2, 3, 4, 5, 64, 255, 256])
def test_inputs_are_those_of_a_plain_numpy_script(seed: int, batch: int) -> None:
    ours = inputs(Experiment(seed=seed, batch=batch), 0, 50)
    assert ours.dtype == np.float32
    assert ours.shape == (50, batch)
    np.testing.assert_array_equal(ours, by_numpy(seed, 50, batch))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    batch=st.integers(1, 256),
    window=st.tuples(st.integers(0, 300), st.integers(0, 300)).map(sorted),
)
def test_any_window_is_a_slice_of_the_whole(batch: int, window: list[int]) -> None:
    start, stop = window
    ours = inputs(Experiment(seed=3, batch=batch), start, stop)
    np.testing.assert_array_equal(ours, by_numpy(3, 300, batch)[start:stop])


def test_inputs_of_the_last_steps_there_are_need_none_before_them() -> None:
    ours = inputs(Experiment(seed=3), 4_999_990, 5_000_000)
    np.testing.assert_array_equal(ours, by_numpy(3, 5_000_000, 1)[-10:])


def test_inputs_are_uniform_between_minus_one_and_one() -> None:
    x = np.sort(inputs(Experiment(), 0, 100_000)[:, 0].astype(np.float64))
    # Kolmogorov-Smirnov: the empirical distribution is within 1.95 / sqrt(n) of the uniform one
    # for all but a thousandth of the seeds.
    uniform = np.linspace(-1, 1, x.size)
    assert np.abs(x - uniform).max() / 2 < 1.95 / np.sqrt(x.size)
    assert x[0] >= -1
    assert x[-1] <= 1


def test_another_seed_is_another_stream() -> None:
    assert not np.isin(inputs(Experiment(seed=1), 0, 100), inputs(Experiment(seed=2), 0, 100)).any()


def test_a_run_trains_on_the_inputs_that_it_shows() -> None:
    run = Run.at(Experiment(weights="zeros", bias="constant", bias_scale=0, steps=9), 0)
    np.testing.assert_array_equal(run.inputs(2, 9), by_numpy(0, 9, 1)[2:])
    # All zero, the network answers 0: its first loss is the first input, squared.
    assert run.loss == pytest.approx(float(run.inputs(0, 1)[0, 0]) ** 2)


@pytest.mark.parametrize("window", [(-1, 3), (3, 2), (-2, -1)])
def test_a_window_that_is_none_is_an_error_that_names_it(window: tuple[int, int]) -> None:
    start, stop = window
    with pytest.raises(ValueError, match=f"0 <= start <= stop, not {start} to {stop}"):
        inputs(Experiment(), start, stop)
    with pytest.raises(ValueError, match=f"not {start} to {stop}"):
        Run(Experiment()).inputs(start, stop)
