"""Can it ever learn again? A proof, where there is one, that a layer will never get a gradient.

Interval arithmetic over all inputs at once, for every network that this one can still become.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, inf, log2

import numpy as np

from model.activations import ACTIVATIONS
from model.evidence import Seen
from model.experiment import Experiment
from model.network import split, tensors_of
from model.optimizers import OPTIMIZERS
from model.state import Float32, Float64

# Into how many pieces the inputs may be cut to prove that a layer is flat on all of them.
_MOST_BOXES = 1024

# What float32 can lose in one sum or product, relative to its size.
_ROUNDING = 2.0**-24


def frozen(seen: Seen) -> tuple[int, str] | None:
    """The highest hidden layer (from 1) that no gradient will ever pass again, and why."""
    e = seen.experiment
    for layer in range(seen.last, 0, -1):
        names = [t.name for t in tensors_of(e)[: 2 * layer]]
        outputs = seen.now.activations[layer - 1]
        # Necessary, cheap to see, and rare.
        if (outputs != outputs[0]).any() or any(seen.pulled(name) for name in names):
            continue
        motion = _motion_left(seen, names)
        below = seen.now.vector[: tensors_of(e)[2 * layer - 1].stop]
        if _is_stuck(e, layer, motion, below.tobytes()):
            what = "silent (they answer zero)" if e.activation == "relu" else "stuck at one answer"
            return (
                layer,
                f"all units of hidden layer {layer} are {what} for every input from -1 to 1",
            )
        if motion == 0 and _is_cut(seen, layer, below):
            return layer, f"hidden layer {layer} answers zero and W{layer} after it is all zeros"
    return None


@lru_cache(maxsize=256)
def _is_stuck(experiment: Experiment, layer: int, motion: float, below: bytes) -> bool:
    """Whether every unit of a hidden layer is on a flat side of its activation, for every input.

    Then no gradient passes it, and what lies ``below`` it (its own weights included, float32 bytes)
    stays as it is, give or take ``motion``: the answer is remembered.
    """
    low, high = ACTIVATIONS[experiment.activation].flat_outside
    decays = OPTIMIZERS[experiment.optimizer].decay > 0
    if decays and experiment.activation != "relu":
        return False  # weight decay pulls the sums back to where the activation is steep
    parameters = np.frombuffer(below, np.float32).astype(np.float64)
    whole = np.array([[[-1.0, 1.0], [1.0, 1.0]]])
    if decays:
        whole[0, 1, 0] = 0
    boxes = _cut(_cut(whole, 0, 64), 1, 16)
    while len(boxes) <= _MOST_BOXES:
        least, most = _sums(experiment, layer, motion, parameters, boxes)
        centre = (least + most) / 2
        if ((centre > low) & (centre < high)).any():
            return False
        boxes = boxes[~((most <= low) | (least >= high)).all(axis=1)]
        if not len(boxes):
            return True
        boxes = _cut(_cut(boxes, 0, 8), 1, 2)
    return False


def _cut(boxes: Float64, axis: int, parts: int) -> Float64:
    """Each of the boxes ``[n, 2, 2]`` (axis, low and high) cut in ``parts`` along an axis.

    Interval arithmetic likes them short. What has no length is not cut.
    """
    low, high = boxes[:, axis, 0], boxes[:, axis, 1]
    if (low == high).all():
        return boxes
    edges = np.linspace(low, high, parts + 1)
    found = np.tile(boxes, (parts, 1, 1))
    found[:, axis, 0], found[:, axis, 1] = edges[:-1].ravel(), edges[1:].ravel()
    return found


def _is_cut(seen: Seen, layer: int, below: Float32) -> bool:
    """Whether a hidden layer answers exactly zero and the weights after it are exactly zero.

    Then neither gets a gradient: each is multiplied by the other.
    """
    if ACTIVATIONS[seen.experiment.activation].function(np.zeros(1, np.float32))[0] != 0:
        return False
    everywhere = np.array([[[-1.0, 1.0], [1.0, 1.0]]])
    bounds = _sums(seen.experiment, layer, 0.0, below.astype(np.float64), everywhere)
    return not (np.any(bounds) or seen.now.values[f"W{layer}"].any())


def _motion_left(seen: Seen, names: list[str]) -> float:
    """How far any entry of these tensors can still move without ever getting a gradient again.

    Only what the optimizer remembers of earlier gradients can move them.
    """
    e = seen.experiment
    optimizer = OPTIMIZERS[e.optimizer]
    if optimizer.coasts is None:
        return 0.0
    squares = np.array([seen.tensors[name].rms[: seen.count] for name in names]).astype(np.float64)
    pulled = np.flatnonzero(squares.any(axis=0))
    if not len(pulled):
        return 0.0
    silence = seen.now.step - int(seen.steps[pulled[-1]])  # steps without any gradient
    sizes = np.array([seen.tensors[name].values[0].size for name in names])
    largest = float(np.sqrt(squares**2 * sizes[:, None] * seen.spans).max())
    return _up(optimizer.coasts(e.learning_rate, min(largest, e.clip or inf), silence))


def _up(motion: float) -> float:
    """The next power of two, and no less than the hundredth below one: few to be remembered."""
    return 2.0 ** ceil(log2(max(motion, 2.0**-100))) if motion < inf else inf


def _sums(
    experiment: Experiment, layer: int, motion: float, below: Float64, boxes: Float64
) -> tuple[Float64, Float64]:
    """Bounds on the sums z that the units of hidden ``layer`` can have: two ``[n, width]``.

    Interval arithmetic over boxes ``[n, 2, 2]`` of inputs x and of factors c by which weight decay
    has shrunk all parameters since, for every network within ``motion`` of this one. With decay
    (and so ReLU) the bounds are on z / c, whose sign is that of z.
    """
    values = split(below, tensors_of(experiment)[: 2 * layer])
    activation = ACTIVATIONS[experiment.activation]
    least, most = boxes[:, 0, :1], boxes[:, 0, 1:]
    shrunk_least, shrunk_most = boxes[:, 1, :1], boxes[:, 1, 1:]
    for k in range(layer):
        w, b = values[f"W{k or ''}"], values[f"b{k or ''}"]
        middle, radius = (least + most) / 2, (most - least) / 2
        size = np.abs(middle) + radius
        z = middle @ w + b
        rounding = (experiment.width + 1) * _ROUNDING * (size @ np.abs(w) + np.abs(b))
        spread = radius @ np.abs(w) + rounding
        spread += motion * (1 + size.sum(axis=1, keepdims=True))
        low, high = z - spread, z + spread
        ends = activation.function(low), activation.function(high)
        least, most = np.minimum(*ends), np.maximum(*ends)
        if activation.bottom is not None:
            where, minimum = activation.bottom
            least = np.where((low < where) & (high > where), minimum, least)
        if OPTIMIZERS[experiment.optimizer].decay:
            least, most = shrunk_least * least, shrunk_most * most
    return low, high
