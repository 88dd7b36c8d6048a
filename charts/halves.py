"""Which half of the cure: one dot a network, a dozen seeds for each half."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pyarrow as pa

from charts import layered, prebuilt, rows
from charts.theme import INK
from model.state import Float32


@prebuilt
def spec() -> alt.LayerChart:
    """How much of the target's range each network's answers span, by what was cured."""
    x = alt.X("part_of_the_cure:N", title=None, sort=None, axis=alt.Axis(labelAngle=0))
    y = alt.Y(
        "share:Q",
        title="share of the target's range",
        scale=alt.Scale(domain=[0, 1.1]),
        axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]),
    )
    dots = (
        rows("dot")
        .mark_circle(size=70, opacity=0.6, color=INK)
        .encode(x=x, xOffset=alt.XOffset("place:Q"), y=y)
    )
    median = (
        rows("median")
        .mark_text(dx=0, dy=-12, fontSize=12, fontWeight="bold", color=INK)
        .encode(x=x, y=y, text=alt.Text("label:N"))
    )
    return layered(dots, median)


def data(names: Sequence[str], shares: Float32) -> pa.Table:
    """The rows of the chart; ``shares [n, seeds]`` belong to ``names [n]``."""
    n, seeds = shares.shape
    medians = np.median(shares, axis=1)
    return pa.table(
        {
            "part": ["dot"] * (n * seeds) + ["median"] * n,
            "part_of_the_cure": [*np.repeat(names, seeds).tolist(), *names],
            "place": [*list(range(seeds)) * n, *[seeds // 2] * n],
            "share": np.concatenate([shares.ravel(), shares.max(axis=1)]).clip(0, 1.1),
            "label": [""] * (n * seeds) + [f"median {m:.0%}" for m in medians],
        }
    )
