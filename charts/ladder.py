"""The ladder: one row a layer, each a histogram of now over the outline of step 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import Any, Literal

import altair as alt
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from charts import layered, prebuilt, rows, theme
from charts.theme import INK, REFERENCE, power_axis, short, shown_name
from model.experiment import Experiment
from model.histogram import LOG_AXIS, grouped_counts, linear_edges, log_edges
from model.history import Snapshot
from model.network import Tensor, tensors_of
from model.state import Float32, Float64

What = Literal["values", "gradients"]
When = Literal["start", "now"]
Axis = Literal["linear", "log"]
Places = NDArray[np.intp]

# Kinds of network (depth and width) whose tables are kept; readers can choose among hundreds.
_KINDS = 32

# How much of a row its tallest bar takes, and where in the rest the base line of its label lies.
_TALLEST, _LABEL = 0.62, 0.3


def _ladder(x: alt.X) -> alt.LayerChart:
    # All of it is finite: the browser need not look at each number (``invalid``).
    y = alt.Y("y:Q", title=None, axis=None, scale=alt.Scale(reverse=True, zero=False, nice=False))
    now = (
        rows("now")
        .mark_area(interpolate="step-after", opacity=0.85, invalid="show")
        .encode(
            x=x,
            y=y,
            y2="floor:Q",
            detail="row:N",
            color=theme.layer_colour(),
        )
    )
    start = (
        rows("start")
        .mark_line(interpolate="step-after", strokeWidth=1.2, color=REFERENCE, invalid="show")
        .encode(x=x, y=y, detail="row:N")
    )
    name = (
        rows("label")
        .mark_text(align="left", fontWeight="bold", fontSize=12, color=INK)
        .encode(x=alt.value(2), y=y, text="name:N")
    )
    figures = (
        rows("label")
        .mark_text(align="right", fontSize=11, color=INK)
        .encode(x=alt.value("width"), y=y, text="figures:N")
    )
    return layered(start, now, name, figures)


def numbers(axis: Axis) -> alt.X:
    """The horizontal axis: of values, or of magnitudes, which all layers share."""
    if axis == "linear":
        return alt.X("x:Q", title=None, axis=theme.number_axis())
    scale = alt.Scale(type="log", domain=[10.0**end for end in LOG_AXIS], nice=False)
    return alt.X("x:Q", title=None, scale=scale, axis=power_axis(*LOG_AXIS))


@prebuilt
def linear() -> alt.LayerChart:
    """Values on a linear axis: the bell that people expect."""
    return _ladder(numbers("linear"))


@prebuilt
def logarithmic() -> alt.LayerChart:
    """Magnitudes on one log axis for all layers, so that vanishing is a hump further left."""
    return _ladder(numbers("log"))


def spec(axis: Axis) -> dict[str, Any]:
    """The spec for one kind of axis."""
    return linear() if axis == "linear" else logarithmic()


@dataclass(frozen=True)
class Lane:
    """One network as the ladder shows it: how it began, and how it is now."""

    start: Snapshot
    now: Snapshot
    quoted: Snapshot | None = None  # whose figures stand beside it; those of now, if none

    @property
    def experiment(self) -> Experiment:
        """What is trained."""
        return self.now.experiment

    def entries(self, what: What, when: When, places: Places) -> Float32:
        """Those entries of all parameters, or the sizes of their gradients, at ``places``."""
        snapshot = self.now if when == "now" else self.start
        return (snapshot.vector if what == "values" else snapshot.rms_vector)[places]


def data(lane: Lane, others: Sequence[Lane], what: What, axis: Axis, biases: bool) -> pa.Table:
    """The rows of one ladder.

    ``others`` are the lanes that share its axis. ``biases`` shows the biases in place of the
    weights.
    """
    tensors = shown(lane.experiment, biases)
    places, row_of = _places(lane.experiment.layers, lane.experiment.width, biases)
    start, now = (lane.entries(what, when, places) for when in ("start", "now"))
    edges = log_edges() if axis == "log" else _shared_edges([lane, *others], what, biases)
    names = tuple(title(lane.experiment.layers, tensor) for tensor in tensors)
    quoted = lane.quoted or lane.now
    rms = [quoted.rms[t.name] if what == "gradients" else None for t in tensors]
    texts = figures_of(Lane(quoted, quoted).entries(what, "now", places), row_of, rms)
    return table(names, len(tensors), row_of, start, now, texts, edges, axis)


def table(
    names: tuple[str, ...],
    layers: int,
    row_of: NDArray[np.intp],
    start: Float32,
    now: Float32,
    texts: Sequence[str],
    edges: Float64,
    axis: Axis,
) -> pa.Table:
    """The rows of a ladder of any numbers.

    ``row_of [n]`` says in which of the rows ``names`` each of the numbers ``start [n]`` and
    ``now [n]`` is counted, ``texts`` what stands beside each row, and ``layers`` over how many
    layers the ramp of colours goes.
    """
    entries = np.concatenate([start, now])
    group = np.concatenate([row_of, row_of + len(names)])
    if axis == "log":
        entries = np.abs(entries)
        group, entries = group[entries > 0], entries[entries > 0]  # zeros have no place on it
    outlines = _outlines(grouped_counts(entries, group, 2 * len(names), edges))
    # A row of the ladder is so many rows of the table: the outline, the bars, the label.
    y = np.empty((len(names), 2 * len(edges) + 1))
    y[:, :-1] = np.concatenate([outlines[: len(names)], outlines[len(names) :]], axis=1)
    y[:, -1] = np.arange(len(names)) + _LABEL
    columns, text_of = _fixed_columns(names, layers, edges.tobytes())
    beside = pa.DictionaryArray.from_arrays(text_of, pa.array(["", *texts]))
    return pa.table(columns | {"y": y.ravel(), "figures": beside})


def figures_of(
    entries: Float32, row_of: NDArray[np.intp], rms: Sequence[float | None]
) -> list[str]:
    """What stands beside each row (:func:`figures`), where ``row_of [n]`` says whose they are."""
    ends = np.flatnonzero(np.diff(row_of)) + 1
    return list(map(figures, np.split(entries, ends), rms))


@lru_cache(_KINDS)
def _places(layers: int, width: int, biases: bool) -> tuple[Places, NDArray[np.intp]]:
    """Where the entries of a ladder stand among all parameters, and in which row each is shown."""
    tensors = shown(Experiment(layers=layers, width=width), biases)
    places = np.concatenate([np.arange(tensor.start, tensor.stop) for tensor in tensors])
    return places, np.repeat(np.arange(len(tensors)), [tensor.size for tensor in tensors])


@lru_cache(_KINDS)
def _fixed_columns(
    names: tuple[str, ...], layers: int, edges: bytes
) -> tuple[dict[str, pa.Array], pa.Array]:
    """The columns that stay as long as the axis does, and which of the texts each row has."""
    x = np.frombuffer(edges)
    n, many = len(x), len(names)
    rows_of = np.repeat(np.arange(many), 2 * n + 1)
    text_of = np.zeros((many, 2 * n + 1), np.int8)
    text_of[:, -1] = np.arange(1, many + 1)
    columns = {
        "part": pa.array((["start"] * n + ["now"] * n + ["label"]) * many),
        "row": pa.array(rows_of),
        "x": pa.array(np.tile(np.concatenate([x, x, x[:1]]), many)),
        "floor": pa.array(rows_of + 1.0),
        "name": pa.array(np.array(["", *names], object)[text_of.ravel()]),
        "shade": pa.array([theme.shade(row, layers) for row in rows_of.tolist()]),
    }
    return columns, pa.array(text_of.ravel())


def _outlines(heights: Float64) -> Float64:
    """Where the tops of the bars lie ``[2 rows, k + 1]``; rows grow downwards, bars upwards."""
    rows = np.arange(len(heights)) % (len(heights) // 2)
    shares = heights / np.maximum(heights.max(axis=1, keepdims=True), 1.0)
    return rows[:, None] + 1 - _TALLEST * np.pad(shares, ((0, 0), (0, 1)))


def title(layers: int, tensor: Tensor) -> str:
    """A row's name, as ``W1  16×16``."""
    return f"{shown_name(layers, tensor.name)}  {'×'.join(map(str, tensor.shape))}"


def figures(entries: Float32, rms: float | None = None) -> str:
    """How large some entries are, and how many of them are exactly zero.

    Of gradients the root mean square of all of them (``rms``); of values their spread (standard
    deviation), or of a single one the value itself.
    """
    if rms is not None and isfinite(rms):
        size = f"RMS {short(rms)}"
    else:
        # In float64, which the square of what is about to diverge does not overflow.
        values = entries.astype(np.float64).ravel()
        with np.errstate(invalid="ignore"):
            mean = values.sum() / values.size
        if not np.isfinite(mean):
            return "not a number"
        if rms is not None:
            size = ""
        elif values.size > 1:
            away = values - mean
            size = f"spread {short(float(np.sqrt(away @ away / values.size)))}"
        else:
            size = short(float(mean))
    zeros = 1 - np.count_nonzero(entries) / entries.size
    return " · ".join(filter(None, [f"{zeros:.0%} exactly zero" if zeros else "", size]))


def shown(experiment: Experiment, biases: bool) -> list[Tensor]:
    """The tensors that a ladder has rows for: the weights, or the biases."""
    return [t for t in tensors_of(experiment) if t.is_weight != biases]


def _shared_edges(lanes: Sequence[Lane], what: What, biases: bool) -> Float64:
    largest = 0.0
    for lane in lanes:
        places, _ = _places(lane.experiment.layers, lane.experiment.width, biases)
        for when in ("start", "now"):
            largest = max(largest, float(np.abs(lane.entries(what, when, places)).max()))
    return linear_edges(largest)
