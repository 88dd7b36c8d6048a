"""The chain-rule panel's factors, against the gradient that the compiled loop measured."""

from __future__ import annotations

from itertools import product as pairs

import numpy as np
import pytest

from model.chain import factors, product
from model.experiment import ACTIVATIONS, OPTIMIZERS, Experiment
from model.run import Run


def measured(run: Run) -> float:
    return float(np.linalg.norm(run.gradients["W"].astype(np.float64)))


@pytest.mark.parametrize("layers", range(2, 9))
def test_the_factors_multiply_to_the_measured_gradient(layers: int) -> None:
    for weights in ("normal", "he_normal"):
        run = Run.at(Experiment(layers=layers, weights=weights, bias_scale=1e-2), 0)
        for steps in (0, 1, 6, 200):
            run.advance(steps)
            found = factors(run)
            assert len(found) == 2 + 2 * (layers - 1) + 1
            assert product(found) == pytest.approx(measured(run), rel=0.01)
            assert measured(run) > 0


@pytest.mark.parametrize(
    ("optimizer", "activation"),
    [*zip(OPTIMIZERS, ACTIVATIONS, strict=False), ("adam", "sigmoid"), ("sgd", "linear")],
)
def test_the_factors_are_those_of_the_parameters_before_the_last_update(
    optimizer: str, activation: str
) -> None:
    run = Run(
        Experiment(
            layers=3,
            weights="xavier_normal",
            optimizer=optimizer,
            activation=activation,
            learning_rate=0.02,
            clip=0.1,
        )
    )
    for _ in range(20):
        run.advance(1)
        assert product(factors(run)) == pytest.approx(measured(run), rel=0.01)


def test_each_factor_is_what_its_name_says() -> None:
    experiment = Experiment(layers=3, weights="xavier_uniform", bias_scale=0.1)
    before, run = Run.at(experiment, 300), Run.at(experiment, 301)
    x = run.inputs(300, 301)[0]
    w = before.parameters
    first = x @ w["W"] + w["b"]
    second = np.maximum(first, 0) @ w["W1"] + w["b1"]
    found = {factor.name: factor for factor in factors(run)}
    assert found["input"].value == pytest.approx(abs(float(x[0])))
    assert found["error"].value == pytest.approx(2 * abs(float(before.estimate(x)[0] - x[0])))
    assert found["W2"].value == pytest.approx(float(np.linalg.norm(w["W2"])), rel=1e-5)
    arriving = w["W2"][:, 0]
    share = np.linalg.norm(arriving[second > 0]) / np.linalg.norm(arriving)
    assert found["open 2"].value == pytest.approx(float(share), rel=1e-5)
    assert found["open 2"].label.startswith(f"{(second > 0).sum()} of 16")
    assert found["open 1"].label.startswith(f"{(first > 0).sum()} of 16")


def test_a_zero_stands_only_where_the_way_is_closed() -> None:
    run = Run.at(Experiment(layers=4, weights="xavier_uniform", bias="constant", bias_scale=-5), 1)
    found = factors(run)
    assert product(found) == measured(run) == 0
    assert [f.name for f in found if f.value == 0] == ["open 3", "open 2", "open 1"]


@pytest.mark.parametrize(("batch", "objective"), list(pairs((1, 4), ("first", "all"))))
def test_a_sum_over_several_inputs_is_not_sold_as_a_product(batch: int, objective: str) -> None:
    run = Run.at(Experiment(weights="xavier_uniform", batch=batch, objective=objective), 3)
    if batch > 1 and objective == "all":
        assert factors(run) == ()
    else:
        assert product(factors(run)) == pytest.approx(measured(run), rel=0.01)


def test_a_run_without_a_finite_gradient_has_no_factors() -> None:
    with pytest.raises(LookupError):
        factors(Run(Experiment()))
    diverged = Run.at(Experiment(weights="xavier_uniform", learning_rate=10, clip=0), 1_000)
    assert diverged.diverged is not None
    assert factors(diverged) == ()
