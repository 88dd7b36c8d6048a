"""The signal forward: one row a hidden layer, each a histogram of its outputs over the inputs.

Beside the gradient on its way back. A layer's gradient is the product of the two: what comes in
from the front, and what is left of the error behind. Drawn as the ladder is, on the same axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from charts import ladder
from charts.ladder import Axis, Lane
from charts.theme import short
from model.histogram import linear_edges, log_edges
from model.history import PROBE, Snapshot
from model.state import Float32

# Kinds of network whose rows are kept.
_KINDS = 32


def spec(axis: Axis) -> dict[str, Any]:
    """The spec for one kind of axis: the ladder's own."""
    return ladder.spec(axis)


def data(lane: Lane, others: Sequence[Lane], axis: Axis) -> pa.Table:
    """The rows of the chart; ``others`` are the lanes that share its axis."""
    layers, width = lane.experiment.layers, lane.experiment.width
    start, now = _outputs(lane.start), _outputs(lane.now)
    if axis == "log":
        edges = log_edges()
    else:
        shown = [each for other in others for each in map(_outputs, (other.start, other.now))]
        edges = linear_edges(max(float(np.abs(each).max()) for each in (start, now, *shown)))
    names, row_of = _rows(layers, width)
    quoted = lane.quoted or lane.now
    texts = ladder.figures_of(_outputs(quoted), row_of, sizes(quoted))
    return ladder.table(names, layers, row_of, start, now, texts, edges, axis)


def sizes(snapshot: Snapshot) -> list[float]:
    """Each hidden layer's root mean square output over the probe inputs."""
    with np.errstate(over="ignore"):
        return [float(np.sqrt(np.square(a, dtype=np.float64).mean())) for a in snapshot.activations]


def finding(snapshot: Snapshot) -> str:
    """What the chart shows, in words for those who do not see it."""
    names = [f"of hidden layer {k + 1} {short(size)}" for k, size in enumerate(sizes(snapshot))]
    return "outputs " + ", ".join(names)


def _outputs(snapshot: Snapshot) -> Float32:
    """What every unit answers to every probe input, layer by layer ``[layers * 41 * width]``."""
    return np.concatenate([outputs.ravel() for outputs in snapshot.activations])


@lru_cache(_KINDS)
def _rows(layers: int, width: int) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """What the rows are called, and in which of them each output is counted."""
    names = tuple(f"hidden layer {k + 1}, {width} units" for k in range(layers - 1))
    return names, np.repeat(np.arange(layers - 1), len(PROBE) * width)
