"""The chain rule: what the gradient of ``W`` is multiplied by on its way, factor by factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pyarrow as pa

from charts import layered, prebuilt, rows, theme
from charts.theme import INK, power_axis, short, shown_name
from model.chain import Factor, product
from model.histogram import LOG_AXIS

# A factor of zero has no place on a log axis; it stands at its end, and says that it is zero.
_LEAST, _MOST = (10.0**end for end in LOG_AXIS)


_RESULT = "gradient of W"

# The values are left to the tooltip where a bar is narrower than they are (in pixels).
_LEGIBLE = "bandwidth('x') / length(domain('xOffset')) < 24 ? 0 : 1"


@prebuilt
def spec() -> alt.LayerChart:
    """How far down the product has come after each factor, on a log axis."""
    # Upright on a phone, where bars are narrower than their names.
    upright = alt.ExprRef("width < 500 ? -90 : 0")
    axis = alt.Axis(labelAngle=upright, labelOverlap=False)
    x = alt.X("factor:N", title=None, sort=alt.SortField("place"), axis=axis)
    y = alt.Y(
        "product:Q",
        title="product so far",
        scale=alt.Scale(type="log", domain=[_LEAST, _MOST], nice=False, clamp=True),
        axis=power_axis(*LOG_AXIS),
    )
    offset = alt.XOffset("lane:N")
    bar = (
        rows()
        .mark_bar(cornerRadius=2)
        .encode(
            x=x,
            xOffset=offset,
            y=y,
            y2="before:Q",
            color=theme.network_colour(),
            tooltip=[alt.Tooltip("value:N", title="factor"), alt.Tooltip("label:N", title="it is")],
        )
    )
    value = (
        rows()
        .mark_text(dy=-6, fontSize=11, color=INK, opacity=alt.ExprRef(_LEGIBLE))
        .encode(x=x, xOffset=offset, y=alt.Y("top:Q"), text="value:N")
    )
    return layered(bar, value)


def data(lanes: Mapping[str, Sequence[Factor]]) -> pa.Table:
    """The rows of the chart: each lane's factors in order, then their product."""
    # Lanes of different depth share an axis: the longest has all the places.
    names = {lane: _names(factors) for lane, factors in lanes.items()}
    order = [*max(names.values(), key=len), _RESULT]
    found = []
    for lane, factors in lanes.items():
        before = 1.0
        for name, factor in zip(names[lane], factors, strict=True):
            after = before * factor.value
            found.append((lane, name, before, after, "×" + short(factor.value), factor.label))
            before = after
        if factors:
            size = product(factors)
            found.append((lane, _RESULT, 0.0, size, short(size), "all factors multiplied"))
    lane_of, name_of, start, end, values, labels = zip(*found, strict=True) if found else ((),) * 6
    starts, ends = np.maximum(start, _LEAST), np.maximum(end, _LEAST)
    return pa.table(
        {
            "lane": pa.array(lane_of, pa.string()),
            "factor": pa.array(name_of, pa.string()),
            "place": pa.array([order.index(name) for name in name_of], pa.int64()),
            "before": starts,
            "product": ends,
            "top": np.maximum(starts, ends),
            "value": pa.array(values, pa.string()),
            "label": pa.array(labels, pa.string()),
        }
    )


def _names(factors: Sequence[Factor]) -> list[str]:
    """The factors by the names that their tensors have on the page."""
    layers = 1 + sum(factor.name.startswith("W") for factor in factors)
    return [
        shown_name(layers, factor.name) if factor.name.startswith("W") else factor.name
        for factor in factors
    ]
