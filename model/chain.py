"""The chain rule laid out: the size of ``W``'s gradient as the product that it is.

The error goes back through every later layer, and each layer changes it twice: by its weights, and
by the derivative of the activation before them (for ReLU: 1 where a unit is open, 0 where it is
closed). At the end it meets the input. The root mean square (RMS) of the signal is taken at every
place on the way, over a set of inputs and over the units there. The ratios of neighbours telescope:

    RMS(error) · RMS(next) / RMS(error) · … · RMS(gradient of W) / RMS(last signal)

so they multiply to the RMS of W's gradient, for every batch size and objective.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod, sqrt

import numpy as np

from model.activations import ACTIVATIONS
from model.experiment import Experiment
from model.history import Snapshot, first_looks
from model.inputs import inputs
from model.network import GAIN, split, tensors_of
from model.run import Run
from model.state import Float64

# No more batches are looked at than have so many inputs, times the width: some milliseconds.
_MOST_SIGNALS = 65_536


@dataclass(frozen=True)
class Factor:
    """One factor of the size (root mean square) of W's gradient."""

    name: str  # "error", "doubling", "W2", "open 2", …, "input", "rest"
    value: float  # not negative
    label: str  # in plain words, with the numbers behind the value


def factors(run: Run, step: int | None = None) -> tuple[Factor, ...]:
    """Take the size of W's gradient apart, from the error back to the input.

    Their :func:`product` is ``rms["W"]`` of the :class:`model.history.Snapshot`, now or at the
    remembered step nearest to ``step``: the size that is shown everywhere. The signals are those
    of the network as it is at that step, in NumPy, over the inputs of the steps that the size goes
    over (evenly spaced ones of them, where they are many). Training changed the network between
    these steps; what that comes to is the factor ``rest``, near 1 unless it learns fast.

    Empty at the step that diverged.

    Raises
    ------
    LookupError
        If the run has not begun.
    """
    if not run.begun:
        raise LookupError("a run that has not begun has no gradient yet")
    snapshot = run.history.at(run.step if step is None else step)
    if run.diverged is not None and snapshot.step == run.step:
        return ()
    with np.errstate(all="ignore"):  # of a network that explodes some signals are infinite
        found = _telescope(snapshot)
    return found if np.isfinite(product(found)) else ()


def product(found: Sequence[Factor]) -> float:
    """All factors multiplied: the size of W's gradient."""
    return prod(factor.value for factor in found)


def seen_inputs(snapshot: Snapshot) -> Float64:
    """The inputs that training looked at, of the steps that the gradient goes over ``[n, batch]``.

    Of a batch of which only the first input counts, that one: ``[n, 1]``.
    """
    e = snapshot.experiment
    count = min(snapshot.rms_steps, first_looks(e), max(2, _MOST_SIGNALS // (e.batch * e.width)))
    # Step 0 has looked ahead.
    start = max(snapshot.step - snapshot.rms_steps, 0)
    found: Float64 = inputs(e, start, start + snapshot.rms_steps).astype(np.float64)
    found = found[np.linspace(0, snapshot.rms_steps - 1, count).round().astype(int)]
    return found if e.objective == "all" else found[:, :1]


def _telescope(snapshot: Snapshot) -> tuple[Factor, ...]:
    experiment = snapshot.experiment
    w = split(snapshot.vector.astype(np.float64), tensors_of(experiment))
    activation = ACTIVATIONS[experiment.activation]
    batches = seen_inputs(snapshot)
    x = batches.ravel()
    sums: list[Float64] = []
    h = x[:, None]
    for k in range(experiment.layers - 1):
        sums.append(h @ w[f"W{k or ''}"] + w[f"b{k or ''}"])
        h = activation.function(sums[-1]).astype(np.float64)
    last = experiment.layers - 1
    error = 2 * (GAIN * (h @ w[f"W{last}"] + w[f"b{last}"]) - x[:, None])
    label = "twice the distance between estimate and input"
    found = [
        Factor("error", _rms(error), label),
        Factor("doubling", GAIN, "the estimate is twice what the last layer gives"),
    ]
    arriving = GAIN * error
    for k in range(last, 0, -1):
        weights = w[f"W{k}"]
        passed = arriving @ weights.T
        # Where nothing arrives any more: what a random error would meet. So a zero stands only
        # where the way is closed.
        ratio = _ratio(passed, arriving, float(np.linalg.norm(weights)) / sqrt(len(weights)))
        label = f"what the {weights.size} weights of W{k} make of the error on its way back"
        found.append(Factor(f"W{k}", ratio, label))
        slopes = activation.slope(sums[k - 1]).astype(np.float64)
        arriving = slopes * passed
        ratio = _ratio(arriving, passed, _rms(slopes))
        found.append(Factor(f"open {k}", ratio, _opening(experiment, slopes)))
    by_batch = arriving.reshape(*batches.shape, -1)
    gradient = (batches[..., None] * by_batch).mean(axis=1)
    label = "the size of the inputs" + (", averaged over the batch" if batches.shape[1] > 1 else "")
    found.append(Factor("input", _ratio(gradient, arriving, _rms(x)), label))
    size = _rms(gradient)
    rest = snapshot.rms["W"] / size if size > 0 else 1.0
    label = "the network changed a little in the steps that this is measured over"
    return (*found, Factor("rest", rest, label))


def _rms(values: Float64) -> float:
    # Of its own scale: the square of a signal through eight layers can be too small for a number.
    largest = float(np.abs(values).max())
    if not 0 < largest < np.inf:
        return largest
    return largest * sqrt(float(np.square(values / largest).mean()))


def _ratio(after: Float64, before: Float64, otherwise: float) -> float:
    size = _rms(before)
    return _rms(after) / size if size > 0 else otherwise


def _opening(experiment: Experiment, slopes: Float64) -> str:
    if experiment.activation in ("relu", "leaky_relu"):
        opened = float((slopes == 1).sum(axis=1).mean())
        return f"{opened:.2g} of {experiment.width} units are open, averaged over the inputs"
    return f"the slopes of {experiment.activation}, {slopes.mean():.2g} on average over the inputs"
