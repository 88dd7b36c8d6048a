"""Experiment: everything that determines a run, its bounds, and the presets of the story.

The table of fields is the one place that knows them: the dataclass checks against it, and the
link, the controls and the documentation are drawn from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from numbers import Integral
from numbers import Real as RealNumber
from types import MappingProxyType
from typing import Any

from model import activations, optimizers

# An exact float32 counter and the plain integer arithmetic of the input stream both hold far
# beyond this; the bound is what a patient reader can wait for.
MOST_STEPS = 5_000_000

MOST_LAYERS = 8

# How many seeds there are.
SEEDS = 2**31

ACTIVATIONS = tuple(activations.ACTIVATIONS)
WEIGHTS = (
    "normal",
    "xavier_uniform",
    "xavier_normal",
    "he_uniform",
    "he_normal",
    "lecun_normal",
    "orthogonal",
    "zeros",
)
BIASES = ("normal", "constant")
OBJECTIVES = ("first", "all")
OPTIMIZERS = tuple(optimizers.OPTIMIZERS)

Value = int | float | str


@dataclass(frozen=True)
class Choice:
    """A field that takes one of a few names."""

    options: tuple[str, ...]

    def check(self, value: Any) -> str:
        """Return ``value`` when it is one of the options; raise ``ValueError`` otherwise."""
        if isinstance(value, str) and value in self.options:
            return value
        raise ValueError(f"must be {self}, not {value!r}")

    def parse(self, text: str) -> str:
        """Read the value from a link."""
        return self.check(text)

    def __str__(self) -> str:
        return "one of " + ", ".join(self.options)


@dataclass(frozen=True)
class Whole:
    """A field that takes a whole number between two bounds, both included."""

    low: int
    high: int

    def check(self, value: Any) -> int:
        """Return ``value`` as ``int`` when it is whole and in bounds; else ``ValueError``."""
        # bool is an int to Python; True layers is a mistake to a person.
        if isinstance(value, Integral) and not isinstance(value, bool):
            number = int(value)
            if self.low <= number <= self.high:
                return number
        raise ValueError(f"must be {self}, not {value!r}")

    def parse(self, text: str) -> int:
        """Read the value from a link: decimal digits, nothing else."""
        digits = text.strip().removeprefix("-")
        # int() of a very long string is an error of its own, and no bound needs 19 digits.
        if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
            raise ValueError(f"must be {self}, not {text!r}")
        return self.check(int(text))

    def __str__(self) -> str:
        return f"a whole number from {self.low:,} to {self.high:,}"


@dataclass(frozen=True)
class Real:
    """A field that takes a finite number between two bounds; ``or_zero`` also allows 0 (off)."""

    low: float
    high: float
    or_zero: bool = False

    def check(self, value: Any) -> float:
        """Return ``value`` as ``float`` when it is finite and in bounds; else ``ValueError``."""
        if isinstance(value, RealNumber) and not isinstance(value, bool):
            try:
                number = float(value)
            except OverflowError:
                number = math.nan
            if self.low <= number <= self.high or (self.or_zero and number == 0):
                return number + 0.0  # no negative zero
        raise ValueError(f"must be {self}, not {value!r}")

    def parse(self, text: str) -> float:
        """Read the value from a link."""
        try:
            number = float(text) if text.isascii() and "_" not in text else math.nan
        except ValueError:
            number = math.nan
        if math.isnan(number):
            raise ValueError(f"must be {self}, not {text!r}")
        return self.check(number)

    def __str__(self) -> str:
        zero = "0 (off), or " if self.or_zero else ""
        return f"{zero}a number from {self.low:g} to {self.high:g}"


Bound = Choice | Whole | Real


def _field(default: Value, bound: Bound, about: str) -> Any:
    return field(default=default, metadata={"bound": bound, "about": about})


@dataclass(frozen=True)
class Experiment:
    """All that determines a run, and nothing else: equal experiments give equal runs, bit for bit.

    ``Experiment()`` is the question's first script, ``Experiment(layers=3)`` its second.

    Raises
    ------
    ValueError
        If a field is out of its bounds; the message names the field, the bound and what came.
    """

    layers: int = _field(2, Whole(2, MOST_LAYERS), "How many weight matrices the network has.")
    width: int = _field(16, Whole(1, 64), "How many units each hidden layer has.")
    activation: str = _field("relu", Choice(ACTIVATIONS), "What each hidden unit does to its sum.")
    weights: str = _field("normal", Choice(WEIGHTS), "How the initial weights are drawn.")
    weight_scale: float = _field(
        1e-3, Real(1e-6, 10), "Standard deviation of the initial weights, for 'normal' only."
    )
    bias: str = _field("normal", Choice(BIASES), "How the initial biases are drawn.")
    bias_scale: float = _field(
        1e-3, Real(-10, 10), "Standard deviation of the initial biases, or the constant itself."
    )
    objective: str = _field(
        "first",
        Choice(OBJECTIVES),
        "The squared error of the batch's first input only, or the mean over the whole batch.",
    )
    batch: int = _field(1, Whole(1, 256), "How many inputs a step sees.")
    optimizer: str = _field("sgd", Choice(OPTIMIZERS), "The rule that turns gradients into steps.")
    learning_rate: float = _field(1e-3, Real(1e-6, 10), "How far a step goes along the gradient.")
    clip: float = _field(
        4.5, Real(1e-6, 1e6, or_zero=True), "Largest entry a gradient may have; 0 switches it off."
    )
    steps: int = _field(10_000, Whole(1, MOST_STEPS), "After how many steps the run is finished.")
    seed: int = _field(0, Whole(0, SEEDS - 1), "Which initial weights and which inputs are drawn.")

    def __post_init__(self) -> None:
        for name, bound in BOUNDS.items():
            try:
                value = bound.check(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"{name} {error}") from None
            object.__setattr__(self, name, value)


def _metadata(key: str) -> Mapping[str, Any]:
    return MappingProxyType({f.name: f.metadata[key] for f in fields(Experiment)})


BOUNDS: Mapping[str, Bound] = _metadata("bound")
ABOUT: Mapping[str, str] = _metadata("about")


def _default(f: Field[Any]) -> Value:
    assert f.default is not MISSING  # every field is made by _field
    value: Value = f.default
    return value


DEFAULTS: Mapping[str, Value] = MappingProxyType({f.name: _default(f) for f in fields(Experiment)})

_CURE = {"weights": "xavier_uniform", "bias": "constant", "bias_scale": 0.1}

PRESETS: Mapping[str, Experiment] = MappingProxyType(
    {
        "two_layers": Experiment(),
        "three_layers": Experiment(layers=3),
        "cure": Experiment(layers=3, **_CURE),  # type: ignore[arg-type]
        "two_layers_cured": Experiment(**_CURE),  # type: ignore[arg-type]
        "scale_only": Experiment(layers=3, weights="xavier_uniform"),
        "bias_only": Experiment(layers=3, bias="constant", bias_scale=0.1),
        "patience": Experiment(layers=3, steps=1_000_000),
        "whole_batch": Experiment(layers=3, **_CURE, objective="all", batch=64),  # type: ignore[arg-type]
        "adam": Experiment(layers=3, optimizer="adam"),
    }
)
