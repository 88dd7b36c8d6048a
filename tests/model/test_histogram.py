"""Histograms: every value is counted once, where it lies, and the edge cases have an axis too."""

from __future__ import annotations

import math
from bisect import bisect_right

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from model.histogram import BINS, LOG_AXIS, counts, linear_edges, log_edges, magnitude_counts

NONE = np.zeros(0, np.float32)
ANYTHING = arrays(np.float32, st.integers(0, 60), elements=st.floats(width=32))
SIZES = st.floats(1e-44, 3e38)


@given(SIZES)
def test_a_linear_axis_holds_its_largest_value_and_has_equal_bins_about_zero(
    largest: float,
) -> None:
    edges = linear_edges(largest)
    assert len(edges) == BINS + 1
    assert largest <= edges[-1] <= 2 * largest * (1 + 1e-9)
    np.testing.assert_allclose(edges, -edges[::-1], atol=edges[-1] * 1e-12)
    np.testing.assert_allclose(np.diff(edges), 2 * edges[-1] / BINS, rtol=1e-9)


def test_a_linear_axis_stands_still_while_values_grow_a_little() -> None:
    ends = [linear_edges(largest)[-1] for largest in np.linspace(1.01e-3, 9.9e-3, 500)]
    assert len(set(ends)) <= 7
    assert ends == sorted(ends)


@pytest.mark.parametrize("largest", [0.0, -1.0, np.nan, np.inf])
def test_an_axis_without_anything_to_show_still_has_a_width(largest: float) -> None:
    assert list(linear_edges(largest)[[0, -1]]) == [-1, 1]


def test_a_log_axis_has_bins_of_equal_ratio_over_its_decades() -> None:
    edges = log_edges()
    np.testing.assert_allclose(edges[[0, -1]], [10.0 ** LOG_AXIS[0], 10.0 ** LOG_AXIS[1]])
    np.testing.assert_allclose(edges[1:] / edges[:-1], edges[1] / edges[0])


@given(ANYTHING)
def test_every_number_is_counted_once_where_it_lies_and_a_nan_nowhere(
    values: np.ndarray,
) -> None:
    edges = linear_edges(0.5)
    expected = [0] * BINS
    for value in values.tolist():
        if not math.isnan(value):
            bin_ = bisect_right(edges.tolist(), value) - 1
            expected[min(max(bin_, 0), BINS - 1)] += 1
    assert counts(values, edges).tolist() == expected


@pytest.mark.parametrize("edges", [linear_edges(1), log_edges()], ids=["linear", "log"])
def test_no_data_counts_zero_in_every_bin(edges: np.ndarray) -> None:
    assert counts(NONE, edges).tolist() == [0] * BINS
    assert magnitude_counts(NONE, edges).tolist() == [0] * BINS


@given(st.floats(-10, 10, width=32), st.integers(1, 50))
def test_equal_values_fill_one_bin_of_an_axis_with_a_width(value: float, n: int) -> None:
    found = counts(np.full(n, value, np.float32), linear_edges(abs(value)))
    assert sorted(found)[-1] == n == found.sum()


@given(ANYTHING)
def test_magnitudes_forget_the_sign_and_leave_exact_zeros_out(values: np.ndarray) -> None:
    edges = log_edges()
    with np.errstate(invalid="ignore"):
        nonzero = int((np.abs(values) > 0).sum())
    assert magnitude_counts(values, edges).sum() == nonzero
    np.testing.assert_array_equal(magnitude_counts(values, edges), magnitude_counts(-values, edges))


def test_a_magnitude_beyond_the_log_axis_falls_into_the_outermost_bin_on_its_side() -> None:
    tiny = magnitude_counts(np.float32([1e-30, -1e-13]), log_edges())
    huge = magnitude_counts(np.float32([np.inf, -1e30]), log_edges())
    assert (tiny[0], tiny.sum(), huge[-1], huge.sum()) == (2, 2, 2, 2)


def test_a_matrix_is_counted_entry_by_entry() -> None:
    values = np.arange(-8, 8, dtype=np.float32).reshape(4, 4)
    np.testing.assert_array_equal(
        counts(values, linear_edges(8)), counts(values.ravel(), linear_edges(8))
    )
