"""The optimizers, one row each: all that training, forecast, proof, words and scripts need of one.

No TensorFlow until a rule is traced. Each rule is a pure function (parameters, gradients, slots,
step, rate, constants) → (parameters, slots) of vectors of any length, and follows the class of the
same name in ``keras.optimizers`` with its default constants; the step counts from zero. Another
optimizer is another row, and its place among the oracles of the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Update = Callable[[Any, Any, Any, Any, Any, Any], tuple[Any, list[Any]]]


@dataclass(frozen=True)
class Optimizer:
    """One optimizer."""

    label: str
    source: str  # the expression of Keras' own, after ``keras.optimizers.``
    update: Update
    slots: int = 0  # how many vectors it remembers, all zero at first
    constants: tuple[float, ...] = ()  # Keras' defaults; arguments of the compiled loop
    # How many times the rate a gradient that stays moves a parameter each step, in the end; None
    # for a rule that divides the gradient by its own size.
    reach: float | None = None
    # How far a parameter can still move without ever getting a gradient again: a bound, from the
    # rate, the largest gradient that there has been, and the steps since. None: not at all.
    coasts: Callable[[float, float, int], float] | None = None
    # The share, of the rate, by which each step shrinks the parameters.
    decay: float = 0.0


# 1 - beta is a constant of its own: taken in float32 from beta it would be off in the fifth digit.
_VELOCITY = 0.9
_RMSPROP = (0.9, 1 - 0.9, 1e-7)
_ADAM = (0.9, 1 - 0.9, 0.999, 1 - 0.999, 1e-7)
_DECAY = 0.004


def _sgd(w: Any, g: Any, slots: Sequence[Any], step: Any, rate: Any, constants: Any) -> Any:
    return w - rate * g, []


def _momentum(w: Any, g: Any, slots: Sequence[Any], step: Any, rate: Any, constants: Any) -> Any:
    (velocity,) = slots
    velocity = constants[0] * velocity - rate * g
    return w + velocity, [velocity]


def _rmsprop(w: Any, g: Any, slots: Sequence[Any], step: Any, rate: Any, constants: Any) -> Any:
    import tensorflow as tf

    (mean_square,) = slots
    rho, one_less_rho, epsilon = constants[0], constants[1], constants[2]
    mean_square = rho * mean_square + one_less_rho * (g * g)
    return w - rate * g / tf.sqrt(mean_square + epsilon), [mean_square]


def _adam(w: Any, g: Any, slots: Sequence[Any], step: Any, rate: Any, constants: Any) -> Any:
    # Kingma & Ba 2014, with the bias corrections folded into the rate (the end of their section 2).
    import tensorflow as tf

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


def _coasting_momentum(rate: float, largest: float, silence: int) -> float:
    # Velocity is at most rate |g| / (1 - 0.9), falls by 0.9 a step, and sums to ten times that.
    return 100 * rate * largest * _VELOCITY**silence


def _coasting_adam(rate: float, largest: float, silence: int, decay: float = 0.0) -> float:
    # By Cauchy and Schwarz |mean| / sqrt(mean square) is at most 7.3, and it falls by this factor a
    # step. Where weights decay, a move counts in units of what they have shrunk to.
    fall: float = _ADAM[0] / _ADAM[2] ** 0.5
    shrink = 1 - decay * rate
    return 7.3 * rate * fall**silence / (1 - fall / shrink)


def _coasting_adamw(rate: float, largest: float, silence: int) -> float:
    return _coasting_adam(rate, largest, silence, _DECAY)


OPTIMIZERS: Mapping[str, Optimizer] = MappingProxyType(
    {
        "sgd": Optimizer("SGD", "SGD(LEARNING_RATE)", _sgd, reach=1.0),
        "momentum": Optimizer(
            "momentum",
            f"SGD(LEARNING_RATE, momentum={_VELOCITY})",
            _momentum,
            slots=1,
            constants=(_VELOCITY,),
            reach=10.0,  # 1 / (1 - 0.9)
            coasts=_coasting_momentum,
        ),
        "rmsprop": Optimizer(
            "RMSprop", "RMSprop(LEARNING_RATE)", _rmsprop, slots=1, constants=_RMSPROP
        ),
        "adam": Optimizer(
            "Adam",
            "Adam(LEARNING_RATE)",
            _adam,
            slots=2,
            constants=_ADAM,
            coasts=_coasting_adam,
        ),
        "adamw": Optimizer(
            "AdamW",
            "AdamW(LEARNING_RATE)",
            _adamw,
            slots=2,
            constants=(*_ADAM, _DECAY),
            coasts=_coasting_adamw,
            decay=_DECAY,
        ),
    }
)
