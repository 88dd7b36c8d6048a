"""The loss, against what it costs to ignore the input."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import numpy as np
import pyarrow as pa

from charts import layered, prebuilt, rows, theme
from charts.flow import mark_of_a_step
from charts.theme import REFERENCE
from model.describe import titles
from model.diagnosis import IGNORANT
from model.history import History


@prebuilt
def spec() -> alt.LayerChart:
    """Mean loss of each lane since the step remembered before, and the line at 1/3."""
    x = alt.X("step:Q", title=None, axis=theme.step_axis())
    y = alt.Y(
        "loss:Q",
        title="mean loss",
        axis=theme.number_axis(4),
    )
    line = (
        rows("lane")
        .mark_line(strokeWidth=2)
        .encode(x=x, y=y, color=theme.network_colour(), strokeDash=theme.network_dash())
    )
    rule = rows("ignoring").mark_line(strokeWidth=1.5, color=REFERENCE).encode(x=x, y=y)
    chart = layered(rule, line, mark_of_a_step(x), *theme.key(lines=2))
    return chart.properties(title=theme.room(lines=2))


def data(lanes: Mapping[str, History], end: int, shown: int) -> pa.Table:
    """The rows of the chart.

    ``end`` is the last step that the axis shows, ``shown`` the one that the other charts show.
    """
    part, lane_of = ["ignoring"] * 2, [""] * 2
    steps = [np.array([0, end], np.int64)]
    loss = [np.full(2, IGNORANT, np.float32)]
    for lane, history in lanes.items():
        seen = np.isfinite(history.mean_loss)
        steps.append(history.steps[seen])
        loss.append(history.mean_loss[seen])
        lane_of += [lane] * int(seen.sum())
        part += ["lane"] * int(seen.sum())
    names = titles({lane: history.experiment for lane, history in lanes.items()})
    names[theme.GREY] = "as good as ignoring the input"
    extra = 1 + len(names)
    return pa.table(
        {
            "part": [*part, "shown", *["key"] * len(names)],
            "lane": [*lane_of, "", *names],
            "step": np.concatenate([*steps, np.full(extra, shown)]),
            "loss": np.concatenate([*loss, np.full(extra, np.nan, np.float32)]),
            "text": [""] * (len(part) + 1) + list(names.values()),
        }
    )
