"""The loss, against what it costs to ignore the input."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import numpy as np
import pyarrow as pa

from charts import layered, prebuilt, rows, theme
from charts.flow import mark_of_a_step
from charts.theme import INK, REFERENCE
from model.diagnosis import IGNORANT
from model.history import History


@prebuilt
def spec() -> alt.LayerChart:
    """Mean loss of each lane since the step remembered before, and the line at 1/3."""
    x = alt.X("step:Q", title=None, axis=theme.step_axis())
    y = alt.Y("loss:Q", title="mean loss", axis=theme.number_axis(4))
    line = (
        rows("lane")
        .mark_line(strokeWidth=2)
        .encode(
            x=x, y=y, detail="lane:N", color=theme.network_colour(), strokeDash=theme.network_dash()
        )
    )
    rule = (
        rows("ignoring")
        .mark_line(strokeDash=[4, 4], strokeWidth=1.2, color=REFERENCE)
        .encode(x=x, y=y)
    )
    note = (
        rows("ignoring")
        .transform_filter(alt.datum.step > 0)
        .mark_text(align="right", dy=-7, fontSize=11, color=INK)
        .encode(x=x, y=y, text="note:N")
    )
    return layered(rule, line, note, mark_of_a_step(x))


def data(lanes: Mapping[str, History], end: int, shown: int) -> pa.Table:
    """The rows of the chart.

    ``end`` is the last step that the axis shows, ``shown`` the one that the other charts show.
    """
    part = ["ignoring"] * 2
    lane_of = [""] * 2
    steps = [np.array([0, end], np.int64)]
    loss = [np.full(2, IGNORANT, np.float32)]
    for lane, history in lanes.items():
        seen = np.isfinite(history.mean_loss)
        steps.append(history.steps[seen])
        loss.append(history.mean_loss[seen])
        lane_of += [lane] * int(seen.sum())
        part += ["lane"] * int(seen.sum())
    part.append("shown")
    lane_of.append("")
    steps.append(np.array([shown]))
    loss.append(np.array([np.nan], np.float32))
    return pa.table(
        {
            "part": part,
            "lane": lane_of,
            "step": np.concatenate(steps),
            "loss": np.concatenate(loss),
            "note": ["as good as ignoring the input"] * len(lane_of),
        }
    )
