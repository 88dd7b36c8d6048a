"""Update rules as pure functions: (parameters, gradients, slots, step, …) → (parameters, slots).

Every rule has the same shape, and works on vectors of any length. Each follows the class of the
same name in ``keras.optimizers``, with its default constants. The step counts from zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

Update = Callable[[Any, Any, Any, Any, Any, Any], tuple[Any, list[Any]]]


@dataclass(frozen=True)
class Optimizer:
    """One update rule."""

    update: Update
    slots: int  # how many vectors it remembers, all zero at first
    constants: tuple[float, ...] = ()  # Keras' defaults; arguments of the compiled loop


def _sgd(w: Any, g: Any, slots: Sequence[Any], step: Any, rate: Any, constants: Any) -> Any:
    return w - rate * g, []


def _momentum(w: Any, g: Any, slots: Sequence[Any], step: Any, rate: Any, constants: Any) -> Any:
    (velocity,) = slots
    velocity = constants[0] * velocity - rate * g
    return w + velocity, [velocity]


def _rmsprop(w: Any, g: Any, slots: Sequence[Any], step: Any, rate: Any, constants: Any) -> Any:
    (mean_square,) = slots
    rho, one_less_rho, epsilon = constants[0], constants[1], constants[2]
    mean_square = rho * mean_square + one_less_rho * (g * g)
    return w - rate * g / tf.sqrt(mean_square + epsilon), [mean_square]


def _adam(w: Any, g: Any, slots: Sequence[Any], step: Any, rate: Any, constants: Any) -> Any:
    # Kingma & Ba 2014, with the bias corrections folded into the rate (the end of their section 2).
    mean, mean_square = slots
    beta_1, one_less_beta_1, beta_2, one_less_beta_2, epsilon = (constants[i] for i in range(5))
    mean += (g - mean) * one_less_beta_1
    mean_square += (g * g - mean_square) * one_less_beta_2
    count = tf.cast(step + 1, tf.float32)
    rate = rate * tf.sqrt(1.0 - beta_2**count) / (1.0 - beta_1**count)
    return w - rate * mean / (tf.sqrt(mean_square) + epsilon), [mean, mean_square]


def _adamw(w: Any, g: Any, slots: Sequence[Any], step: Any, rate: Any, constants: Any) -> Any:
    # Loshchilov & Hutter 2017: the decay acts on the weights, not through the gradient. The
    # brackets are what XLA makes of Keras' own formula: so both round alike.
    return _adam(w - w * (rate * constants[5]), g, slots, step, rate, constants)


# 1 - beta is a constant of its own: taken in float32 from beta it would be off in the fifth digit.
_ADAM = (0.9, 1 - 0.9, 0.999, 1 - 0.999, 1e-7)

OPTIMIZERS: Mapping[str, Optimizer] = {
    "sgd": Optimizer(_sgd, 0),
    "momentum": Optimizer(_momentum, 1, (0.9,)),
    "rmsprop": Optimizer(_rmsprop, 1, (0.9, 1 - 0.9, 1e-7)),
    "adam": Optimizer(_adam, 2, _ADAM),
    "adamw": Optimizer(_adamw, 2, (*_ADAM, 0.004)),
}
