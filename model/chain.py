"""The chain rule laid out: the gradient of ``W`` at one step as the product that it is.

For one input x the gradient of the loss with respect to ``W [1, width]`` is x times what is left
of the error after it went back through every later layer. Each layer multiplies it twice: by its
weights, and by the slopes of the activation before them (for ReLU: 1 where a unit is open, 0 where
it is closed). The size of the gradient is the product of the sizes of these steps, exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import pi, prod, sqrt

import numpy as np

from model.experiment import Experiment
from model.inputs import inputs
from model.network import ACTIVATE, GAIN, LEAK, split, tensors_of
from model.run import Run
from model.state import Float64, State


@dataclass(frozen=True)
class Factor:
    """One factor of the size (Euclidean norm) of W's gradient."""

    name: str  # "error", "doubling", "W2", "open 2", …, "input"
    value: float  # not negative
    label: str  # in plain words, with the numbers behind the value


def factors(run: Run) -> tuple[Factor, ...]:
    """Take the size of W's gradient at the last step apart, from the loss back to the input.

    They come from a forward and a backward pass in NumPy at the parameters from before the
    update, so that comparing :func:`product` with the measured gradient is a test of both.

    Empty where the gradient is no single product: when the loss is a mean over several inputs,
    or when the run has diverged.

    Raises
    ------
    LookupError
        If the run has not begun.
    """
    experiment = run.experiment
    if not run.begun:
        raise LookupError("a run that has not begun has no gradient yet")
    if (experiment.batch > 1 and experiment.objective == "all") or run.diverged is not None:
        return ()
    state = run.state
    x = float(inputs(experiment, max(state.step - 1, 0), max(state.step, 1))[0, 0])
    w = split(_before(experiment, state), tensors_of(experiment))

    sums: list[Float64] = []
    h = np.array([x])
    for k in range(experiment.layers - 1):
        sums.append(h @ w[f"W{k or ''}"] + w[f"b{k or ''}"])
        h = ACTIVATE[experiment.activation](sums[-1])
    last = experiment.layers - 1
    estimate = GAIN * float((h @ w[f"W{last}"] + w[f"b{last}"])[0])
    error = 2 * (estimate - x)

    found = [
        Factor(
            "error", abs(error), f"twice the distance of the estimate {estimate:.3g} from {x:.3g}"
        ),
        Factor("doubling", GAIN, "the estimate is twice what the last layer gives"),
    ]
    arriving = np.array([error * GAIN])
    for k in range(last, 0, -1):
        passed = w[f"W{k}"] @ arriving
        found.append(
            Factor(
                f"W{k}",
                _ratio(passed, arriving, w[f"W{k}"]),
                f"what the weights W{k} make of the error on its way back",
            )
        )
        slopes = SLOPE[experiment.activation](sums[k - 1])
        arriving = slopes * passed
        found.append(
            Factor(
                f"open {k}",
                _ratio(arriving, passed, slopes),
                _opening(experiment.activation, slopes),
            )
        )
    return (*found, Factor("input", abs(x), "the size of the input itself"))


def product(found: Sequence[Factor]) -> float:
    """All factors multiplied: the size of W's gradient."""
    return prod(factor.value for factor in found)


def _ratio(after: Float64, before: Float64, operator: Float64) -> float:
    """By how much one step of the way back changes the error's size.

    Where nothing arrives any more, what a random error would meet: so a zero stands only where the
    way is closed.
    """
    size = float(np.linalg.norm(before))
    if size > 0:
        return float(np.linalg.norm(after)) / size
    return float(np.linalg.norm(operator)) / sqrt(operator.shape[-1])


def _opening(activation: str, slopes: Float64) -> str:
    if activation in ("relu", "leaky_relu"):
        return f"{int((slopes == 1).sum())} of {slopes.size} units are open at this input"
    return f"the slopes of {activation} at this input, {slopes.mean():.2g} on average"


def _before(experiment: Experiment, state: State) -> Float64:
    """The parameters ``[P]`` that the state's gradient belongs to: its last update undone."""
    w, g = state.parameters.astype(np.float64), state.gradients.astype(np.float64)
    if state.step == 0:
        return w
    if experiment.clip:
        g = np.clip(g, -experiment.clip, experiment.clip)
    slots, rate = state.slots.astype(np.float64), experiment.learning_rate
    step: Float64
    match experiment.optimizer:
        case "sgd":
            step = rate * g
        case "momentum":
            step = -slots[0]
        case "rmsprop":
            step = rate * g / np.sqrt(slots[0] + _EPSILON)
        case _:
            corrected = rate * sqrt(1 - 0.999**state.step) / (1 - 0.9**state.step)
            step = corrected * slots[0] / (np.sqrt(slots[1]) + _EPSILON)
    decay = _DECAY * rate if experiment.optimizer == "adamw" else 0.0
    return (w + step) / (1 - decay)


# Keras' defaults, as in model.optimizers, which would bring TensorFlow with it.
_EPSILON = 1e-7
_DECAY = 0.004


def _gelu_slope(z: Float64) -> Float64:
    c, cubic = sqrt(2 / pi), 0.044715
    t = np.tanh(c * (z + cubic * z**3))
    slope: Float64 = (1 + t) / 2 + z / 2 * (1 - t**2) * c * (1 + 3 * cubic * z**2)
    return slope


def _sigmoid_slope(z: Float64) -> Float64:
    slope: Float64 = (1 - np.tanh(z / 2) ** 2) / 4
    return slope


# The derivative of each activation with respect to its sum z.
SLOPE: Mapping[str, Callable[[Float64], Float64]] = {
    "relu": lambda z: (z > 0).astype(np.float64),
    "leaky_relu": lambda z: np.where(z > 0, 1.0, LEAK),
    "elu": lambda z: np.exp(np.minimum(z, 0)),
    "gelu": _gelu_slope,
    "tanh": lambda z: 1 - np.tanh(z) ** 2,
    "sigmoid": _sigmoid_slope,
    "linear": np.ones_like,
}
