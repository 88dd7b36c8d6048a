"""Experiment: every bound from both sides, and messages that help."""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from model import PRESETS, Experiment
from model.experiment import ABOUT, BOUNDS, DEFAULTS, Choice, Real, Whole

# The table of the design, written out: field, default, what is still allowed, what is not.
TABLE: list[tuple[str, Any, list[Any], list[Any]]] = [
    ("layers", 2, [2, 8], [1, 9, 0, -2]),
    ("width", 16, [1, 64], [0, 65]),
    (
        "activation",
        "relu",
        ["relu", "leaky_relu", "elu", "gelu", "tanh", "sigmoid", "linear"],
        ["swish", "ReLU", "relu ", ""],
    ),
    (
        "weights",
        "normal",
        [
            "normal",
            "xavier_uniform",
            "xavier_normal",
            "he_uniform",
            "he_normal",
            "lecun_normal",
            "orthogonal",
            "zeros",
        ],
        ["glorot_uniform", "ones"],
    ),
    ("weight_scale", 1e-3, [1e-6, 10], [0, 9.9e-7, 10.001, -1e-3]),
    ("bias", "normal", ["normal", "constant"], ["zeros"]),
    ("bias_scale", 1e-3, [-10, 0, 10], [-10.001, 10.001]),
    ("objective", "first", ["first", "all"], ["last"]),
    ("batch", 1, [1, 256], [0, 257]),
    ("optimizer", "sgd", ["sgd", "momentum", "rmsprop", "adam", "adamw"], ["lion"]),
    ("learning_rate", 1e-3, [1e-6, 10], [0, 9.9e-7, 10.001, -1e-3]),
    ("clip", 4.5, [0, 1e-6, 1e6], [9.9e-7, 1.001e6, -1]),
    ("steps", 10_000, [1, 5_000_000], [0, 5_000_001]),
    ("seed", 0, [0, 2**31 - 1], [-1, 2**31]),
]

ALLOWED = [(name, value) for name, _, allowed, _ in TABLE for value in allowed]
REFUSED = [(name, value) for name, _, _, refused in TABLE for value in refused]


def test_the_table_is_the_whole_experiment() -> None:
    names = [name for name, *_ in TABLE]
    assert [f.name for f in fields(Experiment)] == names
    assert list(BOUNDS) == list(ABOUT) == list(DEFAULTS) == names
    assert all(about.endswith(".") for about in ABOUT.values())


@pytest.mark.parametrize(("name", "default"), [row[:2] for row in TABLE])
def test_the_default_is_the_question_s(name: str, default: Any) -> None:
    assert getattr(Experiment(), name) == DEFAULTS[name] == default


@pytest.mark.parametrize(("name", "value"), ALLOWED)
def test_a_bound_is_still_allowed(name: str, value: Any) -> None:
    assert getattr(Experiment(**{name: value}), name) == value


def assert_refused(name: str, value: Any) -> None:
    """The message names the field, the bound and what came."""
    with pytest.raises(ValueError, match=f"^{name} must be ") as caught:
        Experiment(**{name: value})
    message = str(caught.value)
    assert message.endswith(f", not {value!r}")
    bound = BOUNDS[name]
    named = bound.options if isinstance(bound, Choice) else (bound.low, bound.high)
    figures = message.removesuffix(f", not {value!r}").replace(",", "")
    for limit in named:
        assert re.search(rf"(?<![\w.]){re.escape(written(limit))}(?![\w.])", figures), message


def written(limit: float | str) -> str:
    return f"{limit:g}" if isinstance(limit, float) else str(limit)


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_beyond_a_bound_is_an_error_that_names_field_bound_and_value(name: str, value: Any) -> None:
    assert_refused(name, value)


# What is no number, whatever the bounds say; numpy.True_ and one-entry arrays become one quietly.
NO_NUMBERS = [
    math.nan,
    math.inf,
    -math.inf,
    True,
    False,
    np.True_,
    "3",
    b"3",
    None,
    1j,
    [3],
    np.array(3),
    np.array([3]),
    10**400,
    np.float32("nan"),
]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda v: repr(v)[:20])
@pytest.mark.parametrize("name", [n for n, b in BOUNDS.items() if not isinstance(b, Choice)])
def test_what_is_no_finite_number_is_refused(name: str, value: Any) -> None:
    assert_refused(name, value)


@pytest.mark.parametrize("value", [3.0, 3.5, np.float64(3), np.array(3.7)], ids=repr)
@pytest.mark.parametrize("name", [n for n, b in BOUNDS.items() if isinstance(b, Whole)])
def test_a_fraction_is_no_whole_number(name: str, value: Any) -> None:
    assert_refused(name, value)


@pytest.mark.parametrize("value", [3, None, True, ["relu"], b"relu"], ids=repr)
@pytest.mark.parametrize("name", [n for n, b in BOUNDS.items() if isinstance(b, Choice)])
def test_only_a_name_is_a_name(name: str, value: Any) -> None:
    assert_refused(name, value)


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint16])
def test_numpy_integers_become_python_s(kind: Any) -> None:
    experiment = Experiment(layers=kind(3), learning_rate=kind(1))
    assert experiment == Experiment(layers=3, learning_rate=1)
    assert type(experiment.layers) is int
    assert type(experiment.learning_rate) is float


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_numpy_floats_become_python_s(kind: Any) -> None:
    experiment = Experiment(bias_scale=kind(0.5))
    assert experiment == Experiment(bias_scale=0.5)
    assert type(experiment.bias_scale) is float


def test_equal_experiments_are_equal_keys() -> None:
    one, other = (
        Experiment(layers=3, clip=0, bias_scale=-0.0),
        Experiment(3, clip=0.0, bias_scale=0),
    )
    assert one == other
    assert hash(one) == hash(other)
    assert len({one, other, Experiment()}) == 2
    # Negative zero would be a second link to one experiment.
    assert math.copysign(1, one.bias_scale) == 1


def test_an_experiment_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Experiment().layers = 3  # type: ignore[misc]


def test_a_changed_copy_is_checked_too() -> None:
    with pytest.raises(ValueError, match=r"^width must be a whole number from 1 to 64, not 65$"):
        replace(Experiment(), width=65)


@pytest.mark.parametrize("name", DEFAULTS)
def test_what_is_written_of_a_default_can_be_read_again(name: str) -> None:
    assert BOUNDS[name].parse(str(DEFAULTS[name])) == DEFAULTS[name]


@pytest.mark.parametrize(("name", "value"), ALLOWED)
def test_what_is_written_of_a_bound_can_be_read_again(name: str, value: Any) -> None:
    assert BOUNDS[name].parse(str(value)) == value


@pytest.mark.parametrize(
    "text",
    ["", " ", "x", "nan", "inf", "-inf", "1e999", "0x2", "1_0", "٣", "--2", "9" * 5000, "2 3"],
    ids=lambda text: repr(text)[:12],
)
@pytest.mark.parametrize("name", [n for n, b in BOUNDS.items() if not isinstance(b, Choice)])
def test_text_that_is_no_number_in_bounds_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be .*, not "):
        BOUNDS[name].parse(text)


def test_a_bound_says_when_zero_means_off() -> None:
    assert str(Real(1, 2, or_zero=True)) == "0 (off), or a number from 1 to 2"
    assert str(Real(1, 2)) == "a number from 1 to 2"


def test_the_presets_are_the_story_s_networks() -> None:
    assert PRESETS["two_layers"] == Experiment()
    assert PRESETS["three_layers"] == Experiment(layers=3)
    assert len(set(PRESETS.values())) == len(PRESETS)
    cure, weights, bias = PRESETS["cure"], PRESETS["scale_only"], PRESETS["bias_only"]
    # The two halves make the whole.
    assert cure == replace(weights, bias=bias.bias, bias_scale=bias.bias_scale)
    assert {e.layers for e in (cure, weights, bias)} == {3}
    for experiment in PRESETS.values():
        for name, bound in BOUNDS.items():
            assert bound.check(getattr(experiment, name)) == getattr(experiment, name)
