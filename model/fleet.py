"""Many networks at once: those of one graph that differ in scale, seed and learning rate.

A single network of the question's size leaves a processor's vector units nearly empty: most of a
step goes into starting its small operations. Here the network is the last axis of every tensor,
so that one operation does the same arithmetic for :data:`LANES` networks side by side.

Initial parameters and inputs are those of single runs, to the bit; sums are taken in another
order, so the rest agrees to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

import numpy as np
import tensorflow as tf

from model.atlas import Atlas, Looks, Networks, Plan, Spread, probed_steps
from model.evidence import SPAN
from model.experiment import Experiment
from model.graph import Graph
from model.history import PROBE
from model.initializers import initial_parameters
from model.inputs import inputs
from model.network import GAIN, estimate, tensors, tensors_of
from model.optimizers import OPTIMIZERS
from model.state import Float32
from model.trainer import activate

# Networks that one call trains: a multiple of the vector units' width, and few enough that the
# parameters of all of them stay in the processor's nearest caches. One number, so that XLA
# compiles one function per graph.
LANES = 32

# Steps that one call can take, and looks.
BLOCK = 4_096
RECORDS = 16


@cache
def _compiled(graph: Graph) -> Any:
    """The compiled function that trains one block of steps of ``LANES`` networks.

    Its arguments: parameters ``[P, LANES]``, slots ``[S, P, LANES]``, inputs
    ``[block, batch, LANES]``, the number of the block's first step, the ``ends`` of its segments
    and how many there are (as in :mod:`model.trainer`, but the first may begin later in the
    block), learning rates and clip limits ``[LANES]``, optimizer constants. Its results:
    parameters; slots; the estimates at PROBE at the end of each segment ``[RECORDS, 41, LANES]``;
    W's squared gradient entries, mean over W, summed over each segment ``[RECORDS, LANES]``.
    """
    layout = tensors(graph.layers, graph.width)
    size = layout[-1].stop
    optimizer = OPTIMIZERS[graph.optimizer]
    float32, float64, int32 = tf.float32, tf.float64, tf.int32

    def named(flat: Any) -> list[Any]:
        return [tf.reshape(flat[t.start : t.stop], (*t.shape, LANES)) for t in layout]

    def joined(parts: Sequence[Any]) -> Any:
        return tf.concat([tf.reshape(part, [-1, LANES]) for part in parts], 0)

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
        def step(i: Any, w: Any, slots: Any, squares: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(w)
                # Networks share nothing: the gradient of the sum holds the gradient of each.
                errors = tf.square(xs[i] - _forward(graph, w, xs[i]))
                loss = tf.reduce_sum(tf.reduce_mean(errors, 0))
            gradients = tape.gradient(loss, w)
            # W's squares in float64: at eight layers they are far below float32's smallest number.
            squares += tf.square(tf.cast(gradients[0], float64))
            clipped = [tf.clip_by_value(g, -clip, clip) for g in gradients]
            updated = [
                optimizer.update(*part, first + i, rate, constants)
                for part in zip(w, clipped, slots, strict=True)
            ]
            return i + 1, [new for new, _ in updated], [memory for _, memory in updated], squares

        def segment(k: Any, w: Any, slots: Any, seen: Any, sums: Any) -> Any:
            _, w, slots, squares = tf.while_loop(
                lambda i, *_: i < ends[k + 1],
                step,
                (ends[k], w, slots, tf.zeros([1, graph.width, LANES], float64)),
            )
            looked = _forward(graph, w, tf.repeat(PROBE[:, None], LANES, 1))
            seen = tf.tensor_scatter_nd_update(seen, [[k]], [looked])
            mean = tf.reduce_mean(squares, [0, 1])
            return k + 1, w, slots, seen, tf.tensor_scatter_nd_update(sums, [[k]], [mean])

        memories = [named(slots[n]) for n in range(optimizer.slots)]
        _, w, slots, seen, sums = tf.while_loop(
            lambda k, *_: k < segments,
            segment,
            (
                tf.constant(0),
                named(parameters),
                [[memory[t] for memory in memories] for t in range(len(layout))],
                tf.zeros([RECORDS, len(PROBE), LANES]),
                tf.zeros([RECORDS, LANES], float64),
            ),
        )
        memories = [joined([slot[n] for slot in slots]) for n in range(optimizer.slots)]
        stacked = tf.stack(memories) if memories else tf.zeros([0, size, LANES])
        return joined(w), stacked, seen, sums

    function = tf.function(
        block,
        jit_compile=True,
        autograph=False,
        input_signature=[
            tf.TensorSpec([size, LANES], float32),
            tf.TensorSpec([optimizer.slots, size, LANES], float32),
            tf.TensorSpec([_block(graph), _seen_inputs(graph), LANES], float32),
            tf.TensorSpec([], int32),
            tf.TensorSpec([RECORDS + 1], int32),
            tf.TensorSpec([], int32),
            tf.TensorSpec([LANES], float32),
            tf.TensorSpec([LANES], float32),
            tf.TensorSpec([len(optimizer.constants)], float32),
        ],
    )
    return function.get_concrete_function()


def _forward(graph: Graph, w: Sequence[Any], x: Any) -> Any:
    """The estimates ``[batch, LANES]`` of inputs ``x [batch, LANES]``."""
    h = x[:, None]
    for k in range(graph.layers):
        # [batch, fan_in, 1, LANES] × [fan_in, fan_out, LANES]: a matrix product for each lane.
        h = tf.reduce_sum(h[:, :, None] * w[2 * k], 1) + w[2 * k + 1]
        if k < graph.layers - 1:
            h = activate(graph.activation, h)
    return GAIN * h[:, 0]


def _seen_inputs(graph: Graph) -> int:
    """How many inputs of a batch the objective looks at."""
    return graph.batch if graph.objective == "all" else 1


def _block(graph: Graph) -> int:
    """Steps a call can take: fewer for larger batches, whose inputs would be megabytes."""
    return max(64, BLOCK // _seen_inputs(graph))


def begin(experiments: Sequence[Experiment]) -> Networks:
    """The networks of the experiments at step 0, with the parameters of their single runs.

    Raises
    ------
    ValueError
        If there is none, or if they do not share a graph.
    """
    graphs = {Graph.of(e) for e in experiments}
    if len(graphs) != 1:
        raise ValueError(f"networks that train together must share a graph, not have {len(graphs)}")
    parameters = np.stack([_initial(e) for e in experiments], axis=-1)
    slots = OPTIMIZERS[experiments[0].optimizer].slots
    return Networks(0, parameters, np.zeros((slots, *parameters.shape), np.float32))


def _initial(experiment: Experiment) -> Float32:
    """``initial_parameters(experiment)``, drawn once for all scales: a draw costs milliseconds."""
    scaled: Float32 = _drawn(replace(experiment, weight_scale=1, bias_scale=1)).copy()
    for t in tensors_of(experiment):
        if not t.is_weight:
            scaled[t.start : t.stop] *= np.float32(experiment.bias_scale)
        elif experiment.weights == "normal":
            scaled[t.start : t.stop] *= np.float32(experiment.weight_scale)
    return scaled


_drawn = lru_cache(maxsize=256)(initial_parameters)


def train(
    experiments: Sequence[Experiment], networks: Networks, stops: Sequence[int]
) -> tuple[Networks, Looks]:
    """Train the networks of N experiments to the last of ``stops``, looking at each of the stops.

    Parameters
    ----------
    experiments
        What each network is; they share a graph (:class:`model.graph.Graph`).
    networks
        Where they stand, from :func:`begin` or from an earlier call.
    stops
        Steps at which to look, rising, beyond where the networks stand.

    Returns
    -------
    The networks at the last stop, and what was seen. A lane's result does not depend on the
    networks beside it, nor on how the way is cut.
    """
    count = len(experiments)
    chunks = [
        _train_chunk(experiments[at : at + LANES], networks, slice(at, at + LANES), stops)
        for at in range(0, count, LANES)
    ]
    parameters, slots, estimates, squares = (
        np.concatenate(parts, axis=-1) for parts in zip(*chunks, strict=True)
    )
    looks = Looks(np.array(stops, np.int64), np.moveaxis(estimates, 1, 2), squares)
    return Networks(stops[-1], parameters, slots), looks


def _train_chunk(
    experiments: Sequence[Experiment], networks: Networks, columns: slice, stops: Sequence[int]
) -> tuple[Any, Any, Any, Any]:
    """Train up to ``LANES`` networks: parameters, slots, estimates ``[n, 41, N]``, squares."""
    count = len(experiments)
    graph = Graph.of(experiments[0])
    # Lanes without a network of their own repeat the last one.
    lanes = [*experiments, *[experiments[-1]] * (LANES - count)]
    padding = (0, LANES - count)
    arguments = (
        tf.constant([e.learning_rate for e in lanes], tf.float32),
        tf.constant([e.clip or np.inf for e in lanes], tf.float32),
        tf.constant(OPTIMIZERS[graph.optimizer].constants, tf.float32),
    )
    w = tf.constant(np.pad(networks.parameters[:, columns], ((0, 0), padding), "edge"))
    slots = tf.constant(np.pad(networks.slots[..., columns], ((0, 0), (0, 0), padding), "edge"))
    rows: list[tuple[Any, Any]] = []
    carried = np.zeros(LANES)
    xs, first, drawn = None, 0, networks.step  # inputs of the steps from `first` to `drawn`
    for start, marks in _calls(networks.step, stops, _block(graph)):
        if marks[-1] > drawn:
            first, drawn = start, min(start + _block(graph), stops[-1])
            xs = tf.constant(_inputs(lanes, graph, first, drawn))
        ends = np.zeros(RECORDS + 1, np.int32)
        ends[: len(marks) + 1] = np.array([start, *marks]) - first
        w, slots, seen, sums = _compiled(graph)(
            w,
            slots,
            xs,
            tf.constant(first, tf.int32),
            tf.constant(ends),
            tf.constant(len(marks), tf.int32),
            *arguments,
        )
        for mark, estimates, squares in zip(marks, seen.numpy(), sums.numpy(), strict=False):
            carried = carried + squares
            if mark in stops:
                rows.append((estimates[:, :count], carried[:count]))
                carried = np.zeros(LANES)
    estimates, squares = (np.stack(column) for column in zip(*rows, strict=True))
    return w.numpy()[:, :count], slots.numpy()[..., :count], estimates, squares


def _calls(start: int, stops: Sequence[int], block: int) -> Iterator[tuple[int, list[int]]]:
    """The way to the last stop, cut into calls: from where, and where each segment ends."""
    left = list(stops)
    while left:
        marks = [stop for stop in left[:RECORDS] if stop <= start + block]
        left = left[len(marks) :]
        marks = marks or [start + block]  # the next stop is further than one call goes
        yield start, marks
        start = marks[-1]


def _inputs(lanes: Sequence[Experiment], graph: Graph, start: int, stop: int) -> Float32:
    """The inputs that count ``[block, batch, LANES]``, those of the steps from start to stop."""
    of_seed = {e.seed: inputs(e, start, stop)[:, : _seen_inputs(graph)] for e in lanes}
    xs = np.zeros((_block(graph), _seen_inputs(graph), LANES), np.float32)
    xs[: stop - start] = np.stack([of_seed[e.seed] for e in lanes], axis=-1)
    return xs


def spread(experiments: Sequence[Experiment], steps: int) -> Spread:
    """Train N experiments that share a graph for ``steps`` steps, all at once, and look on.

    Raises
    ------
    ValueError
        If there is no experiment, or if they do not share a graph, or if ``steps`` is below 1.
    """
    if steps < 1:
        raise ValueError(f"steps must be 1 or more, not {steps}")
    networks = begin(experiments)
    start = _look(experiments, networks)
    _, looks = train(experiments, networks, probed_steps(steps))
    shares = np.concatenate([np.ptp(start, axis=1)[None], looks.ranges]) / SPAN
    return Spread(np.concatenate([[0], looks.steps]), shares.astype(np.float32))


def _look(experiments: Sequence[Experiment], networks: Networks) -> Float32:
    """The estimates at PROBE of networks that have not begun ``[N, 41]``."""
    return estimate(experiments[0], np.ascontiguousarray(networks.parameters.T), PROBE)


def advance_atlas(plan: Plan, state: Atlas | None, budget_steps: int) -> Atlas:
    """Go on with the atlas by about ``budget_steps`` steps of the depth that is in training.

    A pure function, the same to the bit however it is cut. A call ends at a step at which the
    networks are looked at: at least the next one, else the last within the budget. With the
    default plan, 1,000 steps of eight layers take less than 0.1 s on one core; compiling a depth,
    the first time it is met in a process, 1 to 2 s.

    Parameters
    ----------
    plan
        Which networks.
    state
        What is known so far; ``None`` begins.
    budget_steps
        How many steps each network that trains now may go on, 1 or more.
    """
    state = state or Atlas.of(plan)
    if state.complete:
        return state
    if state.networks is None:
        row = plan.row(state.row)
        networks = begin(row)
        return state.begun(networks, _look(row, networks))
    to_come = [stop for stop in probed_steps(plan.budget) if stop > state.step]
    stops = [stop for stop in to_come if stop <= state.step + budget_steps] or to_come[:1]
    return state.seen(*train(state.experiments, state.networks, stops))
