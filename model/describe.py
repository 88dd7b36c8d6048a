"""Experiments, tensors and numbers in words, wherever a person reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from math import isfinite

from model.activations import ACTIVATIONS
from model.experiment import Experiment, Value
from model.optimizers import OPTIMIZERS

# Comparisons whose names are kept: they are asked for in every frame.
_PAIRS = 64

#: What the fields of an experiment are called.
LABELS: Mapping[str, str] = {
    "layers": "Layers",
    "width": "Width",
    "activation": "Activation",
    "weights": "Weights from",
    "weight_scale": "Weights: σ",
    "bias": "Biases from",
    "bias_scale": "Biases: σ or value",
    "objective": "Objective",
    "batch": "Batch",
    "optimizer": "Optimizer",
    "learning_rate": "Learning rate",
    "clip": "Clip gradients at",
    "steps": "Steps",
    "seed": "Seed",
}

#: What the options of a field are called.
OPTIONS: Mapping[str, str] = {
    "normal": "normal N(0, σ)",
    "xavier_uniform": "Xavier uniform",
    "xavier_normal": "Xavier normal",
    "he_uniform": "He uniform",
    "he_normal": "He normal",
    "lecun_normal": "LeCun normal",
    "orthogonal": "orthogonal",
    "zeros": "zeros",
    "constant": "constant",
    "first": "first input",
    "all": "whole batch",
    **{name: row.label for name, row in ACTIVATIONS.items()},
    **{name: row.label for name, row in OPTIMIZERS.items()},
}


def shown_name(layers: int, name: str) -> str:
    """The name of a tensor wherever a person reads it, as ``W1``.

    The question calls the last pair of its two-layer network ``W2`` and ``b2``: so do the page and
    the files. The Python API counts on: ``W1`` and ``b1``.
    """
    return name.replace("1", "2") if layers == 2 and name in ("W1", "b1") else name


def short(value: float) -> str:
    """A number in two digits, as ``0.25`` or ``1.9e-3``; in words where it has become none."""
    if not isfinite(value):
        return "too large"
    if value == 0 or 0.01 <= abs(value) < 1000:
        return f"{value:.0f}" if abs(value) >= 99.5 else f"{value:.2g}"
    digits, power = f"{value:.1e}".split("e")
    return f"{digits}e{int(power)}"


def describe(experiment: Experiment, steps: int | None = None) -> str:
    """One line that tells this experiment from others; ``steps`` where the run stands."""
    e = experiment
    parts = [
        f"{e.layers} layers of width {e.width}",
        OPTIONS[e.activation],
        f"weights {law(e)}",
        _short_biases(e),
        f"{OPTIONS[e.optimizer]} {e.learning_rate:g}",
    ]
    if e.batch > 1:
        parts.append(f"batch {e.batch}, {'mean' if e.objective == 'all' else 'first input only'}")
    parts.append(f"{e.steps if steps is None else steps:,} steps")
    parts.append(f"seed {e.seed}")
    return ", ".join(parts)


def differences(first: Experiment, second: Experiment) -> str:
    """What the second experiment has that the first has not, as the end of a sentence."""
    old, new = asdict(first), asdict(second)
    found = []
    for name, value in new.items():
        if value == old[name] or _does_not_matter(name, first, second):
            continue
        found.append(_difference(name, first, second))
    if not found:
        return "nothing: they are the same"
    return found[0] if len(found) == 1 else ", ".join(found[:-1]) + " and " + found[-1]


_PLAIN = asdict(Experiment())


@lru_cache(_PAIRS)
def tells_apart(one: Experiment, other: Experiment) -> str:
    """A short name for ``one`` that ``other`` cannot have."""
    mine, others = asdict(one), asdict(other)
    differing = [name for name in mine if mine[name] != others[name]]
    if not differing or "layers" in differing:
        return f"{one.layers} layers"
    laws = [(("weights", "weight_scale"), law(one)), (("bias", "bias_scale"), _short_biases(one))]
    told = [(names, text) for names, text in laws if not set(names).isdisjoint(differing)]
    if told:
        # By what it was given rather than by what it was left with.
        given = (text for names, text in told if any(mine[n] != _PLAIN[n] for n in names))
        return next(given, told[0][1])
    name = differing[0]
    text = _text(mine[name])
    return text if isinstance(mine[name], str) else f"{LABELS[name].lower()} {text}"


def titles(experiments: Mapping[str, Experiment]) -> dict[str, str]:
    """What each of one network or two is called: by what tells it from the other."""
    return {
        name: tells_apart(mine, next((e for n, e in experiments.items() if n != name), mine))
        for name, mine in experiments.items()
    }


def _difference(name: str, first: Experiment, second: Experiment) -> str:
    old, new = getattr(first, name), getattr(second, name)
    if name == "layers":
        count = new - old
        number = "one" if abs(count) == 1 else f"{abs(count)}"
        noun = "layer" if abs(count) == 1 else "layers"
        shape = f"{second.width}×{second.width}"
        return f"{number} {'more' if count > 0 else 'fewer'} {noun} of {shape}"
    if name == "weights":
        return f"weights from {law(second)} instead of {law(first)}"
    if name == "bias":
        return f"{_biases(second)} instead of {_biases(first)}"
    return f"{LABELS[name].lower()} {_text(new)} instead of {_text(old)}"


def _biases(experiment: Experiment) -> str:
    word = "of" if experiment.bias == "constant" else "from"
    return f"biases {word} {_bias_law(experiment)}"


def _short_biases(experiment: Experiment) -> str:
    return f"biases {_bias_law(experiment)}"


def _bias_law(experiment: Experiment) -> str:
    scale = f"{experiment.bias_scale:g}"
    return scale if experiment.bias == "constant" else f"N(0, {scale})"


def law(experiment: Experiment) -> str:
    """The law that the weights are drawn from, as ``N(0, 0.001)`` or ``Xavier uniform``."""
    if experiment.weights == "normal":
        return f"N(0, {experiment.weight_scale:g})"
    return OPTIONS[experiment.weights]


def _text(value: Value) -> str:
    if isinstance(value, str):
        return OPTIONS[value]
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _does_not_matter(name: str, first: Experiment, second: Experiment) -> bool:
    # The scale is for N(0, σ) alone; the bias' number is told with its law when that changed.
    if name == "weight_scale":
        return "normal" not in (first.weights, second.weights) or first.weights != second.weights
    return name == "bias_scale" and first.bias != second.bias
