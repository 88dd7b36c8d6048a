"""An experiment in words, as the first line of everything that is taken home."""

from __future__ import annotations

from model.experiment import Experiment

_WEIGHTS = {
    "xavier_uniform": "Xavier (uniform)",
    "xavier_normal": "Xavier (normal)",
    "he_uniform": "He (uniform)",
    "he_normal": "He (normal)",
    "lecun_normal": "LeCun (normal)",
    "orthogonal": "orthogonal",
    "zeros": "all zero",
}
_ACTIVATION = {"relu": "ReLU", "leaky_relu": "leaky ReLU", "elu": "ELU", "gelu": "GELU"}
_OPTIMIZER = {"sgd": "SGD", "rmsprop": "RMSprop", "adam": "Adam", "adamw": "AdamW"}


def describe(experiment: Experiment, steps: int | None = None) -> str:
    """One line that tells this experiment from others; ``steps`` where the run stands."""
    e = experiment
    weights = f"N(0, {e.weight_scale:g})" if e.weights == "normal" else _WEIGHTS[e.weights]
    bias = f"N(0, {e.bias_scale:g})" if e.bias == "normal" else f"{e.bias_scale:g}"
    parts = [
        f"{e.layers} layers of width {e.width}",
        _ACTIVATION.get(e.activation, e.activation),
        f"weights {weights}",
        f"biases {bias}",
        f"{_OPTIMIZER.get(e.optimizer, e.optimizer)} {e.learning_rate:g}",
    ]
    if e.batch > 1:
        parts.append(f"batch {e.batch}, {'mean' if e.objective == 'all' else 'first input only'}")
    parts.append(f"{e.steps if steps is None else steps:,} steps")
    parts.append(f"seed {e.seed}")
    return ", ".join(parts)
