"""Which half of the cure: one dot a network, a dozen seeds for each half."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pyarrow as pa

from charts import layered, prebuilt, rows
from charts.theme import INK
from model.state import Float32


def _axis() -> alt.Axis:
    # On a phone each word has a line of its own, so that no label hides another.
    text = "width < 500 ? split(datum.label, ' ') : datum.label"
    return alt.Axis(labelAngle=0, labelExpr=text, labelOverlap=False, labelLimit=0)


@prebuilt
def spec() -> alt.LayerChart:
    """How much of the target's range each network's answers span, by what was cured."""
    x = alt.X("part_of_the_cure:N", title=None, sort=None, axis=_axis())
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
    guess = (
        rows("guess")
        .mark_text(fontSize=12, fontStyle="italic", color=INK)
        .encode(x=x, y=y, text="label:N")
    )
    return layered(dots, median, guess)


def data(names: Sequence[str], shares: Float32, guess: str | None = None) -> pa.Table:
    """The rows of the chart; ``shares [n, seeds]`` belong to ``names [n]``.

    ``guess`` is the name that the reader thought would be enough.
    """
    n, seeds = shares.shape
    medians = np.median(shares, axis=1)
    guessed = [] if guess is None else [guess]
    # Halfway up, where hardly a network ends: they wake up or they do not.
    heights = np.concatenate([shares.ravel(), shares.max(axis=1), [0.5] * len(guessed)])
    return pa.table(
        {
            "part": ["dot"] * (n * seeds) + ["median"] * n + ["guess"] * len(guessed),
            "part_of_the_cure": [*np.repeat(names, seeds).tolist(), *names, *guessed],
            "place": [*list(range(seeds)) * n, *[seeds // 2] * (n + len(guessed))],
            "share": heights.clip(0, 1.1),
            "label": [""] * (n * seeds)
            + [f"median {m:.0%}" for m in medians]
            + ["your guess"] * len(guessed),
        }
    )


def finding(names: Sequence[str], shares: Float32) -> str:
    """What the chart shows, in words for those who do not see it."""
    medians = np.median(shares, axis=1)
    return ", ".join(f"{name}: median {m:.0%}" for name, m in zip(names, medians, strict=True))
