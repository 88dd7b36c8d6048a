"""Experiments in words."""

from __future__ import annotations

from dataclasses import asdict

from model.experiment import Experiment, Value
from model.words import LABELS, OPTIONS


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


def tells_apart(one: Experiment, other: Experiment) -> str:
    """A short name for ``one`` that ``other`` cannot have."""
    mine, others = asdict(one), asdict(other)
    differing = [name for name in mine if mine[name] != others[name]]
    if not differing or "layers" in differing:
        return f"{one.layers} layers"
    if "weights" in differing or "weight_scale" in differing:
        return _law(one)
    if "bias" in differing or "bias_scale" in differing:
        return (
            f"biases {one.bias_scale:g}" if one.bias == "constant" else f"N(0, {one.bias_scale:g})"
        )
    name = differing[0]
    text = _text(mine[name])
    return text if isinstance(mine[name], str) else f"{LABELS[name].lower()} {text}"


def _difference(name: str, first: Experiment, second: Experiment) -> str:
    old, new = getattr(first, name), getattr(second, name)
    if name == "layers":
        count = new - old
        number = "one" if abs(count) == 1 else f"{abs(count)}"
        noun = "layer" if abs(count) == 1 else "layers"
        shape = f"{second.width}×{second.width}"
        return f"{number} {'more' if count > 0 else 'fewer'} {noun} of {shape}"
    if name == "weights":
        return f"weights from {_law(second)} instead of {_law(first)}"
    if name == "bias":
        return f"{_biases(second)} instead of {_biases(first)}"
    return f"{LABELS[name].lower()} {_text(new)} instead of {_text(old)}"


def _biases(experiment: Experiment) -> str:
    scale = f"{experiment.bias_scale:g}"
    return f"biases of {scale}" if experiment.bias == "constant" else f"biases from N(0, {scale})"


def _law(experiment: Experiment) -> str:
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
