"""The initial parameters: the law that each name promises, and what a seed fixes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model import Experiment
from model.experiment import WEIGHTS
from model.initializers import initial_parameters
from model.network import split, tensors_of

WIDE = Experiment(layers=8, width=64)
FAN = 64.0  # of the square matrices, in and out


def drawn(experiment: Experiment) -> dict[str, NDArray[np.float32]]:
    return split(initial_parameters(experiment), tensors_of(experiment))


def square_matrices(experiment: Experiment) -> NDArray[np.float64]:
    """Entries of the six matrices [64, 64]: 24,576 numbers."""
    parameters = drawn(experiment)
    return np.stack([parameters[f"W{k}"] for k in range(1, 7)]).astype(np.float64)


SPREADS: Mapping[str, float] = {
    "normal": WIDE.weight_scale,
    "xavier_uniform": sqrt(2 / (FAN + FAN)),  # Glorot & Bengio 2010, eq. 16
    "xavier_normal": sqrt(2 / (FAN + FAN)),  # eq. 12
    "he_uniform": sqrt(2 / FAN),  # He et al. 2015, eq. 10
    "he_normal": sqrt(2 / FAN),
    "lecun_normal": sqrt(1 / FAN),  # LeCun et al. 1998, eq. 16
    "orthogonal": sqrt(1 / FAN),  # rows of length one
    "zeros": 0.0,
}

# Fourth moment over the squared second: of a uniform law, of a normal one, and of a normal one
# cut at two spreads, which is what Keras draws under these names.
KURTOSIS = {
    "normal": 3.0,
    "xavier_uniform": 1.8,
    "he_uniform": 1.8,
    "xavier_normal": 2.37,
    "he_normal": 2.37,
    "lecun_normal": 2.37,
}


def test_every_name_that_can_be_chosen_has_a_law_here() -> None:
    assert tuple(SPREADS) == WEIGHTS


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_have_the_mean_and_the_spread_of_their_law(name: str) -> None:
    w = square_matrices(replace(WIDE, weights=name))
    # Of 24,576 draws: three percent are six standard errors, four are four.
    assert w.std() == pytest.approx(SPREADS[name], rel=0.03)
    assert abs(w.mean()) <= 4 * SPREADS[name] / sqrt(w.size)


@pytest.mark.parametrize("name", KURTOSIS)
def test_weights_have_the_shape_of_their_law(name: str) -> None:
    w = square_matrices(replace(WIDE, weights=name))
    assert (w**4).mean() / (w**2).mean() ** 2 == pytest.approx(KURTOSIS[name], rel=0.05)
    if name.endswith("uniform"):
        assert np.abs(w).max() == pytest.approx(sqrt(3) * SPREADS[name], rel=1e-3)


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("xavier_uniform", 2 / 65),
        ("xavier_normal", 2 / 65),
        ("he_uniform", {"W": 2 / 1, "W1": 2 / 64}),
        ("he_normal", {"W": 2 / 1, "W1": 2 / 64}),
        ("lecun_normal", {"W": 1 / 1, "W1": 1 / 64}),
    ],
)
def test_fan_in_and_fan_out_are_those_of_the_outer_matrices(
    name: str, variance: float | dict[str, float]
) -> None:
    # W is [1, 64], W1 of two layers is [64, 1]: laws that know only one of the fans differ.
    fields = {"width": 64, "weights": name}
    seeds = [drawn(Experiment(seed=seed, **fields)) for seed in range(20)]  # type: ignore[arg-type]
    for tensor in ("W", "W1"):
        law = variance[tensor] if isinstance(variance, dict) else variance
        assert np.var([one[tensor] for one in seeds]) == pytest.approx(law, rel=0.2)


def test_orthogonal_weights_keep_lengths_and_angles() -> None:
    for w in square_matrices(replace(WIDE, weights="orthogonal")):
        np.testing.assert_allclose(w.T @ w, np.eye(64), atol=1e-5)
    outer = drawn(replace(WIDE, weights="orthogonal"))
    assert np.linalg.norm(outer["W"]) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(outer["W7"]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 10.0])
def test_the_scale_of_normal_weights_is_their_standard_deviation(scale: float) -> None:
    assert square_matrices(replace(WIDE, weight_scale=scale)).std() == pytest.approx(
        scale, rel=0.03
    )


@pytest.mark.parametrize("name", [name for name in WEIGHTS if name != "normal"])
def test_the_scale_is_for_normal_weights_only(name: str) -> None:
    one, other = (
        initial_parameters(replace(WIDE, weights=name, weight_scale=s)) for s in (1e-6, 10)
    )
    np.testing.assert_array_equal(one, other)


def biases(experiment: Experiment) -> NDArray[np.float32]:
    return np.concatenate([b for name, b in drawn(experiment).items() if name.startswith("b")])


@pytest.mark.parametrize("scale", [1e-3, 0.1, 10, -0.1])
def test_normal_biases_have_the_spread_of_their_scale(scale: float) -> None:
    fields: dict[str, Any] = {"bias": "normal", "bias_scale": scale}
    b = np.concatenate([biases(replace(WIDE, seed=seed, **fields)) for seed in range(5)])
    assert b.std() == pytest.approx(abs(scale), rel=0.1)  # 2,245 draws: six standard errors
    assert abs(b.mean()) <= 4 * abs(scale) / sqrt(b.size)


@pytest.mark.parametrize("scale", [0.1, 0, -10])
def test_constant_biases_are_the_constant(scale: float) -> None:
    assert (biases(replace(WIDE, bias="constant", bias_scale=scale)) == np.float32(scale)).all()


def test_normal_biases_of_scale_zero_are_zero() -> None:
    assert (biases(replace(WIDE, bias_scale=0)) == 0).all()


def test_the_same_seed_draws_the_same_parameters_again() -> None:
    one = initial_parameters(WIDE)
    assert one.dtype == np.float32
    np.testing.assert_array_equal(one, initial_parameters(WIDE))


@pytest.mark.parametrize("name", [name for name in WEIGHTS if name != "zeros"])
def test_another_seed_draws_others_and_so_does_each_tensor_of_a_network(name: str) -> None:
    one = drawn(replace(WIDE, weights=name, seed=1))
    other = drawn(replace(WIDE, weights=name, seed=2))
    for tensor, values in one.items():
        assert not np.array_equal(values, other[tensor])
    entries = np.concatenate([values.ravel() for values in one.values()])
    # Of 25,153 entries of a common law some coincide in float32; of repeated tensors thousands.
    assert entries.size - np.unique(entries).size < 500


def test_experiments_of_one_seed_share_the_tensors_that_they_have_in_common() -> None:
    three, eight = drawn(Experiment(layers=3, seed=5)), drawn(Experiment(layers=8, seed=5))
    for name in ("W", "b", "W1", "b1"):
        np.testing.assert_array_equal(three[name], eight[name])
    two = drawn(Experiment(layers=2, seed=5))
    for name in ("W", "b"):
        np.testing.assert_array_equal(two[name], three[name])


def test_half_a_cure_leaves_the_other_half_as_it_was() -> None:
    plain = drawn(Experiment(layers=3))
    xavier = drawn(Experiment(layers=3, weights="xavier_uniform"))
    biased = drawn(Experiment(layers=3, bias="constant", bias_scale=0.1))
    for name, values in plain.items():
        same, changed = (biased, xavier) if name.startswith("W") else (xavier, biased)
        np.testing.assert_array_equal(values, same[name])
        assert not np.array_equal(values, changed[name])
