"""The estimate: what the network answers, against what it was asked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import altair as alt
import numpy as np
import pyarrow as pa

from charts import layered, prebuilt, rows, theme
from charts.theme import REFERENCE
from model.history import PROBE, Snapshot


@prebuilt
def spec() -> alt.LayerChart:
    """The estimate of each lane over [-1, 1], and the line that it should be."""
    x = alt.X("input:Q", title="input", axis=theme.number_axis())
    y = alt.Y("estimate:Q", title="estimate", axis=theme.number_axis())
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
            color=theme.network_colour(),
            strokeDash=theme.network_dash(),
        )
    )
    return layered(target, estimate)


def data(lanes: Mapping[str, Snapshot]) -> pa.Table:
    """The rows of the chart: the target, then each lane by its name."""
    estimates = np.concatenate([PROBE, *(snapshot.estimate for snapshot in lanes.values())])
    # Vega leaves out what is not a number; an infinity would take the axis with it.
    estimates[~np.isfinite(estimates)] = np.nan
    return pa.table(_fixed_columns(tuple(lanes)) | {"estimate": estimates})


@cache
def _fixed_columns(lanes: tuple[str, ...]) -> dict[str, pa.Array]:
    """The columns that are the same in every frame."""
    n = len(PROBE)
    return {
        "part": pa.array(["target"] * n + ["lane"] * n * len(lanes)),
        "lane": pa.array(np.repeat(["target", *lanes], n).tolist()),
        "input": pa.array(np.tile(PROBE, 1 + len(lanes))),
    }
