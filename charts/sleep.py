"""The law of sleep: wake-up step against initial scale, measured and as the theory has it."""

from __future__ import annotations

import altair as alt
import numpy as np
import pyarrow as pa

from charts import layered, prebuilt, rows
from charts.theme import power_axis
from model.atlas import Atlas, Plan, theory
from model.state import Float64

_PLAN = Plan()

# Beyond the budget the curves go on for a while, to where nobody looked.
_TOP = 10 * _PLAN.budget

# Points of a curve, over five decades of scale: where it turns down it is steep.
_POINTS = 121


@prebuilt
def spec() -> alt.LayerChart:
    """A point a cell, at the step by which half its seeds were awake; the theory a line a depth."""
    x = alt.X(
        "scale:Q",
        title="initial scale",
        scale=alt.Scale(type="log", domain=[1e-4, 1], nice=False, clamp=False),
        axis=power_axis(-4, 0),
    )
    y = alt.Y(
        "step:Q",
        title="wake-up step",
        scale=alt.Scale(type="log", domain=[10, _TOP], nice=False, clamp=False),
        axis=alt.Axis(format="~s", values=[10.0**k for k in range(1, 7)]),
    )
    colour = alt.Color(
        "layers:N",
        title="layers",
        scale=alt.Scale(domain=list(_PLAN.layers)),
        legend=alt.Legend(orient="right"),
    )
    curve = (
        rows("theory")
        .mark_line(clip=True, strokeWidth=1.5, opacity=0.7)
        .encode(x=x, y=y, color=colour, detail="layers:N")
    )
    cells = (
        rows("cell")
        .mark_point(clip=True, filled=True, size=36, opacity=1)
        .encode(
            x=x,
            y=y,
            color=colour,
            tooltip=[
                alt.Tooltip("layers:O"),
                alt.Tooltip("scale:Q", title="initial scale", format=".3~g"),
                alt.Tooltip("step:Q", title="wake-up step", format=","),
            ],
        )
    )
    return layered(curve, cells)


def data(atlas: Atlas) -> pa.Table:
    """The rows of the chart; cells that woke at once or not yet have no point on a log axis."""
    plan, half = atlas.plan, atlas.wake_up_of_half
    fine = np.geomspace(plan.scales[0], plan.scales[-1], _POINTS)
    parts: list[tuple[str, int, Float64, Float64]] = []
    for d, layers in enumerate(plan.layers):
        predicted = theory(layers, fine, plan.base.width, plan.base.learning_rate)
        drawn = (predicted > 0) & (predicted < 100 * _TOP)
        parts.append(("theory", layers, fine[drawn], predicted[drawn]))
        woke = np.isfinite(half[d]) & (half[d] > 0)
        parts.append(("cell", layers, np.array(plan.scales)[woke], half[d][woke]))
    sizes = [len(scales) for _, _, scales, _ in parts]
    return pa.table(
        {
            "part": np.repeat([part for part, *_ in parts], sizes).tolist(),
            "layers": np.repeat([layers for _, layers, *_ in parts], sizes),
            "scale": np.concatenate([scales for _, _, scales, _ in parts]),
            "step": np.concatenate([steps for *_, steps in parts]),
        }
    )
