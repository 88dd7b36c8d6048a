"""The network: its tensors, how they lie in one flat vector, and the forward pass.

    h = x;   h = activation(h W + b) for each layer but the last;   estimate = 2 (h W + b)

The forward pass here is NumPy's, for the page, which must not import TensorFlow. The compiled
loop's twin is in :mod:`model.trainer`; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.activations import ACTIVATIONS
from model.experiment import Experiment

Array = NDArray[np.float32]
Floats = NDArray[np.floating[Any]]

# The question doubles the network's output before it compares it with the input.
GAIN = 2.0


@dataclass(frozen=True)
class Tensor:
    """One parameter: its name, its shape and where it lies in the flat vector."""

    name: str
    shape: tuple[int, ...]
    start: int
    stop: int

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.stop - self.start

    @property
    def is_weight(self) -> bool:
        """True for a weight matrix, False for a bias."""
        return len(self.shape) == 2


@lru_cache(maxsize=256)
def tensors(layers: int, width: int) -> tuple[Tensor, ...]:
    """Parameters of a network with ``layers`` weight matrices, in the network's order.

    ``W [1, width], b [width], W1 [width, width], …``; the last pair is ``W{L-1} [width, 1]`` and
    ``b{L-1} [1]``.
    """
    sizes = [1, *[width] * (layers - 1), 1]
    found: list[Tensor] = []
    start = 0
    for index, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        for letter, shape in (("W", (fan_in, fan_out)), ("b", (fan_out,))):
            stop = start + prod(shape)
            found.append(Tensor(f"{letter}{index or ''}", shape, start, stop))
            start = stop
    return tuple(found)


def tensors_of(experiment: Experiment) -> tuple[Tensor, ...]:
    """Parameters of the experiment's network, in the network's order."""
    return tensors(experiment.layers, experiment.width)


def size_of(experiment: Experiment) -> int:
    """Number of parameters, all tensors together."""
    return tensors_of(experiment)[-1].stop


def split(vector: Any, layout: Sequence[Tensor]) -> dict[str, Any]:
    """Views of the flat ``vector [..., P]`` by tensor name, each ``[..., *shape]``."""
    return {
        t.name: vector[..., t.start : t.stop].reshape(vector.shape[:-1] + t.shape) for t in layout
    }


def join(parameters: Mapping[str, Any], layout: Sequence[Tensor]) -> Array:
    """The flat float32 vector ``[P]`` of named tensors; the inverse of :func:`split`.

    Raises
    ------
    ValueError
        If a tensor is missing or has another shape than the network's.
    """
    for t in layout:
        shape = np.shape(parameters[t.name]) if t.name in parameters else None
        if shape != t.shape:
            raise ValueError(f"{t.name} must have shape {list(t.shape)}, not {shape}")
    return np.concatenate([np.ravel(parameters[t.name]) for t in layout]).astype(np.float32)


def hidden(experiment: Experiment, vector: Floats, x: Floats) -> list[Floats]:
    """Outputs of every hidden layer, NumPy, of the vector's own precision.

    ``vector [..., P]`` may hold many networks along leading axes; ``x [n]``. Each result is
    ``[..., n, width]``, first hidden layer first.
    """
    parts = split(vector, tensors_of(experiment))
    activate = ACTIVATIONS[experiment.activation].function
    found: list[Floats] = []
    h = np.asarray(x, vector.dtype)[:, None]
    with np.errstate(all="ignore"):  # a diverged network is shown, not warned about
        for k in range(experiment.layers - 1):
            suffix = str(k or "")
            h = activate(h @ parts["W" + suffix] + parts["b" + suffix][..., None, :])
            found.append(h)
    return found


def estimate(experiment: Experiment, vector: Array, x: Array) -> Array:
    """The network's answer to ``x [n]``, the factor 2 included: float32 ``[..., n]``.

    ``vector [..., P]`` may hold many networks along leading axes.
    """
    # In float64: through many layers the last digits of float32 are the processor's own.
    with np.errstate(all="ignore"):
        exact = vector.astype(np.float64)
        parts = split(exact, tensors_of(experiment))
        last = str(experiment.layers - 1)
        y = hidden(experiment, exact, x)[-1] @ parts["W" + last]
        answer: Array = (GAIN * (y + parts["b" + last][..., None, :])[..., 0]).astype(np.float32)
    return answer
