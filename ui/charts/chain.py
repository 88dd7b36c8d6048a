"""The chain rule: what the gradient of ``W`` is multiplied by on its way, factor by factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pyarrow as pa

from model.chain import Factor, product
from model.histogram import LOG_AXIS
from ui.charts import INK, layered, power_axis, prebuilt, rows
from ui.charts.ladder import short

# A factor of zero has no place on a log axis; it stands at its end, and says that it is zero.
_LEAST, _MOST = (10.0**end for end in LOG_AXIS)


@prebuilt
def spec() -> alt.LayerChart:
    """How far down the product has come after each factor, on a log axis."""
    x = alt.X("factor:N", title=None, sort=alt.SortField("place"), axis=alt.Axis(labelAngle=0))
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
        .encode(x=x, xOffset=offset, y=y, y2="before:Q", color=alt.Color("lane:N", legend=None))
    )
    value = (
        rows()
        .mark_text(dy=-6, fontSize=11, color=INK)
        .encode(x=x, xOffset=offset, y=alt.Y("top:Q"), text="value:N")
    )
    return layered(bar, value)


def data(lanes: Mapping[str, Sequence[Factor]]) -> pa.Table:
    """The rows of the chart: each lane's factors in order, then their product."""
    lane_of, names, places, before, after, values = [], [], [], [], [], []
    for lane, factors in lanes.items():
        so_far = 1.0
        for place, factor in enumerate(factors):
            lane_of.append(lane)
            names.append(factor.name)
            places.append(place)
            before.append(max(so_far, _LEAST))
            so_far *= factor.value
            after.append(max(so_far, _LEAST))
            values.append("×" + short(factor.value))
        lane_of.append(lane)
        names.append("gradient of W")
        places.append(99)
        before.append(_LEAST)
        after.append(max(product(factors), _LEAST))
        values.append(short(product(factors)))
    return pa.table(
        {
            "lane": lane_of,
            "factor": names,
            "place": places,
            "before": before,
            "product": after,
            "top": np.maximum(before, after) if before else np.zeros(0),
            "value": values,
        }
    )
