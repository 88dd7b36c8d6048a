"""Two experiments in words: every difference is named, and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.describe import LABELS, OPTIONS, differences, short, shown_name, tells_apart
from model.experiment import BOUNDS, PRESETS, Choice, Experiment, Whole
from model.initializers import initial_parameters

BASE = Experiment(layers=3)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "nothing: they are the same"),
        ({"layers": 4}, "one more layer of 16×16"),
        ({"layers": 2}, "one fewer layer of 16×16"),
        ({"layers": 6, "width": 8}, "3 more layers of 8×8 and width 8 instead of 16"),
        ({"weight_scale": 0.01}, "weights: σ 0.01 instead of 0.001"),
        (
            {"bias": "constant", "bias_scale": 0.1},
            "biases of 0.1 instead of biases from N(0, 0.001)",
        ),
        ({"weights": "zeros"}, "weights from zeros instead of N(0, 0.001)"),
        ({"learning_rate": 0.01}, "learning rate 0.01 instead of 0.001"),
        ({"seed": 2_147_483_647}, "seed 2,147,483,647 instead of 0"),
        ({"optimizer": "adam"}, "optimizer Adam instead of SGD"),
        ({"steps": 1_000_000}, "steps 1,000,000 instead of 10,000"),
    ],
)
def test_differences_are_named_as_people_name_them(fields: dict[str, Any], words: str) -> None:
    assert differences(BASE, replace(BASE, **fields)) == words


def test_the_cure_is_named_by_both_its_halves() -> None:
    words = differences(PRESETS["three_layers"], PRESETS["cure"])
    assert "weights from Xavier uniform" in words
    assert "biases of 0.1" in words


def test_a_scale_that_no_weight_is_drawn_with_makes_no_difference() -> None:
    one = Experiment(weights="he_normal", weight_scale=0.1)
    other = replace(one, weight_scale=0.2)
    assert (initial_parameters(one) == initial_parameters(other)).all()
    assert differences(one, other) == "nothing: they are the same"


def values_of(name: str) -> st.SearchStrategy[Any]:
    bound = BOUNDS[name]
    if isinstance(bound, Choice):
        return st.sampled_from(bound.options)
    if isinstance(bound, Whole):
        return st.integers(bound.low, min(bound.high, 900_000))
    # Numbers of two digits, which every way of writing keeps apart.
    return st.sampled_from(
        [x for x in (1e-5, 2e-3, 0.11, 0.5, 3.0) if bound.low <= x <= bound.high]
    )


EXPERIMENTS = st.builds(Experiment, **{name: values_of(name) for name in BOUNDS})


@given(EXPERIMENTS, EXPERIMENTS)
def test_any_two_experiments_can_be_told_apart_in_words(one: Experiment, other: Experiment) -> None:
    words = differences(one, other)
    for name in ("layers", "width", "activation", "optimizer", "batch", "clip", "seed"):
        label = " layer" if name == "layers" else rf"(^|, | and ){LABELS[name].lower()} "
        named = re.search(label, words) is not None
        assert named == (getattr(one, name) != getattr(other, name)), (name, words)


@given(EXPERIMENTS, st.data())
def test_lanes_that_differ_in_one_thing_have_different_titles(
    one: Experiment, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(BOUNDS)))
    other = replace(one, **{name: data.draw(values_of(name))})
    if differences(one, other) != "nothing: they are the same":
        assert tells_apart(one, other) != tells_apart(other, one)


def test_a_lane_is_called_by_what_it_was_given() -> None:
    weights, biases, cure = (PRESETS[name] for name in ("scale_only", "bias_only", "cure"))
    assert tells_apart(weights, biases) == "Xavier uniform"
    assert tells_apart(biases, weights) == "biases 0.1"
    tiny = PRESETS["three_layers"]
    assert tells_apart(tiny, cure) == "N(0, 0.001)"
    assert tells_apart(cure, tiny) == "Xavier uniform"


def test_every_field_and_every_option_has_words() -> None:
    assert set(LABELS) == set(BOUNDS)
    options = {o for bound in BOUNDS.values() if isinstance(bound, Choice) for o in bound.options}
    assert options == set(OPTIONS)


def test_the_last_pair_of_two_layers_is_named_as_in_the_question_and_no_other() -> None:
    names = ("W", "b", "W1", "b1", "open 1")
    assert [shown_name(2, name) for name in names] == ["W", "b", "W2", "b2", "open 1"]
    assert [shown_name(3, name) for name in names] == list(names)


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.25, "0.25"), (1.9e-3, "1.9e-3"), (99.4, "99"), (488.2, "488"), (1234.0, "1.2e3")],
)
def test_a_number_is_written_as_people_write_it(number: float, text: str) -> None:
    assert short(number) == text
    assert short(-number) == f"-{text}"


def test_what_is_no_number_is_said_in_words() -> None:
    assert short(float("inf")) == short(float("nan")) == "too large"
