"""A run against other people's training loops: graph-mode TensorFlow, Keras, NumPy by hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from model import Experiment, Run
from model.experiment import ACTIVATIONS

Arrays = Mapping[str, NDArray[Any]]

# Share of a tensor's largest entry by which two loops may differ.
TOLERANCE = 1e-4

XAVIER: dict[str, Any] = {"weights": "xavier_uniform", "bias": "constant", "bias_scale": 0.1}


class Agreement:
    """How far two loops are apart, step by step, as a share of each tensor's largest entry.

    Every gradient is proportional to the error, and an estimate that is right to four digits
    leaves three or four of float32's seven to the error. So the bound holds for the largest entry
    that the tensor ever had at all steps, and for the step's own largest at nine of ten.
    """

    def __init__(self) -> None:
        self._largest: dict[str, float] = defaultdict(float)
        self._steps: list[float] = []

    def look(
        self,
        ours: tuple[Arrays, Arrays, float],
        theirs: tuple[Arrays, Arrays, float],
    ) -> None:
        """Compare parameters after a step, its gradients before clipping and its loss."""
        (values, gradients, loss), expected = ours, self._named(*theirs)
        worst = 0.0
        for name, array in self._named(values, gradients, loss).items():
            off, largest = np.abs(array - expected[name]).max(), np.abs(expected[name]).max()
            self._largest[name] = max(self._largest[name], largest)
            assert off <= TOLERANCE * self._largest[name], (
                f"{name} is off by {off:.2g} at step {len(self._steps) + 1}"
            )
            worst = max(worst, off / largest if largest else off)
        self._steps.append(worst)

    def conclude(self, steps: int) -> None:
        """Hold it to what its docstring says of steps of their own."""
        assert len(self._steps) == steps
        assert np.quantile(self._steps, 0.9) <= TOLERANCE

    @staticmethod
    def _named(values: Arrays, gradients: Arrays, loss: float) -> Arrays:
        assert list(values) == list(gradients)
        return {
            **values,
            **{f"gradient of {name}": array for name, array in gradients.items()},
            "loss": np.array(loss),
        }


def graph_mode(
    layers: int, initial: Arrays, xs: NDArray[np.float32], rate: float, clip: float
) -> Iterator[tuple[Arrays, Arrays, float]]:
    """Parameters, raw gradients and loss after each step, trained as the question's script does."""
    v1 = tf.compat.v1
    graph = tf.Graph()
    with graph.as_default():
        x = v1.placeholder(tf.float32, [1, 1])
        variables = {
            name: v1.get_variable(name, initializer=value, use_resource=True)
            for name, value in initial.items()
        }
        names = list(variables)
        output = x
        for weight, bias in zip(names[::2], names[1::2], strict=True):
            output = tf.matmul(output, variables[weight]) + variables[bias]
            if bias != names[-1]:
                output = tf.nn.relu(output)
        loss = tf.square(x - 2 * output)[0, 0]
        optimizer = v1.train.GradientDescentOptimizer(rate)
        pairs = optimizer.compute_gradients(loss, list(variables.values()))
        clipped = [(tf.clip_by_value(g, -clip, clip), v) for g, v in pairs] if clip else pairs
        train = optimizer.apply_gradients(clipped)
        with tf.control_dependencies([train]):
            after = {name: variable.read_value() for name, variable in variables.items()}
        gradients = {name: g for name, (g, _) in zip(names, pairs, strict=True)}
        begin = v1.global_variables_initializer()
    assert len(names) == 2 * layers
    # Not entered: between two yields the caller's graph is the default one.
    session = v1.Session(graph=graph)
    session.run(begin)
    step = session.make_callable([after, gradients, loss], feed_list=[x])
    for row in xs:
        yield tuple(step(row[None]))
    session.close()


@pytest.mark.parametrize("clip", [0.0, 0.02], ids=["unclipped", "clipped"])
@pytest.mark.parametrize("start", [{}, XAVIER], ids=["normal", "xavier"])
@pytest.mark.parametrize("layers", [2, 3])
def test_every_step_of_a_thousand_is_that_of_graph_mode_tensorflow(
    layers: int, start: dict[str, Any], clip: float
) -> None:
    experiment = Experiment(layers=layers, clip=clip, seed=7, **start)
    run = Run(experiment)
    theirs = graph_mode(
        layers, run.parameters, run.inputs(0, 1_000), experiment.learning_rate, clip
    )
    agreement, bitten = Agreement(), 0
    for expected in theirs:
        run.advance(1)
        agreement.look((run.parameters, run.gradients, run.loss), expected)
        bitten += any(np.abs(gradient).max() > clip for gradient in expected[1].values())
    agreement.conclude(1_000)
    assert clip == 0 or bitten > 500, "this clip does not bite: the test would prove nothing"


Function = Callable[[NDArray[np.float64]], Any]


def gelu(z: NDArray[np.float64]) -> NDArray[np.float64]:
    # The tanh form.
    tanh: NDArray[np.float64] = np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))
    return z / 2 * (1 + tanh)


def central_difference(f: Function) -> Function:
    return lambda z: (f(z + 1e-6) - f(z - 1e-6)) / 2e-6


# Each activation with its derivative, in float64.
BY_HAND: Mapping[str, tuple[Function, Function]] = {
    "relu": (lambda z: z * (z > 0), lambda z: 1.0 * (z > 0)),
    "leaky_relu": (lambda z: np.where(z > 0, z, 0.2 * z), lambda z: np.where(z > 0, 1, 0.2)),
    "elu": (
        lambda z: np.where(z > 0, z, np.exp(np.minimum(z, 0)) - 1),
        lambda z: np.where(z > 0, 1, np.exp(np.minimum(z, 0))),
    ),
    "gelu": (gelu, central_difference(gelu)),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (
        lambda z: 1 / (1 + np.exp(-z)),
        lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2,
    ),
    "linear": (lambda z: z, np.ones_like),
}


def by_hand(
    parameters: Arrays, x: NDArray[np.float64], activation: str, objective: str
) -> tuple[float, dict[str, NDArray[np.float64]]]:
    """Loss and gradients of one step: the chain rule, layer by layer, in float64."""
    f, derivative = BY_HAND[activation]
    names = list(parameters)
    pairs = list(zip(names[::2], names[1::2], strict=True))
    entered, sums = [], []  # what came into each layer, and its weighted sums
    h = x[:, None]
    for weight, bias in pairs:
        entered.append(h)
        sums.append(h @ parameters[weight] + parameters[bias])
        h = f(sums[-1])
    error = 2 * sums[-1][:, 0] - x
    counted = np.zeros_like(x)
    counted[: 1 if objective == "first" else None] = 1
    counted /= counted.sum()
    # d loss / d the last layer's sums
    delta = (counted * 2 * error * 2)[:, None]
    gradients = {}
    for k in reversed(range(len(pairs))):
        weight, bias = pairs[k]
        gradients[weight], gradients[bias] = entered[k].T @ delta, delta.sum(0)
        if k:
            delta = (delta @ parameters[weight].T) * derivative(sums[k - 1])
    return float(counted @ error**2), {name: gradients[name] for name in names}


HE: dict[str, Any] = {"weights": "he_normal", "bias": "constant", "bias_scale": 0.1}

KINDS = [
    *(Experiment(layers=3, activation=a, objective="all", batch=8, **XAVIER) for a in ACTIVATIONS),
    Experiment(layers=3, objective="first", batch=8, **XAVIER),
    Experiment(layers=8, **HE),
    Experiment(layers=8, activation="tanh", objective="all", batch=4, **XAVIER),
    Experiment(layers=2, width=1, objective="all", batch=256, activation="gelu", **XAVIER),
    Experiment(layers=5, width=64, **HE),
]


@pytest.mark.parametrize(
    "experiment",
    KINDS,
    ids=lambda e: f"{e.layers}x{e.width}-{e.activation}-{e.objective}-of-{e.batch}",
)
def test_every_kind_of_network_trains_as_the_chain_rule_by_hand(experiment: Experiment) -> None:
    run = Run.at(experiment, 60)
    parameters = {name: w.astype(np.float64) for name, w in run.history.at(0).values.items()}
    agreement = Agreement()
    for step, x in enumerate(run.inputs(0, 60).astype(np.float64), start=1):
        loss, gradients = by_hand(parameters, x, experiment.activation, experiment.objective)
        for name, gradient in gradients.items():
            clipped = np.clip(gradient, -experiment.clip, experiment.clip)
            parameters[name] -= experiment.learning_rate * clipped
        if step in run.history.steps:  # of a wide network not every one is remembered
            agreement.look(seen(run, step), (parameters, gradients, loss))
    agreement.conclude(len(run.history) - 1)


def seen(run: Run, step: int) -> tuple[Arrays, Arrays, float]:
    snapshot = run.history.at(step)
    assert snapshot.step == step
    return snapshot.values, snapshot.gradients, snapshot.loss


KERAS: Mapping[str, Callable[..., Any]] = {
    "sgd": keras.optimizers.SGD,
    "momentum": lambda **given: keras.optimizers.SGD(momentum=0.9, **given),
    "rmsprop": keras.optimizers.RMSprop,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
}


def keras_loop(
    name: str, initial: Arrays, xs: NDArray[np.float32], **given: float
) -> Iterator[tuple[Arrays, Arrays, float]]:
    """Parameters, raw gradients and loss after each step of the loop that a Keras user writes."""
    variables = {key: tf.Variable(value) for key, value in initial.items()}
    *hidden, (last_weight, last_bias) = zip(*[iter(variables.values())] * 2, strict=True)
    optimizer = KERAS[name](**given)
    for x in xs:
        with tf.GradientTape() as tape:
            h = x[:, None]
            for weight, bias in hidden:
                h = tf.nn.relu(h @ weight + bias)
            loss = tf.reduce_mean((x[:, None] - 2 * (h @ last_weight + last_bias)) ** 2)
        gradients = tape.gradient(loss, list(variables.values()))
        optimizer.apply_gradients(zip(gradients, variables.values(), strict=True))
        yield (
            {key: variable.numpy() for key, variable in variables.items()},
            {key: g.numpy() for key, g in zip(variables, gradients, strict=True)},
            float(loss),
        )


@pytest.mark.parametrize("clip", [0.0, 0.05], ids=["unclipped", "clipped"])
@pytest.mark.parametrize("optimizer", KERAS)
def test_a_run_with_each_optimizer_is_the_loop_a_keras_user_writes(
    optimizer: str, clip: float
) -> None:
    experiment = Experiment(
        layers=3, optimizer=optimizer, objective="all", batch=4, clip=clip, **XAVIER
    )
    run = Run.at(experiment, 25)
    given = {"learning_rate": experiment.learning_rate} | ({"clipvalue": clip} if clip else {})
    theirs = keras_loop(optimizer, run.history.at(0).values, run.inputs(0, 25), **given)
    agreement = Agreement()
    for step, expected in enumerate(theirs, start=1):
        agreement.look(seen(run, step), expected)
    agreement.conclude(25)
