"""The activations, one row each: all that training, proofs, words and scripts need of one.

No TensorFlow: a row names its function in ``tf.nn``, for the compiled loop and exported scripts.
Another activation is another row, and its place among the oracles of the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf, pi, sqrt
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

# Slope of a leaky ReLU left of zero: TensorFlow's default.
_LEAK = 0.2


@dataclass(frozen=True)
class Activation:
    """One activation."""

    label: str
    function: Callable[[Floats], Floats]  # of the sum z, in z's own precision
    slope: Callable[[Floats], Floats]  # its derivative
    in_tensorflow: str | None  # its name in tf.nn; None for z itself
    options: Mapping[str, Any] = field(default_factory=dict)  # what is passed to it besides z
    # Flat below the first number and above the second: there its derivative is zero, for ReLU by
    # definition, for the others once float32 has rounded it away.
    flat_outside: tuple[float, float] = (-inf, inf)
    # Where it has a minimum between two rising ends, and that minimum, rounded down.
    bottom: tuple[float, float] | None = None

    def source(self, z: str) -> str:
        """The Python expression that applies it to the expression ``z``."""
        if self.in_tensorflow is None:
            return z
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"tf.nn.{self.in_tensorflow}({z}{options})"


def _gelu(z: Floats) -> Floats:
    # The tanh form (Hendrycks & Gimpel 2016, eq. 2 ff.): NumPy has no erf.
    bent: Floats = np.tanh(np.float32(sqrt(2 / pi)) * (z + np.float32(0.044715) * z**3))
    return np.float32(0.5) * z * (1 + bent)


def _gelu_slope(z: Floats) -> Floats:
    c, cubic = sqrt(2 / pi), 0.044715
    t = np.tanh(c * (z + cubic * z**3))
    slope: Floats = (1 + t) / 2 + z / 2 * (1 - t**2) * c * (1 + 3 * cubic * z**2)
    return slope


def _sigmoid(z: Floats) -> Floats:
    # By tanh, which cannot overflow.
    bent: Floats = np.tanh(np.float32(0.5) * z)
    return np.float32(0.5) * (bent + 1)


def _sigmoid_slope(z: Floats) -> Floats:
    slope: Floats = (1 - np.tanh(z / 2) ** 2) / 4
    return slope


ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        "relu": Activation(
            label="ReLU",
            function=lambda z: np.maximum(z, 0),
            slope=lambda z: (z > 0).astype(z.dtype),
            in_tensorflow="relu",
            flat_outside=(0.0, inf),
        ),
        "leaky_relu": Activation(
            label="leaky ReLU",
            function=lambda z: np.where(z > 0, z, np.float32(_LEAK) * z),
            slope=lambda z: np.where(z > 0, 1.0, _LEAK),
            in_tensorflow="leaky_relu",
            options={"alpha": _LEAK},
        ),
        "elu": Activation(
            label="ELU",
            function=lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
            slope=lambda z: np.exp(np.minimum(z, 0)),
            in_tensorflow="elu",
            flat_outside=(-104.0, inf),
        ),
        "gelu": Activation(
            label="GELU",
            function=_gelu,
            slope=_gelu_slope,
            in_tensorflow="gelu",
            options={"approximate": True},
            flat_outside=(-6.0, inf),
            bottom=(-0.7518, -0.1701),
        ),
        "tanh": Activation(
            label="tanh",
            function=np.tanh,
            slope=lambda z: 1 - np.tanh(z) ** 2,
            in_tensorflow="tanh",
            flat_outside=(-10.0, 10.0),
        ),
        "sigmoid": Activation(
            label="sigmoid",
            function=_sigmoid,
            slope=_sigmoid_slope,
            in_tensorflow="sigmoid",
            flat_outside=(-100.0, 20.0),
        ),
        "linear": Activation(
            label="linear", function=lambda z: z, slope=np.ones_like, in_tensorflow=None
        ),
    }
)
