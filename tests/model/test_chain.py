"""The chain's factors, against the gradient that the compiled loop measured."""

from __future__ import annotations

import numpy as np
import pytest

from model.chain import factors, product
from model.experiment import ACTIVATIONS, OPTIMIZERS, Experiment
from model.run import Run


def shown(run: Run, step: int | None = None) -> float:
    return run.history.at(run.step if step is None else step).rms["W"]


def without_rest(run: Run) -> float:
    """What NumPy makes of the gradient without a look at the one that was measured."""
    return product([factor for factor in factors(run) if factor.name != "rest"])


@pytest.mark.parametrize(
    ("layers", "batch", "objective"),
    [
        *[(layers, 1, "first") for layers in range(2, 9)],
        *[(2, 64, "all"), (3, 64, "first"), (3, 64, "all"), (3, 256, "all"), (8, 256, "all")],
    ],
)
def test_the_factors_multiply_to_the_shown_gradient(
    layers: int, batch: int, objective: str
) -> None:
    for weights in ("normal", "he_normal"):
        run = Run(
            Experiment(
                layers=layers, weights=weights, bias_scale=1e-2, batch=batch, objective=objective
            )
        )
        run.advance(0)
        # With nothing trained there is nothing for the rest to explain.
        assert without_rest(run) == pytest.approx(shown(run), rel=0.01)
        for steps in (1, 120):
            run.advance(steps)
            found = factors(run)
            assert [f.name for f in found][:2] == ["error", "doubling"]
            assert len(found) == 2 + 2 * (layers - 1) + 2
            assert product(found) == pytest.approx(shown(run), rel=1e-6)
            assert shown(run) > 0
        assert product(factors(run, 60)) == pytest.approx(shown(run, 60), rel=1e-6)


@pytest.mark.parametrize(
    ("optimizer", "activation"),
    [*zip(OPTIMIZERS, ACTIVATIONS, strict=False), ("adam", "sigmoid"), ("sgd", "linear")],
)
def test_nothing_but_the_network_s_motion_is_left_to_the_rest(
    optimizer: str, activation: str
) -> None:
    run = Run(
        Experiment(
            layers=3,
            weights="xavier_normal",
            optimizer=optimizer,
            activation=activation,
            learning_rate=1e-6,
            batch=4,
            objective="all",
        )
    )
    for steps in (0, 1, 200):
        run.advance(steps)
        assert without_rest(run) == pytest.approx(shown(run), rel=0.01)


def test_the_rest_of_a_sleeping_network_is_near_one() -> None:
    # Of 112 steps in which its last bias moved, and nothing else that one could see.
    run = Run.at(Experiment(layers=3), 5_000)
    assert without_rest(run) == pytest.approx(shown(run), rel=0.1)


def test_each_factor_is_what_its_name_says() -> None:
    run = Run.at(Experiment(layers=3, weights="xavier_uniform", bias_scale=0.1), 0)
    x = run.inputs(0, 256)
    w = run.parameters
    first = x @ w["W"] + w["b"]
    second = np.maximum(first, 0) @ w["W1"] + w["b1"]
    found = {factor.name: factor for factor in factors(run)}

    def rms(values: object) -> float:
        return float(np.sqrt(np.square(np.asarray(values, float)).mean()))

    error = 2 * (run.estimate(x) - x)
    assert found["error"].value == pytest.approx(rms(error))
    assert found["W2"].value == pytest.approx(rms(w["W2"]), rel=1e-5)
    arriving = error * w["W2"][:, 0]
    assert found["open 2"].value == pytest.approx(rms((second > 0) * arriving) / rms(arriving))
    assert found["open 2"].label.startswith(f"{(second > 0).sum(1).mean():.2g} of 16")
    assert found["open 1"].label.startswith(f"{(first > 0).sum(1).mean():.2g} of 16")


def test_a_zero_stands_only_where_the_way_is_closed() -> None:
    run = Run.at(Experiment(layers=4, weights="xavier_uniform", bias="constant", bias_scale=-5), 1)
    found = factors(run)
    assert product(found) == shown(run) == 0
    assert [f.name for f in found if f.value == 0] == ["open 3", "open 2", "open 1"]


def test_a_run_without_a_finite_gradient_has_no_factors() -> None:
    with pytest.raises(LookupError):
        factors(Run(Experiment()))
    diverged = Run.at(Experiment(weights="xavier_uniform", learning_rate=10, clip=0), 1_000)
    assert diverged.diverged is not None
    assert factors(diverged) == ()
