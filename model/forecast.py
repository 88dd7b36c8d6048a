"""When will it wake? From how its estimate has grown, and the law by which such networks grow."""

from __future__ import annotations

from math import exp, log

import numpy as np
from numpy.typing import NDArray

from model.evidence import AWAKE, SPAN, Seen
from model.experiment import Experiment
from model.history import PROBE
from model.network import hidden, split, tensors_of
from model.optimizers import OPTIMIZERS
from model.state import Float64

# The shares of the way at which a flat network is looked at. It is asleep when it was flat at all
# of the last half of them, for one that is thrown about can be flat at any one step; and it is
# waking when the estimate grew from each to the next. Its wake-up is foretold from the stretches
# between every third: a forecast counts when the three agree within the first factor, and when it
# does not look further ahead than the second times the way gone.
LOOKS = 0.75 ** (np.arange(9, -1, -1) / 3)
AGREEMENT, FORESIGHT = log(1.4), 2.5

# What the interval has to spare, beyond how far the forecasts disagree.
_MARGIN = log(1.1)


def forecast(
    seen: Seen, rows: NDArray[np.intp], shares: Float64
) -> tuple[tuple[int, int, int], float] | None:
    """When the estimate will span half the target's range, and the gradient's growth.

    Near the origin a network is as good as linear, and the share r of the range that its estimate
    spans is a product of L = ``layers`` equal strengths s. Gradient descent moves each by
    s' = c s^(L-1) (1 - r): hence r' = c r^(2-2/L) (1 - r), exponential for two layers, hyperbolic
    for more (Saxe, McClelland & Ganguli 2013, "Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks"). Rules that divide the gradient by its own size move
    each strength at a constant speed instead: r' = c r^(1-1/L) (1 - r). The speed c is measured
    on the last quarter of the way; the rest is an integral. ``None`` as long as the estimate does
    not grow, or the same forecast from earlier stretches disagrees: while the weights still turn
    into the one direction that grows, nobody can know.
    """
    first, second = _rms_quarters(seen)
    if not (shares[0] > 0 and (np.diff(shares) > 0).all() and 0 < first < second):
        return None
    shares, steps = shares[::3], seen.steps[rows[::3]].astype(np.float64)
    left = _time_left(shares, seen.experiment)
    forecasts = np.log(steps[1:] + left[1:] * np.diff(steps) / -np.diff(left))
    doubt = float(np.ptp(forecasts))
    # Forecasts made too early are too early, by an error that halves from stretch to stretch.
    guess = float(forecasts[-1] + max(forecasts[-1] - forecasts[-2], 0))
    now = float(steps[-1])
    if not doubt <= AGREEMENT or guess > log(FORESIGHT * now):
        return None
    low = exp(min(forecasts.min(), guess) - _MARGIN)
    high = exp(max(forecasts.max(), guess) + doubt + _MARGIN)
    growth = (second / first) ** (1000 / (0.25 * now))
    return (int(max(low, now)), int(exp(guess)), int(high)), growth


def shares_at(seen: Seen, rows: NDArray[np.intp]) -> Float64:
    """The share of SPAN that the estimate moves by at some rows, ``[n]``.

    In float64 and without the last bias, beside which float32 would lose what moves.
    """
    vectors, layout = seen.vectors(rows), tensors_of(seen.experiment)
    outputs = hidden(seen.experiment, vectors, PROBE)[-1]
    estimates = 2 * outputs @ split(vectors, layout)[f"W{seen.last}"]
    shares: Float64 = np.ptp(estimates[..., 0], axis=1) / SPAN
    return shares


def _rms_quarters(seen: Seen) -> tuple[float, float]:
    """W's gradient over the third and over the last quarter of the way."""
    start, middle = seen.since(0.5), seen.since(0.25)
    return seen.rms("W", start, max(middle, start + 1)), seen.rms("W", middle, seen.count)


def _time_left(shares: Float64, experiment: Experiment) -> Float64:
    """Integral of dr / (r^p (1 - r)) from each share to AWAKE: the time left, in units of 1/c."""
    layers = experiment.layers
    divides = OPTIMIZERS[experiment.optimizer].reach is None
    p = 1 - 1 / layers if divides else 2 - 2 / layers
    # In u = log r, where the integrand is smooth over the decades.
    u = np.log(shares)[:, None] + np.linspace(0, 1, 65) * np.log(AWAKE / shares)[:, None]
    return np.asarray(np.trapezoid(np.exp((1 - p) * u) / -np.expm1(u), u, axis=1))
