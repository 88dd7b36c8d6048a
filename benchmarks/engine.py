"""How fast one network trains: against other ways to write the loop, by size, and by its parts.

python -m benchmarks.engine            # measures, prints, and writes docs/benchmarks.md
python -m benchmarks.engine --quick    # a part of it in about a minute; writes nothing
"""

from __future__ import annotations

import ctypes
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks._report import figure, in_turn, measured, median_ratio, resident, seconds, table
from model import trainer
from model.experiment import ACTIVATIONS, OPTIMIZERS, PRESETS, Experiment
from model.graph import BLOCK, Graph
from model.history import stride_at
from model.initializers import initial_parameters
from model.inputs import inputs
from model.network import GAIN, split, tensors_of
from model.run import Run
from model.state import Float32
from model.trainer import traces

ROUNDS = 5

# Steps that a contestant takes a round: about half a second of three layers for each, so that all
# meet the same share of what else the machine does.
STEPS = {
    "the question's own loop": 3_000,
    "TensorFlow eager, GradientTape": 300,
    "Keras train_on_batch": 800,
    "tf.function, a call a step": 2_000,
    "NumPy by hand": 15_000,
    "Run.advance": 1_000_000,
    "C by hand": 2_000_000,
}
QUESTION, RUN, C = "the question's own loop", "Run.advance", "C by hand"

Take = Callable[[int], object]


# --- The contestants: each takes n steps of the experiment from its initial parameters -----------


def question(experiment: Experiment) -> Take:
    """The question's script: graph mode, one ``session.run`` a step, fetching what it fetches."""
    v1 = tf.compat.v1
    parts = split(initial_parameters(experiment), tensors_of(experiment))
    with tf.Graph().as_default():
        x = v1.placeholder(tf.float32, [None, 1])
        w = {
            name: v1.get_variable(name, initializer=value, use_resource=False)
            for name, value in parts.items()
        }
        h = x
        for k in range(experiment.layers - 1):
            h = tf.nn.relu(tf.matmul(h, w[f"W{k or ''}"]) + w[f"b{k or ''}"])
        last = experiment.layers - 1
        estimate = GAIN * tf.gather_nd(tf.matmul(h, w[f"W{last}"]) + w[f"b{last}"], [[0, 0]])
        distance = tf.reduce_sum(tf.square(tf.gather_nd(x, [[0, 0]]) - estimate))
        optimizer = v1.train.GradientDescentOptimizer(experiment.learning_rate)
        gradients = optimizer.compute_gradients(distance, list(w.values()))
        clipped = [
            (tf.clip_by_value(g, -experiment.clip, experiment.clip), v) for g, v in gradients
        ]
        fetches = [optimizer.apply_gradients(clipped), x, w["W"], distance]
        session = v1.Session()
        session.run(v1.global_variables_initializer())
    generator = np.random.default_rng(0)

    def take(steps: int) -> None:
        for _ in range(steps):
            session.run(fetches, {x: 2 * generator.random((1, 1)) - 1})

    return take


def _variables(experiment: Experiment) -> list[Any]:
    parts = split(initial_parameters(experiment), tensors_of(experiment))
    return [tf.Variable(value) for value in parts.values()]


def _tape_step(experiment: Experiment, w: list[Any], x: Any) -> Any:
    with tf.GradientTape() as tape:
        h = x
        for k in range(experiment.layers - 1):
            h = tf.nn.relu(h @ w[2 * k] + w[2 * k + 1])
        loss = tf.reduce_sum(tf.square(x - GAIN * (h @ w[-2] + w[-1])))
    for v, g in zip(w, tape.gradient(loss, w), strict=True):
        v.assign_sub(
            experiment.learning_rate * tf.clip_by_value(g, -experiment.clip, experiment.clip)
        )
    return loss


def eager(experiment: Experiment) -> Take:
    w, xs = _variables(experiment), inputs(experiment, 0, STEPS[QUESTION])

    def take(steps: int) -> None:
        for n in range(steps):
            _tape_step(experiment, w, tf.constant(xs[n : n + 1]))

    return take


def function(experiment: Experiment) -> Take:
    w, xs = _variables(experiment), inputs(experiment, 0, STEPS[QUESTION])
    step = tf.function(lambda x: _tape_step(experiment, w, x), autograph=False)

    def take(steps: int) -> None:
        for n in range(steps):
            float(step(tf.constant(xs[n : n + 1])))

    return take


def keras_loop(experiment: Experiment) -> Take:
    layers = [
        *(keras.layers.Dense(experiment.width, "relu") for _ in range(experiment.layers - 1)),
        keras.layers.Dense(1),
        keras.layers.Rescaling(GAIN),
    ]
    network = keras.Sequential([keras.Input((1,)), *layers])
    parts = split(initial_parameters(experiment), tensors_of(experiment))
    network.set_weights(list(parts.values()))
    network.compile(
        keras.optimizers.SGD(experiment.learning_rate, clipvalue=experiment.clip), "mse"
    )
    xs = inputs(experiment, 0, STEPS[QUESTION])

    def take(steps: int) -> None:
        for n in range(steps):
            network.train_on_batch(xs[n : n + 1], xs[n : n + 1])

    return take


def numpy_loop(experiment: Experiment) -> Take:
    clip, rate, last = experiment.clip, np.float32(experiment.learning_rate), experiment.layers - 1
    parts = split(initial_parameters(experiment), tensors_of(experiment))
    weights = [parts[f"W{k or ''}"] for k in range(last + 1)]
    biases = [parts[f"b{k or ''}"] for k in range(last + 1)]
    xs = inputs(experiment, 0, STEPS["NumPy by hand"])

    def take(steps: int) -> None:
        for x in xs[:steps]:
            outputs = [x]
            for w, b in zip(weights[:-1], biases[:-1], strict=True):
                outputs.append(np.maximum(outputs[-1] @ w + b, 0))
            error = x - 2 * (outputs[-1] @ weights[-1] + biases[-1])
            delta = -4 * error
            for k in range(last, -1, -1):
                gradient = np.outer(outputs[k], delta)
                below = weights[k] @ delta * (outputs[k] > 0)
                weights[k] -= rate * np.clip(gradient, -clip, clip)
                biases[k] -= rate * np.clip(delta, -clip, clip)
                delta = below

    return take


def compiled_c(experiment: Experiment, folder: Path) -> Take | None:
    """The loop in C, compiled for this very network; ``None`` where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    library = folder / f"loop-{experiment.layers}-{experiment.width}.so"
    source = Path(__file__).with_name("loop.c")
    shape = [f"-DLAYERS={experiment.layers}", f"-DWIDTH={experiment.width}"]
    flags = ["-O3", "-march=native", "-fopenmp-simd", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, *shape, "-o", str(library), str(source)], check=True)
    train = ctypes.CDLL(str(library)).train
    floats = np.ctypeslib.ndpointer(np.float32, flags="C_CONTIGUOUS")
    train.argtypes = [floats, floats, ctypes.c_long, ctypes.c_float, ctypes.c_float]
    train.restype = ctypes.c_float

    def after(steps: int) -> Float32:
        parameters = initial_parameters(experiment)
        train(parameters, xs, steps, experiment.learning_rate, experiment.clip)
        return parameters

    # The limit counts only if it does the same work.
    xs = inputs(experiment, 0, STEPS[C])[:, 0].copy()
    np.testing.assert_allclose(
        after(1_000), Run.at(experiment, 1_000).state.parameters, rtol=1e-4, atol=1e-6
    )
    return after


def contestants(experiment: Experiment, folder: Path) -> dict[str, Take]:
    built: dict[str, Take | None] = {
        QUESTION: question(experiment),
        "TensorFlow eager, GradientTape": eager(experiment),
        "Keras train_on_batch": keras_loop(experiment),
        "tf.function, a call a step": function(experiment),
        "NumPy by hand": numpy_loop(experiment),
        RUN: lambda steps: Run(experiment).advance(steps),
        C: compiled_c(experiment, folder),
    }
    return {name: take for name, take in built.items() if take is not None}


# --- The tables ----------------------------------------------------------------------------------


def speeds(quick: bool) -> Iterator[str]:
    """(a) Steps a second, each way to write the loop, for 2, 3 and 8 layers."""
    yield "### Ways to write the same loop\n"
    yield (
        "Batch 1, width 16, SGD; a step of the same network on the same kind of inputs. "
        "`Run.advance` draws the inputs, sums all gradients and keeps its history (of 1,000,000 "
        f"steps {len(Run.at(Experiment(), STEPS[RUN]).history)} snapshots of at most 101); the "
        "others do not."
    )
    for layers in (3,) if quick else (2, 3, 8):
        experiment = Experiment(layers=layers)
        with tempfile.TemporaryDirectory() as folder:
            found = contestants(experiment, Path(folder))
            for take in found.values():
                take(20)  # what is compiled or cached at first does not count
            steps = {name: STEPS[name] // (10 if quick else 1) for name in found}
            turns = {name: partial(take, steps[name]) for name, take in found.items()}
            taken = in_turn(turns, ROUNDS)
        each = {name: [t / steps[name] for t in times] for name, times in taken.items()}
        yield f"\n**{layers} layers**\n"
        yield table(
            ["", "µs a step", "steps a second", "`Run.advance` is faster by"],
            [
                [
                    name,
                    figure(1e6 * statistics.median(times)),
                    figure(1 / statistics.median(times)),
                    figure(median_ratio(times, each[RUN])),
                ]
                for name, times in each.items()
            ],
        )
        if C in each:
            ratio = figure(median_ratio(each[RUN], each[C]))
            yield f"\n`Run.advance` takes {ratio} times as long as C."
        else:
            yield "\nNo C compiler was found on this machine: the limit was not measured."


def parts(quick: bool) -> Iterator[str]:
    """The fixed cost of a call, taken apart: ten steps of three layers, everything warm."""
    experiment = Experiment(layers=3)
    graph, run = Graph.of(experiment), Run.at(experiment, 2_000)
    state, end = run.state, run.step + 10
    stride = stride_at(experiment, end)
    arguments = _arguments(experiment, graph)
    compiled = trainer._compiled(graph)
    results = compiled(*arguments)
    _, records = trainer._train(experiment, state, end, stride)

    def whole() -> float:
        return seconds(lambda: run.advance(10))

    pieces: dict[str, Callable[[], object]] = {
        "inputs drawn": lambda: inputs(experiment, state.step, end),
        "arguments handed to TensorFlow": lambda: _arguments(experiment, graph),
        "the compiled function": partial(compiled, *arguments),
        "results copied out": lambda: [r.numpy().copy() for r in results],
        "snapshots made": lambda: trainer._snapshots(experiment, [records], stride),
    }
    repeats = 100 if quick else 1_000
    totals, engine = [], []
    costs: dict[str, list[float]] = {name: [] for name in pieces}
    for _ in range(repeats):
        totals.append(whole())
        engine.append(seconds(lambda: trainer.advance(experiment, state, 10)))
        for name, piece in pieces.items():
            costs[name].append(seconds(piece))
    total = statistics.median(totals)
    medians = {name: statistics.median(times) for name, times in costs.items()}
    rest = statistics.median(engine) - sum(medians.values())
    medians["the rest of `trainer.advance`"] = rest
    medians["history, and `Run` itself"] = total - statistics.median(engine)
    yield "\n### The fixed cost of a call: `advance(10)`, three layers, warm\n"
    yield table(
        ["", "µs", "share"],
        [
            *([name, figure(1e6 * t), f"{t / total:.0%}"] for name, t in medians.items()),
            ["**`Run.advance(10)`**, median", f"**{figure(1e6 * total)}**", ""],
            ["the same, 95th percentile", figure(1e6 * float(np.percentile(totals, 95))), ""],
        ],
    )


def _arguments(experiment: Experiment, graph: Graph) -> list[Any]:
    """What a call of ten steps hands to the compiled function."""
    parameters = initial_parameters_once(experiment)
    ends = np.zeros(trainer.RECORDS + 1, np.int32)
    ends[1] = 10
    return [
        tf.constant(parameters),
        tf.constant(np.zeros((0, parameters.size), np.float32)),
        tf.constant(np.zeros((graph.block, graph.batch), np.float32)),
        tf.constant(0, tf.int32),
        tf.constant(ends),
        tf.constant(1, tf.int32),
        tf.constant(experiment.learning_rate, tf.float32),
        tf.constant(experiment.clip, tf.float32),
        tf.constant((), tf.float32),
    ]


_DRAWN: dict[Experiment, Float32] = {}


def initial_parameters_once(experiment: Experiment) -> Float32:
    if experiment not in _DRAWN:
        _DRAWN[experiment] = initial_parameters(experiment)
    return _DRAWN[experiment]


def growth(quick: bool) -> Iterator[str]:
    """(b) How the cost of a step grows."""
    base = Experiment(layers=3, weights="he_normal")
    widths, batches = (1, 4, 16, 32, 64), (1, 4, 16, 64, 256)
    cases: dict[str, dict[str, Experiment]] = {
        "layers": {
            str(n): Experiment(layers=n, weights="he_normal")
            for n in ((2, 3, 8) if quick else range(2, 9))
        },
        "width": {
            str(n): Experiment(layers=3, weights="he_normal", width=n)
            for n in ((1, 64) if quick else widths)
        },
        "batch, objective all": {
            str(n): Experiment(layers=3, weights="he_normal", batch=n, objective="all")
            for n in ((1, 256) if quick else batches)
        },
    }
    yield "\n### How the cost of a step grows\n"
    yield "`Run.advance`; everything else as in three layers, width 16, batch 1."
    for what, experiments in cases.items():
        runs = {}
        for name, experiment in [("", base), *experiments.items()]:
            runs[name] = Run.at(experiment, 1)
        steps = {n: 200_000 // (r.experiment.batch * 10 if quick else 1) for n, r in runs.items()}
        steps = {
            n: max(2_000, min(s, 200_000 // runs[n].experiment.batch)) for n, s in steps.items()
        }
        turns = {n: partial(run.advance, steps[n]) for n, run in runs.items()}
        taken = in_turn(turns, 3 if quick else ROUNDS)
        each = {n: [t / steps[n] for t in times] for n, times in taken.items()}
        yield ""
        yield table(
            [what, *experiments],
            [
                ["µs a step", *(figure(1e6 * statistics.median(each[n])) for n in experiments)],
                [
                    "against three layers",
                    *(figure(median_ratio(each[n], each[""])) for n in experiments),
                ],
            ],
        )
    yield from _snapshots(base)


def _snapshots(base: Experiment) -> Iterator[str]:
    """One block of 16,384 steps with more and more snapshots in it."""
    steps, counts = BLOCK, (1, 4, 16, 64, 256)
    state, _ = trainer.advance(base, None, 1)

    def block(stride: int) -> None:
        now = state
        while now.step < 1 + steps:
            now, _ = trainer._train(base, now, 1 + steps, stride)

    taken = in_turn({str(n): partial(block, steps // n) for n in counts}, 5 * ROUNDS)
    yield ""
    yield table(
        [f"snapshots in {steps:,} steps", *taken],
        [
            ["ms", *(figure(1e3 * statistics.median(times)) for times in taken.values())],
            ["against one", *(figure(median_ratio(times, taken["1"])) for times in taken.values())],
        ],
    )


def compilation(quick: bool) -> Iterator[str]:
    """(c) What a graph costs once, and how many there are after mixed use."""
    generator = np.random.default_rng(4)
    trainer._compiled.cache_clear()
    presets = ("two_layers", "three_layers", "whole_batch", "adam")
    kinds = {f"preset {name}": PRESETS[name] for name in presets}
    kinds |= {f"{layers} layers": Experiment(layers=layers) for layers in (5, 8)}
    rows = [(name, seconds(partial(Run(e).advance, 1))) for name, e in kinds.items()]
    yield "\n### Compilation\n"
    yield table(["first call of a graph", "seconds"], [[n, figure(t)] for n, t in rows])
    before, memory = traces(), resident()
    visits, seen, compiling, start = 60 if quick else 600, set(), 0.0, time.perf_counter()
    for _ in range(visits):
        experiment = _visit(generator)
        taken = seconds(partial(Run(experiment).advance, 100))
        compiling += 0 if Graph.of(experiment) in seen else taken
        seen.add(Graph.of(experiment))
    yield (
        f"\nMixed use, {visits:,} experiments as readers choose them (mostly the presets' kinds, "
        f"now and then another depth, width, activation or optimizer): {len(seen)} kinds of "
        f"network, {traces() - before} graphs compiled, in {compiling:.0f} of "
        f"{time.perf_counter() - start:.0f} s, {resident() - memory:.0f} MiB. Learning rate, "
        "scale, seed, clip and steps compile nothing."
    )


def _visit(generator: np.random.Generator) -> Experiment:
    """What a reader might look at: three in four stay with a preset's kind and turn its numbers."""
    numbers: dict[str, Any] = {
        "seed": int(generator.integers(1_000)),
        "weight_scale": float(10 ** generator.uniform(-4, 0)),
        "learning_rate": float(10 ** generator.uniform(-4, -2)),
    }
    if generator.random() < 0.75:
        return Experiment(layers=int(generator.choice([2, 3])), **numbers)
    return Experiment(
        layers=int(generator.integers(2, 9)),
        width=int(generator.choice([8, 16, 32])),
        activation=str(generator.choice(ACTIVATIONS[:3])),
        optimizer=str(generator.choice(OPTIMIZERS)),
        **numbers,
    )


if __name__ == "__main__":
    measured("engine", "One network", __doc__, speeds, parts, growth, compilation)
