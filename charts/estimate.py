"""The estimate: what the network answers, against what it was asked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import altair as alt
import numpy as np
import pyarrow as pa

from charts import layered, prebuilt, rows, theme
from charts.theme import REFERENCE
from model.describe import titles
from model.history import PROBE, Snapshot

# Comparisons whose columns are kept.
_PAIRS = 64


@prebuilt
def spec() -> alt.LayerChart:
    """The estimate of each lane over [-1, 1], and the line that it should be."""
    x = alt.X("input:Q", title="input", axis=theme.number_axis())
    y = alt.Y("estimate:Q", title="estimate", axis=theme.number_axis())
    target = rows("target").mark_line(strokeWidth=1.5, color=REFERENCE).encode(x=x, y=y)
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
    return layered(target, estimate, *theme.key()).properties(title=theme.room())


def data(lanes: Mapping[str, Snapshot]) -> pa.Table:
    """The rows of the chart: the target, then each lane by its name."""
    names = titles({lane: snapshot.experiment for lane, snapshot in lanes.items()})
    answers = [snapshot.estimate for snapshot in lanes.values()]
    no_place = np.full(len(names), np.nan, np.float32)
    estimates = np.concatenate([PROBE, *answers, no_place], dtype=np.float32)
    # Vega leaves out what is not a number; an infinity would take the axis with it.
    estimates[~np.isfinite(estimates)] = np.nan
    return pa.table(_fixed_columns(tuple(names.items())) | {"estimate": estimates})


@lru_cache(_PAIRS)
def _fixed_columns(names: tuple[tuple[str, str], ...]) -> dict[str, pa.Array]:
    """The columns that are the same in every frame."""
    n, lanes = len(PROBE), [lane for lane, _ in names]
    ends = [float(PROBE[-1])] * len(lanes)
    return {
        "part": pa.array(["target"] * n + ["lane"] * n * len(lanes) + ["key"] * len(lanes)),
        "lane": pa.array([*np.repeat(["target", *lanes], n).tolist(), *lanes]),
        "input": pa.array([*np.tile(PROBE, 1 + len(lanes)).tolist(), *ends], pa.float32()),
        "text": pa.array([""] * (n + n * len(lanes)) + [text for _, text in names]),
    }
