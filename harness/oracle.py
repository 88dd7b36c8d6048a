"""A plain NumPy oracle: the training loop by hand, for many networks of one shape at once.

It takes initial parameters and inputs as arrays and shares no arithmetic with the product: the
backward pass is written out, and so is every activation, update rule and objective.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from model.experiment import Experiment

Array = NDArray[np.float32]
Flags = NDArray[np.bool_]

# The 41 inputs at which a network is looked at.
PROBE: Array = np.linspace(-1, 1, 41, dtype=np.float32)


@dataclass(frozen=True)
class Watched:
    """What E networks of T tensors each did, looked at n times."""

    steps: list[int]  # [n]
    estimates: Array  # [n, E, 41], at PROBE
    moved: Flags  # [n, E, T], whether any gradient entry was not zero since the look before
    parameters: Array  # [E, P], at the end
    gradients: Array  # [E, P], of the last step, before clipping
    losses: Array  # [E], of the last step
    finite: Flags  # [n, E], parameters and the last step's loss

    @property
    def ranges(self) -> Array:
        """How far each estimate moves over the inputs, as a share of the target's 2: [n, E]."""
        share: Array = np.ptp(self.estimates, axis=2) / np.float32(2)
        return share

    @property
    def errors(self) -> Array:
        """Mean squared error over the probe inputs [n, E]."""
        with np.errstate(over="ignore"):
            mean: Array = np.square(self.estimates - PROBE).mean(axis=2)
        return mean


def shapes(layers: int, width: int) -> list[tuple[int, int]]:
    """(fan in, fan out) of each weight matrix."""
    sizes = [1] + [width] * (layers - 1) + [1]
    return list(pairwise(sizes))


def train(
    experiments: Sequence[Experiment],
    initial: Array,
    xs: Array,
    looks: Sequence[int],
    *,
    start: int = 0,
    slots: Sequence[Array] | None = None,
) -> Watched:
    """Train experiments of one shape side by side, by hand.

    Parameters
    ----------
    experiments
        E of them, all with the same layers, width and batch.
    initial
        Flat parameters ``[E, P]`` to go on from: W, b, W1, b1, ….
    xs
        Inputs ``[steps, E, batch]``, of the steps from ``start`` on.
    looks
        The rising steps at which to look; the last is where training ends.
    start
        How many steps were taken before.
    slots
        What each optimizer remembers of them, ``[S, P]`` each: momentum's velocity, RMSprop's mean
        square, Adam's mean and mean square. Without it, nothing.
    """

    def kind(e: int) -> tuple[str, str]:
        return experiments[e].activation, experiments[e].optimizer

    order = sorted(range(len(experiments)), key=kind)
    back = np.argsort(order)
    net = _Networks([experiments[e] for e in order], initial[order])
    if slots is not None:
        net.remember([slots[e] for e in order])
    xs = xs[:, order]
    estimates, moved, finite = [], [], []
    step = start
    with np.errstate(all="ignore"):
        for look in looks:
            seen = np.zeros((len(order), 2 * net.layers), bool)
            while step < look:
                net.step(xs[step - start], step)
                seen |= net.nonzero()
                step += 1
            estimates.append(net.estimate(np.tile(PROBE, (len(order), 1)))[back])
            moved.append(seen[back])
            finite.append((np.isfinite(net.w).all(axis=1) & np.isfinite(net.loss))[back])
    return Watched(
        list(looks),
        np.array(estimates),
        np.array(moved),
        net.w[back],
        net.g[back],
        net.loss[back],
        np.array(finite),
    )


class _Networks:
    """E networks whose flat parameters are the rows of one matrix."""

    def __init__(self, experiments: Sequence[Experiment], initial: Array) -> None:
        self.layers, width = experiments[0].layers, experiments[0].width
        count = len(experiments)
        self.w = np.array(initial, np.float32)
        self.g = np.zeros_like(self.w)
        self.loss = np.zeros(count, np.float32)
        self.first, self.second = np.zeros_like(self.w), np.zeros_like(self.w)  # slots
        views, self.starts, at = [], [], 0
        for fan_in, fan_out in shapes(self.layers, width):
            for rows in (fan_in, 1):
                size = rows * fan_out
                self.starts.append(at)
                views.append((slice(at, at + size), (count, rows, fan_out)))
                at += size
        self.parameters = [self.w[:, s].reshape(shape) for s, shape in views]
        self.gradients = [self.g[:, s].reshape(shape) for s, shape in views]
        assert all(p.base is not None for p in self.parameters)  # views, not copies

        def column(name: str) -> Array:
            return np.array([[getattr(each, name)] for each in experiments], np.float32)

        self.rate = column("learning_rate")
        self.clip = column("clip")
        self.clip[self.clip == 0] = np.inf
        self.only_first = np.array([e.objective == "first" for e in experiments])
        self.activations = _runs([e.activation for e in experiments])
        self.optimizers = _runs([e.optimizer for e in experiments])

    def remember(self, slots: Sequence[Array]) -> None:
        """Take over what the optimizers remember, ``[S, P]`` for each network."""
        for name, rows in self.optimizers:
            for row in range(rows.start, rows.stop):
                if name == "rmsprop":
                    self.second[row] = slots[row][0]
                elif name != "sgd":
                    self.first[row] = slots[row][0]
                if name.startswith("adam"):
                    self.second[row] = slots[row][1]

    def forward(self, x: Array) -> tuple[list[Array], list[Array], Array]:
        """Layer outputs (the input first), slopes of the activation, estimates ``[E, n]``."""
        h, outputs, slopes = x[:, :, None], [x[:, :, None]], []
        for k in range(self.layers - 1):
            z = h @ self.parameters[2 * k] + self.parameters[2 * k + 1]
            h, slope = np.empty_like(z), np.empty_like(z)
            for name, rows in self.activations:
                h[rows], slope[rows] = ACTIVATIONS[name](z[rows])
            outputs.append(h)
            slopes.append(slope)
        y = h @ self.parameters[-2] + self.parameters[-1]
        return outputs, slopes, np.float32(2) * y[:, :, 0]

    def estimate(self, x: Array) -> Array:
        """The answers to ``x [E, n]``."""
        return self.forward(x)[2]

    def step(self, x: Array, step: int) -> None:
        """One training step on ``x [E, batch]``."""
        outputs, slopes, estimate = self.forward(x)
        error = estimate - x
        batch = x.shape[1]
        share = np.full_like(error, 1 / batch)
        share[self.only_first] = 0
        share[self.only_first, 0] = 1
        self.loss[:] = (share * error**2).sum(axis=1)
        # d loss / d y: 2 (estimate - x), times the 2 by which the estimate is twice y.
        delta = (np.float32(4) * share * error)[:, :, None]
        for k in reversed(range(self.layers)):
            np.matmul(outputs[k].transpose(0, 2, 1), delta, out=self.gradients[2 * k])
            np.sum(delta, axis=1, keepdims=True, out=self.gradients[2 * k + 1])
            if k:
                delta = (delta @ self.parameters[2 * k].transpose(0, 2, 1)) * slopes[k - 1]
        clipped = np.clip(self.g, -self.clip, self.clip)
        for name, rows in self.optimizers:
            w, g, rate = self.w[rows], clipped[rows], self.rate[rows]
            OPTIMIZERS[name](w, g, self.first[rows], self.second[rows], rate, step)

    def nonzero(self) -> Flags:
        """Which tensors' gradients have an entry that is not exactly zero: [E, T]."""
        return np.logical_or.reduceat(self.g != 0, self.starts, axis=1)


def _runs(names: list[str]) -> list[tuple[str, slice]]:
    """Stretches of equal names, as slices."""
    found, at = [], 0
    for name, group in groupby(names):
        length = len(list(group))
        found.append((name, slice(at, at + length)))
        at += length
    return found


# Each takes z and gives (activation, its derivative).


def _relu(z: Array) -> tuple[Array, Array]:
    return z * (z > 0), (z > 0).astype(np.float32)


def _leaky_relu(z: Array) -> tuple[Array, Array]:
    slope = np.where(z > 0, np.float32(1), np.float32(0.2))
    return z * slope, slope


def _elu(z: Array) -> tuple[Array, Array]:
    below = np.exp(np.minimum(z, 0))
    return np.where(z > 0, z, below - 1), below


def _gelu(z: Array) -> tuple[Array, Array]:
    c = np.float32(sqrt(2 / pi))
    t = np.tanh(c * (z + np.float32(0.044715) * z**3))
    inner = c * (1 + np.float32(3 * 0.044715) * z**2)
    return z * (1 + t) / 2, (1 + t) / 2 + z / 2 * (1 - t**2) * inner


def _tanh(z: Array) -> tuple[Array, Array]:
    t = np.tanh(z)
    return t, 1 - t**2


def _sigmoid(z: Array) -> tuple[Array, Array]:
    s: Array = np.reciprocal(1 + np.exp(-z))
    return s, s * (1 - s)


def _linear(z: Array) -> tuple[Array, Array]:
    return z, np.ones_like(z)


ACTIVATIONS: dict[str, Callable[[Array], tuple[Array, Array]]] = {
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "gelu": _gelu,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "linear": _linear,
}

# Each takes rows of w, g and the two slots (changed in place), the rate and the step from zero.


def _sgd(w: Array, g: Array, m: Array, v: Array, rate: Array, step: int) -> None:
    w -= rate * g


def _momentum(w: Array, g: Array, m: Array, v: Array, rate: Array, step: int) -> None:
    m *= 0.9
    m -= rate * g
    w += m


def _rmsprop(w: Array, g: Array, m: Array, v: Array, rate: Array, step: int) -> None:
    v *= 0.9
    v += 0.1 * g**2
    w -= rate * g / np.sqrt(v + 1e-7)


def _adam(w: Array, g: Array, m: Array, v: Array, rate: Array, step: int) -> None:
    # Kingma & Ba 2014, algorithm 1, in the form of the end of section 2.
    m *= 0.9
    m += 0.1 * g
    v *= 0.999
    v += 0.001 * g**2
    t = step + 1
    w -= rate * float(sqrt(1 - 0.999**t) / (1 - 0.9**t)) * m / (np.sqrt(v) + 1e-7)


def _adamw(w: Array, g: Array, m: Array, v: Array, rate: Array, step: int) -> None:
    w -= 0.004 * rate * w
    _adam(w, g, m, v, rate, step)


OPTIMIZERS: dict[str, Callable[[Array, Array, Array, Array, Array, int], None]] = {
    "sgd": _sgd,
    "momentum": _momentum,
    "rmsprop": _rmsprop,
    "adam": _adam,
    "adamw": _adamw,
}
