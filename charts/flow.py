"""The flow: how much gradient reaches each layer, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import altair as alt
import numpy as np
import pyarrow as pa

from charts import layered, prebuilt, rows, theme
from charts.theme import INK, REFERENCE, power_axis, shown_name
from model.describe import titles
from model.histogram import LOG_AXIS
from model.history import History
from model.network import tensors_of
from model.state import Float64

LOWEST, HIGHEST = (10.0**end for end in LOG_AXIS)

# Pixels for a line's name behind its end, and decades that a name needs for itself.
_NAME, _APART = 28, 1.4


@prebuilt
def spec() -> alt.LayerChart:
    """Root mean square of each weight matrix' gradient, on one log axis."""
    # The lines end before the edge: their names stand behind them.
    room = alt.Scale(rangeMax=alt.ExprRef(f"width - {_NAME}"))
    x = alt.X("step:Q", title=None, axis=theme.step_axis(), scale=room)
    y = alt.Y(
        "rms:Q",
        title="gradient (RMS)",
        scale=alt.Scale(
            type="log",
            domain=[LOWEST, HIGHEST],
            nice=False,
            clamp=True,
        ),
        axis=power_axis(*LOG_AXIS),
    )
    lines = (
        rows("lane")
        .mark_line(
            strokeWidth=2,
            interpolate="monotone",
            # The axis is as long as it will be, where there is no point yet as well.
            invalid="break-paths-show-path-domains",
        )
        .encode(
            x=x,
            y=y,
            detail="text:N",
            color=theme.layer_colour(),
            strokeDash=theme.network_dash(),
        )
    )
    names = (
        rows("end")
        .mark_text(align="left", dx=5, fontSize=11, color=INK)
        .encode(x=x, y=y, text="text:N")
    )
    return layered(lines, names, mark_of_a_step(x), *theme.key(coloured=False))


def mark_of_a_step(x: alt.X) -> alt.Chart:
    """A vertical line at the step that the other charts show."""
    return cast(alt.Chart, rows("shown").mark_rule(color=REFERENCE).encode(x=x))


def data(lanes: Mapping[str, History], end: int, shown: int) -> pa.Table:
    """The rows of the chart.

    ``end`` is the last step that the axis shows, ``shown`` the one that the other charts show.
    """
    lane_of: list[str] = []
    text_of: list[str] = []
    shade_of: list[int] = []
    ends: list[tuple[str, str, int, int, float]] = []
    steps: list[np.ndarray] = []
    values: list[np.ndarray] = []
    for lane, history in lanes.items():
        sizes = history.shown_rms
        layers = history.experiment.layers
        weights = [tensor for tensor in tensors_of(history.experiment) if tensor.is_weight]
        for place, tensor in enumerate(weights):
            rms = sizes[tensor.name]
            seen = np.isfinite(rms) & (rms > 0)
            # A point beyond the data holds the axis still while the run fills it.
            steps.append(np.append(history.steps[seen], end))
            values.append(np.append(rms[seen], np.nan))
            n = len(steps[-1])
            name, shade = shown_name(layers, tensor.name), theme.shade(place, layers)
            lane_of += [lane] * n
            text_of += [name] * n
            shade_of += [shade] * n
            if n > 1:
                ends.append((lane, name, shade, int(steps[-1][-2]), float(values[-1][-2])))
    # A layer of a chart is never without rows, for Vega warns of it.
    ends = ends or [(lane_of[0], "", 0, shown, LOWEST)]
    named = titles({lane: history.experiment for lane, history in lanes.items()})
    keys = [(lane, name, 0, shown, np.nan) for lane, name in named.items()]
    part = ["lane"] * len(lane_of) + ["end"] * len(ends) + ["shown"] + ["key"] * len(keys)
    for lane, name, shade, step, _ in [*ends, (lane_of[0], text_of[0], 0, shown, np.nan), *keys]:
        lane_of.append(lane)
        text_of.append(name)
        shade_of.append(shade)
        steps.append(np.array([step]))
    values.append(_apart([value for *_, value in ends]))
    values.append(np.full(1 + len(keys), np.nan))
    return pa.table(
        {
            "part": part,
            "lane": lane_of,
            "text": text_of,
            "shade": pa.array(shade_of, pa.int64()),
            "step": np.concatenate(steps),
            "rms": np.concatenate(values),
        }
    )


def _apart(values: Sequence[float]) -> Float64:
    """Where the names of lines that end at ``values`` can be read: near them, not on each other."""
    logs = np.log10(np.clip(np.array(values, float), LOWEST, HIGHEST))
    low, high = LOG_AXIS
    gap = min(_APART, (high - low) / max(len(logs), 1))
    order = np.argsort(logs, kind="stable")
    # Each as high as the one below asks for; then all as low as the top of the axis asks for.
    ranks = gap * np.arange(len(logs))
    found = np.maximum.accumulate(logs[order] - ranks) + ranks
    found = np.minimum(found, high - gap / 2 - ranks[::-1])
    placed: Float64 = np.empty_like(logs)
    placed[order] = 10**found
    return placed
