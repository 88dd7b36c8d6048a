"""The script: one run as a file of its own, which needs NumPy, TensorFlow and Keras only.

It is to be read as much as to be run, so it holds what its run uses and nothing else: the one
activation, the one optimizer, the one objective. Numbers stand at its top, by name.

Its numbers are those of :class:`model.Run`, as a rule to the last bit. XLA fuses arithmetic by the
shape of the program, and a fused sum rounds differently; so the script has the trainer's shape
where it matters: all parameters in one vector, and one loop whose length is not known beforehand.
"""

from __future__ import annotations

from math import ceil
from string import Template
from textwrap import wrap

from model.activations import ACTIVATIONS
from model.describe import describe
from model.experiment import Experiment
from model.optimizers import OPTIMIZERS
from model.xla import FLAGS

# Numbers that one call of the script's train() is handed: 8 MB while they are drawn.
_INPUTS_PER_CALL = 1_000_000

_TEMPLATE = Template('''\
"""The Middle Layer, one run from nothing but the numbers below.

$title
It needs TensorFlow, which brings NumPy and Keras. Its loss is the page's to the last digit with
TensorFlow 2.21 on the same kind of processor; others round differently, which long runs can tell.
What to change first: $advice.
"""

import os
from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf

# The page's own: other machine code rounds differently, which long runs can tell.
os.environ["XLA_FLAGS"] = (
    $xla_flags
)

LAYERS = $layers  # weight matrices; the question is what one more of them does
WIDTH = $width  # units in each hidden layer
BATCH = $batch  # inputs that a step sees
STEPS = $steps
STEPS_PER_CALL = $per_call  # how many of them one call of train() takes
LEARNING_RATE = $rate
${clip_constant}\
SEED = $seed  # another seed draws other initial weights and other inputs

sizes = [1, *[WIDTH] * (LAYERS - 1), 1]
shapes = [s for fan_in, fan_out in pairwise(sizes) for s in ((fan_in, fan_out), (fan_out,))]
tensors = []
for i, shape in enumerate(shapes):
    seed = int(np.random.SeedSequence((SEED, i)).generate_state(1)[0])
    if len(shape) == 2:  # weights; others: GlorotUniform (Xavier), HeNormal, Orthogonal
        initializer = keras.initializers.$weights
    else:  # bias
        initializer = keras.initializers.$bias
    tensors.append(initializer(shape))

# All parameters in one vector: then the gradient and the optimizer's step are one line each.
parameters = tf.Variable(tf.concat([tf.reshape(t, [-1]) for t in tensors], axis=0))
optimizer = keras.optimizers.$optimizer
optimizer.build([parameters])


def estimate(parameters, x):
    """Return the network's answers to the inputs x, both of shape [n]: twice its output."""
    parts = tf.split(parameters, [int(np.prod(shape)) for shape in shapes])
    parts = [tf.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]
    h = x[:, None]
    for W, b in zip(parts[:-2:2], parts[1:-2:2], strict=True):
        h = $activation
    W, b = parts[-2:]
    return 2.0 * (h @ W + b)[:, 0]


@tf.function(jit_compile=True)  # one step at a time from Python would take a thousand times longer
def train(xs, steps):
    """Take a step for each of the first rows of xs, and return the loss of the last one."""
    loss = tf.constant(0.0)
    for i in tf.range(steps):
        x = xs[i]
        with tf.GradientTape() as tape:
            loss = $objective
        gradient = tape.gradient(loss, parameters)
${clip_line}\
        optimizer.apply([gradient], [parameters])
    return loss


rng = np.random.Generator(np.random.Philox(SEED))
tenths = 0
for step in range(0, STEPS, STEPS_PER_CALL):
    xs = 2.0 * rng.random((STEPS_PER_CALL, BATCH)) - 1.0  # uniform on [-1, 1)
    end = min(step + STEPS_PER_CALL, STEPS)
    loss = train(tf.constant(xs, tf.float32), tf.constant(end - step))
    if 10 * end // STEPS > tenths:
        tenths = 10 * end // STEPS
        print(f"step {end:>9,}   loss {float(loss):.9g}")

exact = tf.cast(parameters, tf.float64)  # through many layers float32 loses its last digits
for x in np.linspace(-0.9, 0.9, 10, dtype=np.float32):
    answer = estimate(exact, tf.constant([x], tf.float64))
    print(f"input {x:+.1f}   estimate {float(answer[0]):+.9g}")
''')

_WEIGHTS = {
    "normal": "RandomNormal(0.0, {scale}, seed=seed)",
    "xavier_uniform": "GlorotUniform(seed=seed)",
    "xavier_normal": "GlorotNormal(seed=seed)",
    "he_uniform": "HeUniform(seed=seed)",
    "he_normal": "HeNormal(seed=seed)",
    "lecun_normal": "LecunNormal(seed=seed)",
    "orthogonal": "Orthogonal(seed=seed)",
    "zeros": "Zeros()",
}
_BIAS = {"normal": "RandomNormal(0.0, {scale}, seed=seed)", "constant": "Constant({scale})"}
_OBJECTIVE = {
    "first": "tf.square(x[0] - estimate(parameters, x)[0])  # of the first input only",
    "all": "tf.reduce_mean(tf.square(x - estimate(parameters, x)))",
}


def script(experiment: Experiment, steps: int | None = None, url: str = "") -> str:
    """The source of a Python file that repeats the first ``steps`` steps of ``experiment``.

    Parameters
    ----------
    experiment
        What to train.
    steps
        How far, at least 1; ``None`` for all of ``experiment.steps``.
    url
        The run's link, for the file's first lines.

    Raises
    ------
    ValueError
        If ``steps`` is less than 1: the script of a run that has not begun would print nothing.
    """
    steps = experiment.steps if steps is None else steps
    if steps < 1:
        raise ValueError(f"a script takes at least 1 step, not {steps}")
    return _TEMPLATE.substitute(
        title="\n".join([*wrap(f"{describe(experiment, steps)}.", 99), *([url] if url else [])]),
        advice=_advice(experiment),
        xla_flags="\n    ".join(f'"{flag} "' for flag in FLAGS),
        layers=experiment.layers,
        width=experiment.width,
        batch=experiment.batch,
        steps=_whole(steps),
        per_call=_whole(_steps_per_call(steps, experiment.batch)),
        rate=repr(experiment.learning_rate),
        seed=_whole(experiment.seed),
        weights=_WEIGHTS[experiment.weights].format(scale=repr(experiment.weight_scale)),
        bias=_BIAS[experiment.bias].format(scale=repr(experiment.bias_scale)),
        activation=ACTIVATIONS[experiment.activation].source("h @ W + b"),
        objective=_OBJECTIVE[experiment.objective],
        optimizer=OPTIMIZERS[experiment.optimizer].source,
        clip_constant=_clip(
            experiment, f"CLIP = {experiment.clip!r}  # a gradient's largest entry\n"
        ),
        clip_line=_clip(experiment, "        gradient = tf.clip_by_value(gradient, -CLIP, CLIP)\n"),
    )


def _clip(experiment: Experiment, line: str) -> str:
    return line if experiment.clip else ""


def _whole(number: int) -> str:
    return f"{number:_}"


def _steps_per_call(steps: int, batch: int) -> int:
    """A tenth of the run, cut into equal parts where its inputs would fill the memory."""
    tenth = max(1, steps // 10)
    return ceil(tenth / ceil(tenth * batch / _INPUTS_PER_CALL))


def _advice(experiment: Experiment) -> str:
    """What a reader of this very run would want to try first."""
    if experiment.weights == "normal" and experiment.weight_scale < 0.1:
        return "the weights, to GlorotUniform(seed=seed), which wakes deep networks up"
    return "the weights, to RandomNormal(0.0, 1e-3, seed=seed); deep networks then sleep"
