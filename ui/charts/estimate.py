"""The estimate: what the network answers, against what it was asked."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import numpy as np
import pyarrow as pa

from model.history import PROBE, Snapshot
from ui.charts import REFERENCE, layered, prebuilt, rows


@prebuilt
def spec() -> alt.LayerChart:
    """The estimate of each lane over [-1, 1], and the line that it should be."""
    x = alt.X("input:Q", title="input", axis=alt.Axis(tickCount=5, format="~g"))
    y = alt.Y("estimate:Q", title="estimate", axis=alt.Axis(tickCount=5, format="~g"))
    target = (
        rows("target")
        .mark_line(strokeDash=[4, 4], strokeWidth=1.2, color=REFERENCE)
        .encode(x=x, y=y)
    )
    estimate = (
        rows("lane")
        .mark_line(strokeWidth=2.5)
        .encode(
            x=x,
            y=y,
            detail="lane:N",
            color=alt.Color("lane:N", legend=None),
        )
    )
    return layered(target, estimate)


def data(lanes: Mapping[str, Snapshot]) -> pa.Table:
    """The rows of the chart: the target, then each lane by its name."""
    names, estimates = ["target"], [PROBE]
    for name, snapshot in lanes.items():
        names.append(name)
        estimates.append(np.nan_to_num(snapshot.estimate, posinf=np.nan, neginf=np.nan))
    return pa.table(
        {
            "part": ["target"] * len(PROBE) + ["lane"] * len(PROBE) * len(lanes),
            "lane": np.repeat(names, len(PROBE)).tolist(),
            "input": np.tile(PROBE, len(names)),
            "estimate": np.concatenate(estimates),
        }
    )
