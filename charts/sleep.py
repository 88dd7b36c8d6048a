"""The law of sleep: wake-up step against initial scale, measured and as the theory has it."""

from __future__ import annotations

import altair as alt
import numpy as np
import pyarrow as pa

from charts import layered, prebuilt, rows
from charts.theme import INK, power_axis
from model.atlas import Atlas, Plan, theory
from model.state import Float64

_PLAN = Plan()

# Beyond the budget the curves go on for a while, to where nobody looked.
_TOP = 10 * _PLAN.budget

# The ends of the axes.
_SCALES, _STEPS = (1e-4, 1.0), (10.0, float(_TOP))

# Points of a curve, over five decades of scale: where it turns down it is steep.
_POINTS = 121


@prebuilt
def spec() -> alt.LayerChart:
    """A point a cell, at the step by which half its seeds were awake; the theory a line a depth."""
    x = alt.X(
        "scale:Q",
        title="initial scale",
        scale=alt.Scale(type="log", domain=_SCALES, nice=False, clamp=False),
        axis=power_axis(-4, 0),
    )
    y = alt.Y(
        "step:Q",
        title="wake-up step",
        scale=alt.Scale(type="log", domain=_STEPS, nice=False, clamp=False),
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
    # What the law says of the network whose scale the reader chooses.
    line = rows("here").mark_rule(color=INK, strokeDash=[4, 3]).encode(x=x)
    point = (
        rows("here")
        .mark_point(shape="diamond", filled=True, size=140, opacity=1, color=INK)
        .encode(x=x, y=y)
    )
    right = "datum.scale > 0.01"
    said = (
        rows("here")
        .mark_text(
            align=alt.ExprRef(f"{right} ? 'right' : 'left'"),
            dx=alt.ExprRef(f"{right} ? -10 : 10"),
            dy=alt.ExprRef("datum.step > 1e5 ? 16 : -12"),
            fontSize=12,
            fontWeight="bold",
            color=INK,
        )
        .encode(x=x, y=y, text="label:N")
    )
    return layered(curve, cells, line, point, said)


def data(atlas: Atlas, here: tuple[int, float] | None = None) -> pa.Table:
    """The rows of the chart; cells that woke at once or not yet have no point on a log axis.

    ``here`` are the layers and the initial scale of a network, whose place on the law is marked.
    """
    plan, half = atlas.plan, atlas.wake_up_of_half
    fine = np.geomspace(plan.scales[0], plan.scales[-1], _POINTS)
    parts: list[tuple[str, int, Float64, Float64]] = []
    for d, layers in enumerate(plan.layers):
        predicted = theory(layers, fine, plan.base.width, plan.base.learning_rate)
        drawn = (predicted > 0) & (predicted < 100 * _TOP)
        parts.append(("theory", layers, fine[drawn], predicted[drawn]))
        woke = np.isfinite(half[d]) & (half[d] > 0)
        parts.append(("cell", layers, np.array(plan.scales)[woke], half[d][woke]))
    labels = [""] * sum(len(scales) for _, _, scales, _ in parts)
    if here is not None:
        step = predicted_step(*here, plan.base.width, plan.base.learning_rate)
        # On the edge of the chart, if it lies beyond it.
        place = np.clip([here[1]], *_SCALES), np.clip([step], *_STEPS)
        parts.append(("here", here[0], *place))
        labels.append(finding(*here, plan.base.width, plan.base.learning_rate))
    sizes = [len(scales) for _, _, scales, _ in parts]
    return pa.table(
        {
            "part": np.repeat([part for part, *_ in parts], sizes).tolist(),
            "layers": np.repeat([layers for _, layers, *_ in parts], sizes),
            "scale": np.concatenate([scales for _, _, scales, _ in parts]),
            "step": np.concatenate([steps for *_, steps in parts]),
            "label": labels,
        }
    )


def predicted_step(
    layers: int, scale: float, width: int = 16, learning_rate: float = 1e-3
) -> float:
    """The step at which the theory has a network of this initial scale wake up; 0 is at once."""
    return float(theory(layers, scale, width, learning_rate))


def finding(layers: int, scale: float, width: int = 16, learning_rate: float = 1e-3) -> str:
    """What the law says of one network, in two digits: no theory is better than that."""
    step = predicted_step(layers, scale, width, learning_rate)
    if step < 1:
        return "you are here: awake at once"
    return f"you are here: awake at about step {float(f'{step:.2g}'):,.0f}"
