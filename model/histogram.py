"""Bin edges and counts.

A histogram here is always ``counts [k]`` over ``edges [k + 1]``. Its two edge cases are ordinary
from the first second on: no data gives counts of zero, and all values equal fill one bin of an
axis that still has a width.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from model.state import Float32, Float64

BINS = 40

# Magnitudes that the log axis tells apart, in powers of ten; what lies beyond falls into the
# outermost bin on its side.
LOG_AXIS = (-12, 1)

# Ends of a linear axis, as multiples of a power of ten: it grows in steps, not with every value.
_ROUND = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)


def linear_edges(largest: float, bins: int = BINS) -> Float64:
    """Edges ``[bins + 1]`` of equal bins, symmetric about 0, that hold magnitudes to ``largest``.

    The axis ends at a round number, so that it stands still while values grow a little. A
    ``largest`` that is 0 or not finite gives the axis from -1 to 1.
    """
    end = 1.0
    if np.isfinite(largest) and largest > 0:
        decade = 10.0 ** np.floor(np.log10(largest))
        end = next(r * decade for r in _ROUND if r * decade >= largest or r == _ROUND[-1])
    return np.linspace(-end, end, bins + 1)


@cache
def log_edges(bins: int = BINS) -> Float64:
    """Edges ``[bins + 1]`` of bins of equal ratio over :data:`LOG_AXIS`; not to be written to."""
    edges = np.logspace(*LOG_AXIS, bins + 1)
    edges.setflags(write=False)
    return edges


def counts(values: Float32, edges: Float64) -> Float64:
    """How many of ``values`` (any shape) fall into each bin ``[k]``; the end bins are open.

    A NaN is counted nowhere.
    """
    flat = values.ravel()
    found: Float64 = grouped_counts(flat, np.zeros(flat.size, np.intp), 1, edges)[0]
    return found


def magnitude_counts(values: Float32, edges: Float64) -> Float64:
    """Counts of ``|values|`` on a log axis; exact zeros have no place on it and are left out."""
    magnitudes = np.abs(values.ravel())
    return counts(magnitudes[magnitudes > 0], edges)


def grouped_counts(
    values: Float32, group: NDArray[np.intp], groups: int, edges: Float64
) -> Float64:
    """The :func:`counts` of several tensors at once ``[groups, k]``.

    ``group [n]`` says to which of them each of ``values [n]`` belongs.
    """
    bins = len(edges) - 1
    numbers = ~np.isnan(values)
    place = np.searchsorted(edges, values[numbers], side="right") - 1
    place = np.clip(place, 0, bins - 1) + bins * group[numbers]
    found: Float64 = np.bincount(place, minlength=groups * bins).astype(np.float64)
    return found.reshape(groups, bins)
