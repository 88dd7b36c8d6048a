"""The ladder over time: one row a layer, each a range of histograms from step 0 (back) to now."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pyarrow as pa

from charts import layered, prebuilt, rows, theme
from charts.ladder import Axis, What, numbers, shown, title
from charts.theme import INK
from model.histogram import counts, linear_edges, log_edges, magnitude_counts
from model.history import History
from model.network import split

# Points of all ridges together: a chart with 2,000 marks is drawn another way, with a jump.
_MOST_POINTS = 1_800
_MOST_RIDGES = 16
_BINS = 30

# How a row is shared out: the ridges stand this far apart in all, and each is this high.
_DEPTH, _HEIGHT = 0.55, 0.3


def _ridges(x: alt.X) -> alt.LayerChart:
    y = alt.Y("y:Q", title=None, axis=None, scale=alt.Scale(reverse=True, zero=False, nice=False))
    ridge = (
        rows("ridge")
        .mark_area(interpolate="monotone", fillOpacity=0.55, line={"strokeWidth": 0.8})
        .encode(
            x=x,
            y=y,
            y2="floor:Q",
            detail="ridge:N",
            color=theme.layer_colour(),
        )
    )
    name = (
        rows("label")
        .mark_text(align="left", dy=-4, fontWeight="bold", fontSize=12, color=INK)
        .encode(x=alt.value(2), y=y, text="name:N")
    )
    return layered(ridge, name)


@prebuilt
def linear() -> alt.LayerChart:
    """Values on a linear axis."""
    return _ridges(numbers("linear"))


@prebuilt
def logarithmic() -> alt.LayerChart:
    """Magnitudes on one log axis for all layers."""
    return _ridges(numbers("log"))


def spec(axis: Axis) -> dict[str, Any]:
    """The spec for one kind of axis."""
    return linear() if axis == "linear" else logarithmic()


def data(history: History, step: int, what: What, axis: Axis, biases: bool) -> pa.Table:
    """The rows of the chart: what ``history`` holds up to ``step``."""
    tensors = shown(history.experiment, biases)
    last = int(np.searchsorted(history.steps, step, side="right"))
    most = min(_MOST_RIDGES, _MOST_POINTS // (_BINS * len(tensors)))
    seen = np.unique(np.linspace(0, last - 1, min(most, last)).round().astype(int))
    snapshots = [history.at(int(step)) for step in history.steps[seen]]
    vectors = np.stack([s.vector if what == "values" else s.rms_vector for s in snapshots])
    entries = split(vectors, tensors)
    if axis == "log":
        edges, count = log_edges(_BINS), magnitude_counts
    else:
        largest = max(float(np.abs(entries[t.name]).max()) for t in tensors)
        edges, count = linear_edges(largest, _BINS), counts
    middles = np.sqrt(edges[:-1] * edges[1:]) if axis == "log" else (edges[:-1] + edges[1:]) / 2
    x, y, floor, row_of, ridge_of, part, name = [], [], [], [], [], [], []
    for row, tensor in enumerate(tensors):
        for place, shown_entries in enumerate(entries[tensor.name]):
            heights = count(shown_entries, edges)
            ground = row + 1 - _DEPTH * (1 - (place + 1) / len(seen))
            x.append(middles)
            y.append(ground - _HEIGHT * heights / max(float(heights.max()), 1.0))
            floor += [ground] * _BINS
            row_of += [row] * _BINS
            # Those in front are drawn last.
            ridge_of += [row * _MOST_RIDGES + place] * _BINS
            part += ["ridge"] * _BINS
            name += [""] * _BINS
        x.append(middles[:1])
        y.append(np.array([row + 0.25]))
        floor.append(row + 0.25)
        row_of.append(row)
        ridge_of.append(-1)
        part.append("label")
        name.append(title(history.experiment.layers, tensor))
    return pa.table(
        {
            "part": part,
            "row": row_of,
            "shade": [theme.shade(row, len(tensors)) for row in row_of],
            "ridge": ridge_of,
            "x": np.concatenate(x),
            "y": np.concatenate(y),
            "floor": floor,
            "name": name,
        }
    )
