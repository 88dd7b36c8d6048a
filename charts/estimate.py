"""The estimate: what the network answers, against what it was asked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import altair as alt
import numpy as np
import pyarrow as pa

from charts import layered, prebuilt, rows, theme
from charts.theme import INK, REFERENCE, short
from model.describe import titles
from model.evidence import FLAT, SPAN
from model.history import PROBE, Snapshot

# What an axis is called stands in the corners of the plot that a network leaves free once it has
# learned: outside they would take a third of a small picture.
_LOWER_RIGHT: Mapping[str, Any] = {
    "titleAnchor": "end",
    "titleAlign": "right",
    "titleBaseline": "bottom",
    "titleY": -4,
}
_UPPER_LEFT: Mapping[str, Any] = {
    "titleAnchor": "end",
    "titleAlign": "left",
    "titleBaseline": "top",
    "titleX": 5,
    "titleAngle": 0,
}

# Comparisons whose columns are kept.
_PAIRS = 64


@prebuilt
def spec() -> alt.LayerChart:
    """The estimate of each lane over [-1, 1], and the line that it should be."""
    # Where a domain is said, the browser need not look for it, and lays no axis out anew.
    ends = alt.Scale(domain=[float(PROBE[0]), float(PROBE[-1])], nice=False)
    x = alt.X("input:Q", title="input", axis=theme.number_axis(**_LOWER_RIGHT), scale=ends)
    y = alt.Y("estimate:Q", title="estimate", axis=theme.number_axis(**_UPPER_LEFT))
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
    guess = rows("guess").mark_line(strokeDash=[2, 3], strokeWidth=1.5, color=INK).encode(x=x, y=y)
    name = (
        rows("guess")
        .mark_text(align="right", dy=14, fontSize=11, color=INK)
        .encode(x=x, y=y, text="text:N")
    )
    return layered(target, estimate, guess, name, *theme.key())


def data(lanes: Mapping[str, Snapshot], guess: float | None = None) -> pa.Table:
    """The rows of the chart: the target, then each lane by its name.

    ``guess`` is what the reader expected: the share of the target's range that the estimate would
    span, 1 for a perfect network and 0 for a flat one.
    """
    names = titles({lane: snapshot.experiment for lane, snapshot in lanes.items()})
    answers = [snapshot.estimate for snapshot in lanes.values()]
    no_place = np.full(len(names), np.nan, np.float32)
    # Without a guess its line is a point: Vega warns of rows that are not there.
    ends = [-(guess or 0), guess or 0]
    estimates = np.concatenate([PROBE, *answers, no_place, ends], dtype=np.float32)
    # Vega leaves out what is not a number; an infinity would take the axis with it. A network that
    # has no number left keeps one point, which is no line: Vega warns of columns without a number.
    estimates[~np.isfinite(estimates)] = np.nan
    for start in range(PROBE.size, PROBE.size * (1 + len(answers)), PROBE.size):
        if np.isnan(estimates[start : start + PROBE.size]).all():
            estimates[start] = 0
    return pa.table(
        _fixed_columns(tuple(names.items()), guess is not None) | {"estimate": estimates}
    )


def finding(lanes: Mapping[str, Snapshot]) -> str:
    """What the chart shows, in words for those who do not see it."""
    return "; ".join(map(_answer, lanes.values()))


def _answer(snapshot: Snapshot) -> str:
    estimate = snapshot.estimate
    moves = float(np.ptp(estimate)) if np.isfinite(estimate).all() else np.nan
    if not np.isfinite(moves):
        return "not a number"
    if moves < FLAT * SPAN:
        return f"flat at {short(snapshot.answer)}".replace("-", "−")
    return f"moves by {moves:.2f} of the {SPAN:.2f} it should"


@lru_cache(_PAIRS)
def _fixed_columns(names: tuple[tuple[str, str], ...], guessed: bool) -> dict[str, pa.Array]:
    """The columns that are the same in every frame."""
    n, lanes = len(PROBE), [lane for lane, _ in names]
    guess = ["guess"] * 2
    parts = ["target"] * n + ["lane"] * n * len(lanes) + ["key"] * len(lanes) + guess
    inputs = np.tile(PROBE, 1 + len(lanes))
    ends = [PROBE[-1:]] * len(lanes) + [PROBE[[0, -1]] if guessed else np.zeros(2, PROBE.dtype)]
    return {
        "part": pa.array(parts),
        "lane": pa.array([*np.repeat(["target", *lanes], n).tolist(), *lanes, *guess]),
        "input": pa.array(np.concatenate([inputs, *ends])),
        "text": pa.array(
            [""] * inputs.size + [text for _, text in names] + ["", "your guess" if guessed else ""]
        ),
    }
