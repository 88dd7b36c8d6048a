"""The flow: how much gradient reaches each layer, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import altair as alt
import numpy as np
import pyarrow as pa

from charts import REFERENCE, layered, power_axis, prebuilt, rows
from charts.ladder import shown_name
from model.histogram import LOG_AXIS
from model.history import History
from model.network import tensors_of

LOWEST, HIGHEST = (10.0**end for end in LOG_AXIS)


@prebuilt
def spec() -> alt.LayerChart:
    """Root mean square of each weight matrix' gradient, on one log axis."""
    x = alt.X("step:Q", title=None, axis=alt.Axis(tickCount=5, format="~s"))
    y = alt.Y(
        "rms:Q",
        title="gradient (RMS)",
        scale=alt.Scale(type="log", domain=[LOWEST, HIGHEST], nice=False, clamp=True),
        axis=power_axis(*LOG_AXIS),
    )
    lines = (
        rows("lane")
        .mark_line(strokeWidth=2, interpolate="monotone")
        .encode(
            x=x,
            y=y,
            detail="lane:N",
            color=alt.Color("layer:N", title=None, legend=alt.Legend(orient="top", columns=4)),
            strokeDash=alt.StrokeDash("lane:N", legend=None),
        )
    )
    return layered(lines, mark_of_a_step(x))


def mark_of_a_step(x: alt.X) -> alt.Chart:
    """A vertical line at the step that the other charts show."""
    return cast(alt.Chart, rows("shown").mark_rule(color=REFERENCE).encode(x=x))


def data(lanes: Mapping[str, History], end: int, shown: int) -> pa.Table:
    """The rows of the chart.

    ``end`` is the last step that the axis shows, ``shown`` the one that the other charts show.
    """
    lane_of: list[str] = []
    layer_of: list[str] = []
    steps: list[np.ndarray] = []
    values: list[np.ndarray] = []
    for lane, history in lanes.items():
        series = history.tensors
        for tensor in tensors_of(history.experiment):
            if tensor.is_weight:
                rms = series[tensor.name].rms
                seen = np.isfinite(rms) & (rms > 0)
                # A point beyond the data holds the axis still while the run fills it.
                steps.append(np.append(history.steps[seen], end))
                values.append(np.append(rms[seen], np.nan))
                n = len(steps[-1])
                lane_of += [lane] * n
                layer_of += [shown_name(history.experiment.layers, tensor.name)] * n
    part = ["lane"] * len(lane_of)
    part.append("shown")
    lane_of.append(lane_of[0])
    layer_of.append(layer_of[0])
    steps.append(np.array([shown]))
    values.append(np.array([np.nan]))
    return pa.table(
        {
            "part": part,
            "lane": lane_of,
            "layer": layer_of,
            "step": np.concatenate(steps),
            "rms": np.concatenate(values),
        }
    )
