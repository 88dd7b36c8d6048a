"""The network: names and shapes, its activations, and a forward pass written twice."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from model import Experiment, Run, activations, network, trainer
from model.experiment import ACTIVATIONS, BOUNDS, Whole
from model.history import Snapshot

DEPTHS = range(2, 9)


def parameters(experiment: Experiment, *leading: int, seed: int = 0) -> NDArray[np.float32]:
    size = network.size_of(experiment)
    normal = np.random.default_rng(seed).normal(size=(*leading, size))
    scaled: NDArray[np.float32] = (normal / np.sqrt(experiment.width)).astype(np.float32)
    return scaled


@pytest.mark.parametrize("layers", DEPTHS)
def test_tensors_are_named_and_shaped_as_the_question_does(layers: int) -> None:
    assert BOUNDS["layers"] == Whole(DEPTHS[0], DEPTHS[-1])
    shapes = {t.name: t.shape for t in network.tensors(layers, 5)}
    expected: dict[str, tuple[int, ...]] = {"W": (1, 5), "b": (5,)}
    for k in range(1, layers - 1):
        expected |= {f"W{k}": (5, 5), f"b{k}": (5,)}
    expected |= {f"W{layers - 1}": (5, 1), f"b{layers - 1}": (1,)}
    assert list(shapes.items()) == list(expected.items())
    assert [t.is_weight for t in network.tensors(layers, 5)] == [True, False] * layers


@pytest.mark.parametrize("width", [1, 2, 64])
@pytest.mark.parametrize("layers", DEPTHS)
def test_joining_undoes_splitting(layers: int, width: int) -> None:
    experiment = Experiment(layers=layers, width=width)
    layout = network.tensors_of(experiment)
    vector = parameters(experiment)
    parts = network.split(vector, layout)
    assert sum(part.size for part in parts.values()) == vector.size
    assert {name: part.shape for name, part in parts.items()} == {t.name: t.shape for t in layout}
    np.testing.assert_array_equal(network.join(parts, layout), vector)
    many = network.split(np.stack([vector, -vector]), layout)
    for t in layout:
        np.testing.assert_array_equal(many[t.name][1], -parts[t.name])
        assert t.size == parts[t.name].size


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"W1": None}, r"W1 must have shape \[16, 16\], not None"),
        ({"b2": np.zeros(2)}, r"b2 must have shape \[1\], not \(2,\)"),
        ({"W": np.zeros(16)}, r"W must have shape \[1, 16\], not \(16,\)"),
    ],
    ids=["missing", "too long", "flat"],
)
def test_joining_says_which_tensor_does_not_fit(change: dict[str, Any], message: str) -> None:
    layout = network.tensors(3, 16)
    parts = {t.name: np.zeros(t.shape) for t in layout} | change
    with pytest.raises(ValueError, match=message):
        network.join({name: p for name, p in parts.items() if p is not None}, layout)


# Keras' own functions; leaky_relu's slope and gelu's form are what the tables say they follow.
KERAS = {
    "leaky_relu": lambda x: keras.activations.leaky_relu(x, negative_slope=0.2),
    "gelu": lambda x: keras.activations.gelu(x, approximate=True),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_both_written_activations_are_that_of_keras(name: str) -> None:
    x = np.concatenate([np.linspace(-9, 9, 1001), [0, -0.0, -100, 100, 1e-20, -1e-20]])
    x = x.astype(np.float32)
    expected = KERAS.get(name, keras.activations.get(name))(tf.constant(x)).numpy()
    row = activations.ACTIVATIONS[name]
    ours, compiled = row.function(x), trainer.activate(name, tf.constant(x)).numpy()
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(compiled, expected, rtol=1e-5, atol=1e-6)
    with tf.GradientTape() as tape:
        z = tf.constant(x)
        tape.watch(z)
        answer = KERAS.get(name, keras.activations.get(name))(z)
    slopes = tape.gradient(answer, z).numpy()
    np.testing.assert_allclose(row.slope(x.astype(float)), slopes, rtol=1e-5, atol=1e-5)
    # Beyond these bounds nothing comes through.
    low, high = row.flat_outside
    far = np.float32([-1e9 if np.isinf(low) else low - 0.1, 1e9 if np.isinf(high) else high + 0.1])
    flat = np.isfinite([low, high])
    np.testing.assert_allclose(row.slope(far)[flat], 0, atol=1e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("layers", [2, 3, 8])
def test_the_page_s_estimate_is_the_trained_network_s(layers: int, activation: str) -> None:
    experiment = Experiment(
        layers=layers, activation=activation, weights="he_normal", bias_scale=0.3, batch=50
    )
    layout, x = network.tensors_of(experiment), np.linspace(-1, 1, 50, dtype=np.float32)
    for vector in parameters(experiment, 4):
        ours = network.estimate(experiment, vector, x)
        named = network.split(vector, layout)
        compiled = trainer._forward(trainer.Graph.of(experiment), named, tf.constant(x))
        assert ours.dtype == np.float32
        np.testing.assert_allclose(
            ours, compiled.numpy(), rtol=1e-5, atol=1e-5 * np.abs(ours).max()
        )


def test_the_estimate_of_a_network_by_hand() -> None:
    experiment = Experiment(layers=3, width=2)
    by_name = {
        "W": np.array([[1.0, -1]]),
        "b": np.array([0.0, 0.5]),
        "W1": np.array([[1.0, 2], [3, 4]]),
        "b1": np.array([-1.0, 0]),
        "W2": np.array([[1.0], [10]]),
        "b2": np.array([0.25]),
    }
    vector = network.join(by_name, network.tensors_of(experiment))
    x = np.array([-1.0, 0, 1], np.float32)
    # h = relu(x, 0.5 - x): (0, 1.5), (0, 0.5), (1, 0)
    # h1 = relu(h W1 + b1): (3.5, 6), (0.5, 2), (0, 2)
    first, second = network.hidden(experiment, vector, x)
    np.testing.assert_array_equal(first, [[0, 1.5], [0, 0.5], [1, 0]])
    np.testing.assert_array_equal(second, [[3.5, 6], [0.5, 2], [0, 2]])
    np.testing.assert_array_equal(
        network.estimate(experiment, vector, x),
        [2 * (3.5 + 60 + 0.25), 2 * (0.5 + 20 + 0.25), 2 * (20 + 0.25)],
    )


def test_many_networks_at_once_are_each_of_them_alone() -> None:
    experiment = Experiment(layers=4, width=7, activation="tanh")
    vectors, x = parameters(experiment, 2, 3), np.linspace(-1, 1, 11, dtype=np.float32)
    together = network.hidden(experiment, vectors, x)
    answers = network.estimate(experiment, vectors, x)
    assert answers.shape == (2, 3, 11)
    assert [h.shape for h in together] == [(2, 3, 11, 7)] * 3
    for index in np.ndindex(2, 3):
        alone = network.hidden(experiment, vectors[index], x)
        for one, other in zip(together, alone, strict=True):
            np.testing.assert_allclose(one[index], other, atol=1e-6)
        np.testing.assert_allclose(
            answers[index], network.estimate(experiment, vectors[index], x), atol=1e-6
        )


def test_the_loss_of_a_run_is_that_of_its_estimate() -> None:
    run = Run(Experiment(layers=3, width=1, weights="he_normal", bias_scale=0.1, batch=256))
    x = run.inputs(0, 1)[0]
    assert run.loss == pytest.approx(float((x - run.estimate(x))[0] ** 2), rel=1e-4)


def silent(experiment: Experiment, vector: NDArray[np.float32]) -> list[int]:
    return Snapshot(experiment, 0, 0.0, 0.0, vector, vector, vector, {}, 1).silent


def test_units_with_negative_biases_and_small_weights_are_all_counted_silent() -> None:
    run = Run(Experiment(layers=4, weight_scale=1e-6, bias="constant", bias_scale=-1))
    run.advance(0)
    assert run.history.at(0).silent == [16, 16, 16]


def test_silent_units_are_counted_layer_by_layer_and_only_when_always_silent() -> None:
    experiment = Experiment(layers=3, width=4)
    by_name = {t.name: np.zeros(t.shape) for t in network.tensors_of(experiment)}
    # Over [-1, 1]: never, always, on one side only, and never but at -1 itself.
    by_name["W"][:] = [[0.0, 0, 1, 1]]
    by_name["b"][:] = [1.0, -1, 0, 1]
    by_name["b1"][:] = [-1.0, -1, -1, 1e-30]
    vector = network.join(by_name, network.tensors_of(experiment))
    assert silent(experiment, vector) == [1, 3]


def test_a_unit_that_is_merely_small_or_not_a_number_is_not_silent() -> None:
    experiment = Experiment(layers=2, width=3, activation="sigmoid")
    assert silent(experiment, np.full(network.size_of(experiment), -9, np.float32)) == [0]
    assert silent(experiment, np.full(network.size_of(experiment), np.nan, np.float32)) == [0]
