"""The training loop: one compiled function per kind of network, shared by everybody.

``advance(experiment, state, steps) -> (state, snapshots)`` is pure and speaks NumPy, so that it
can run in this process or in another one, for anyone, any number of times.

Inside, one call trains a block of steps: a ``tf.while_loop`` over the block's snapshots around a
``tf.while_loop`` over steps, compiled by XLA. XLA compiles once per shape, hence blocks of one
fixed length, partly filled; and everything numeric is an argument, hence no setting compiles.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from model.activations import ACTIVATIONS
from model.experiment import MOST_STEPS, Experiment
from model.graph import Graph
from model.history import first_looks, stride_at
from model.initializers import initial_parameters
from model.inputs import inputs
from model.network import GAIN, estimate, hidden, size_of, tensors, tensors_of
from model.optimizers import OPTIMIZERS
from model.state import Float32, Float64, Snapshots, State
from model.xla import set_flags

set_flags()

# Snapshots that one call can take; a block that wants more is cut.
RECORDS = 16

_TRACES = 0
_TRACED = threading.Lock()


def traces() -> int:
    """How many functions this process has traced so far; each trace is one compilation."""
    return _TRACES


@cache
def _compiled(graph: Graph) -> Any:
    """The compiled function that trains one block of steps of ``graph``.

    Its arguments: parameters ``[P]``, slots ``[S, P]``, inputs ``[block, batch]``, the number of
    the block's first step, the block's ``ends`` ``[RECORDS + 1]`` (segment k goes from ``ends[k]``
    to ``ends[k + 1]``, counted in the block), how many segments there are, learning rate, clip
    limit and optimizer constants. Its results: slots; parameters, gradients and loss at the end
    of each segment ``[RECORDS, 2 P + 1]``; squared gradients and loss summed over each segment
    ``[RECORDS, P + 1]``.
    """
    layout = tensors(graph.layers, graph.width)
    size = layout[-1].stop
    optimizer = OPTIMIZERS[graph.optimizer]
    float32, float64, int32 = tf.float32, tf.float64, tf.int32

    def loss_at(w: Mapping[str, Any], x: Any) -> Any:
        estimate = _forward(graph, w, x)
        if graph.objective == "first":
            return tf.square(x[0] - estimate[0])
        return tf.reduce_mean(tf.square(x - estimate))

    def block(
        parameters: Any,
        slots: Any,
        xs: Any,
        first: Any,
        ends: Any,
        segments: Any,
        rate: Any,
        clip: Any,
        constants: Any,
    ) -> Any:
        global _TRACES
        with _TRACED:
            _TRACES += 1

        def step(i: Any, w: Any, slots: Any, squares: Any, losses: Any, *_: Any) -> Any:
            # Tensor by tensor: the gradient of a slice is as long as what it is a slice of.
            parts = {t.name: tf.reshape(w[t.start : t.stop], t.shape) for t in layout}
            with tf.GradientTape() as tape:
                tape.watch(parts)
                loss = loss_at(parts, xs[i])
            gradients = tape.gradient(loss, parts)
            gradient = tf.concat([tf.reshape(gradients[t.name], [-1]) for t in layout], 0)
            clipped = tf.clip_by_value(gradient, -clip, clip)
            w, slots = optimizer.update(w, clipped, slots, first + i, rate, constants)
            # In float64 the square of a float32 cannot overflow, so that the sums are finite as
            # long as every step was: one look at them tells of a whole block.
            squares += tf.square(tf.cast(gradient, float64))
            losses += tf.cast(loss, float64)
            return i + 1, w, slots, squares, losses, gradient, loss

        def segment(k: Any, w: Any, slots: Any, seen: Any, sums: Any) -> Any:
            zeros = (tf.zeros([size], float64), tf.zeros([], float64))
            _, w, slots, squares, losses, gradient, loss = tf.while_loop(
                lambda i, *_: i < ends[k + 1],
                step,
                (ends[k], w, slots, *zeros, tf.zeros([size]), tf.zeros([])),
            )
            row = tf.concat([w, gradient, loss[None]], 0)
            seen = tf.tensor_scatter_nd_update(seen, [[k]], [row])
            row = tf.concat([squares, losses[None]], 0)
            sums = tf.tensor_scatter_nd_update(sums, [[k]], [row])
            return k + 1, w, slots, seen, sums

        _, _, slots, seen, sums = tf.while_loop(
            lambda k, *_: k < segments,
            segment,
            (
                tf.constant(0),
                parameters,
                [slots[n] for n in range(optimizer.slots)],
                tf.zeros([RECORDS, 2 * size + 1]),
                tf.zeros([RECORDS, size + 1], float64),
            ),
        )
        return (tf.stack(slots) if slots else tf.zeros([0, size])), seen, sums

    function = tf.function(
        block,
        jit_compile=True,
        autograph=False,
        input_signature=[
            tf.TensorSpec([size], float32),
            tf.TensorSpec([optimizer.slots, size], float32),
            tf.TensorSpec([graph.block, graph.batch], float32),
            tf.TensorSpec([], int32),
            tf.TensorSpec([RECORDS + 1], int32),
            tf.TensorSpec([], int32),
            tf.TensorSpec([], float32),
            tf.TensorSpec([], float32),
            tf.TensorSpec([len(optimizer.constants)], float32),
        ],
    )
    return function.get_concrete_function()


def activate(activation: str, z: Any) -> Any:
    """An activation of the sums ``z``, in TensorFlow."""
    row = ACTIVATIONS[activation]
    return getattr(tf.nn, row.in_tensorflow)(z, **row.options) if row.in_tensorflow else z


def _forward(graph: Graph, w: Mapping[str, Any], x: Any) -> Any:
    """The estimates ``[batch]`` of inputs ``x [batch]``; :mod:`model.network` has the formula."""
    h = x[:, None]
    for k in range(graph.layers - 1):
        suffix = str(k or "")
        h = activate(graph.activation, h @ w["W" + suffix] + w["b" + suffix])
    last = str(graph.layers - 1)
    return GAIN * (h @ w["W" + last] + w["b" + last])[:, 0]


def advance(experiment: Experiment, state: State | None, steps: int) -> tuple[State, Snapshots]:
    """Train ``steps`` more steps; a pure function, the same to the bit however it is cut.

    Parameters
    ----------
    experiment
        What to train.
    state
        Where the run stands; ``None`` begins it.
    steps
        How many steps to go on, 0 or more. A run that diverges stops at the step that did.

    Returns
    -------
    The new state, and the snapshots taken on the way: at every multiple of the stride that
    history will keep at the end (:func:`model.history.stride_at`), at the end itself, and, when
    the run begins, at step 0.
    """
    seen: list[_Records] = []
    if state is None:
        state, records = _begin(experiment)
        seen.append(records)
    end = state.step if state.diverged else state.step + steps
    stride = stride_at(experiment, end)
    last, taken = _blocks(experiment, state, end, stride)
    if last.step < end:
        # Again as far as it was finite, at the stride that history keeps of a run of that length.
        end = last.step + 1
        stride = stride_at(experiment, end)
        last, taken = _blocks(experiment, state, last.step, stride)
        bad, records = _train(experiment, last, end, stride)
        last = replace(bad, diverged=_origin(experiment, last, bad))
        taken.append(records)
    return last, _snapshots(experiment, [*seen, *taken], stride)


@dataclass(frozen=True)
class _Records:
    """What the compiled function saw at the end of each of its n segments."""

    steps: NDArray[np.int64]  # [n]
    values: Float32  # [n, P]
    gradients: Float32  # [n, P]
    loss: Float32  # [n]
    squares: Float64  # [n, P], summed over the segment
    losses: Float64  # [n], summed over the segment

    def last_state(self, slots: Float32) -> State:
        return State(
            step=int(self.steps[-1]),
            parameters=self.values[-1],
            slots=slots,
            gradients=self.gradients[-1],
            loss=float(self.loss[-1]),
        )


def _begin(experiment: Experiment) -> tuple[State, _Records]:
    """Step 0: the initial parameters, and the gradient that the first step is going to take.

    Its squared gradients and its loss are means over the run's first batches: a step that goes
    nowhere (learning rate 0) looks at each.
    """
    parameters = initial_parameters(experiment)
    slots = np.zeros((OPTIMIZERS[experiment.optimizer].slots, parameters.size), np.float32)
    start = State(0, parameters, slots, np.zeros_like(parameters), 0.0)
    looks = first_looks(experiment)
    _, seen = _call(experiment, start, 0.0, [1, looks])
    records = _Records(
        steps=np.zeros(1, np.int64),
        values=parameters[None],
        gradients=seen.gradients[:1],
        loss=seen.loss[:1],
        squares=seen.squares.sum(axis=0, keepdims=True) / looks,
        losses=seen.losses.sum(keepdims=True) / looks,
    )
    return records.last_state(slots), records


def _train(experiment: Experiment, state: State, end: int, stride: int) -> tuple[State, _Records]:
    """One call of the compiled function: towards ``end``, as far as one block goes."""
    stop = min(end, state.step + Graph.of(experiment).block)
    marks = range((state.step // stride + 1) * stride, stop, stride)
    return _call(experiment, state, experiment.learning_rate, [*marks[:RECORDS], stop][:RECORDS])


def _call(
    experiment: Experiment, state: State, rate: float, stops: Sequence[int]
) -> tuple[State, _Records]:
    """One call of the compiled function, looking at each of ``stops``."""
    graph = Graph.of(experiment)
    xs = np.zeros((graph.block, graph.batch), np.float32)
    xs[: stops[-1] - state.step] = inputs(experiment, state.step, stops[-1])
    ends = np.zeros(RECORDS + 1, np.int32)
    ends[1 : len(stops) + 1] = np.array(stops) - state.step
    slots, seen, sums = _compiled(graph)(
        tf.constant(state.parameters),
        tf.constant(state.slots),
        tf.constant(xs),
        tf.constant(state.step, tf.int32),
        tf.constant(ends),
        tf.constant(len(stops), tf.int32),
        tf.constant(rate, tf.float32),
        tf.constant(experiment.clip or np.inf, tf.float32),
        tf.constant(OPTIMIZERS[experiment.optimizer].constants, tf.float32),
    )
    size, n = state.parameters.size, len(stops)
    # Copies: the arrays that TensorFlow lends are read-only, and as long as the whole block.
    seen, sums = seen.numpy()[:n], sums.numpy()[:n]
    records = _Records(
        steps=np.array(stops, np.int64),
        values=seen[:, :size].copy(),
        gradients=seen[:, size:-1].copy(),
        loss=seen[:, -1].copy(),
        squares=sums[:, :size].copy(),
        losses=sums[:, -1].copy(),
    )
    return records.last_state(slots.numpy().copy()), records


def _blocks(
    experiment: Experiment, state: State, end: int, stride: int
) -> tuple[State, list[_Records]]:
    """Block after block up to ``end``, or up to the last step before one that is not finite.

    In the second case the records of the block that was not finite are left out.
    """
    seen: list[_Records] = []
    while state.step < end:
        reached, records = _train(experiment, state, end, stride)
        if not _finite(reached, records):
            return _last_finite(experiment, state, reached.step), seen
        state = reached
        seen.append(records)
    return state, seen


def _finite(reached: State, records: _Records) -> bool:
    """Whether all that the steps of a block computed was finite."""
    # The sums, the parameters and the slots keep a NaN or an infinity that any step brought.
    kept = (records.squares, records.losses, records.values, reached.slots)
    return all(bool(np.isfinite(a).all()) for a in kept)


def _last_finite(experiment: Experiment, before: State, after: int) -> State:
    """The last finite state between ``before``, which is, and step ``after``, which is not.

    What is not finite stays so (see :func:`_finite`), hence halving finds it.
    """
    good = before
    while after - good.step > 1:
        middle = (good.step + after) // 2
        state, records = _train(experiment, before, middle, MOST_STEPS)
        if _finite(state, records):
            good = state
        else:
            after = middle
    return good


def _origin(experiment: Experiment, good: State, bad: State) -> str:
    """Where the first NaN or infinity stood, in the order of computation."""
    layout = tensors_of(experiment)
    x = inputs(experiment, good.step, good.step + 1)[0]
    for k, outputs in enumerate(hidden(experiment, good.parameters, x)):
        if not np.isfinite(outputs).all():
            return f"the output of W{k or ''}"
    if not np.isfinite(estimate(experiment, good.parameters, x)).all():
        return f"the output of W{experiment.layers - 1}"
    if not np.isfinite(bad.loss):
        return "the loss"
    optimizer = f"what {experiment.optimizer} remembers of "
    for what, vectors in (
        ("the gradient of ", bad.gradients),
        (optimizer, bad.slots),
        ("", bad.parameters),
    ):
        for tensor in reversed(layout):
            if not np.isfinite(vectors[..., tensor.start : tensor.stop]).all():
                return what + tensor.name
    raise AssertionError("a step that is not finite has an entry that is not")


def _snapshots(experiment: Experiment, seen: Sequence[_Records], stride: int) -> Snapshots:
    """What history is to see of the records: those on its stride, and the last one."""
    if not seen:
        none = np.zeros((0, size_of(experiment)), np.float32)
        sums = none.astype(np.float64)
        return Snapshots(none[:, 0].astype(np.int64), none[:, 0], none, none, sums, sums[:, 0])
    steps, values, gradients, loss, squares, losses = (
        np.concatenate([getattr(records, f.name) for records in seen]) for f in fields(_Records)
    )
    kept = steps % stride == 0
    kept[-1] = True
    # Sums of records that are left out (a block's end) go to the next one that is kept.
    groups = np.concatenate([[0], np.flatnonzero(kept)[:-1] + 1])
    return Snapshots(
        steps[kept],
        loss[kept],
        values[kept],
        gradients[kept],
        np.add.reduceat(squares, groups, axis=0),
        np.add.reduceat(losses, groups),
    )
