"""The chain rule: what the gradient of ``W`` is multiplied by on its way, factor by factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pyarrow as pa

from charts import layered, prebuilt, rows, theme
from charts.theme import INK, short, shown_name
from model.chain import Factor, product
from model.describe import titles
from model.experiment import Experiment
from model.histogram import LOG_AXIS

# A factor of zero has no place on a log axis; its bar ends where the axis does.
_LEAST, _MOST = (10.0**end for end in LOG_AXIS)

_RESULT = "gradient of W"

# Pixels for the factors' names, and how much of its row a factor's bars take.
_NAMES, _THICK = 86, 0.76

# With more bars than this their figures would overprint; they are left to the tooltip.
_MOST_FIGURES = 22


@prebuilt
def spec() -> alt.LayerChart:
    """From the top down, how far the product has come after each factor, on a log axis."""
    x = alt.X(
        "end:Q",
        title=None,
        scale=alt.Scale(
            type="log",
            domain=[_LEAST, _MOST],
            range=[_NAMES, alt.ExprRef("width")],
            nice=False,
            clamp=True,
        ),
        axis=theme.power_axis(*LOG_AXIS, every=3),
    )
    y = alt.Y("y:Q", title=None, axis=None, scale=alt.Scale(reverse=True, zero=False, nice=False))
    tooltip = [alt.Tooltip("text:N", title="factor"), alt.Tooltip("label:N", title="it is")]
    colour = theme.network_colour()
    bar = (
        rows("bar")
        .mark_rect(strokeWidth=1)
        .encode(
            x=x,
            x2="start:Q",
            y=alt.Y("top:Q", axis=None),
            y2="bottom:Q",
            color=colour,
            stroke=theme.network_stroke(),
            # Filled makes it smaller, hollow larger.
            fillOpacity=alt.condition("datum.end > datum.start", alt.value(0.15), alt.value(1)),
            tooltip=tooltip,
        )
    )
    result = (
        rows("result")
        .mark_point(shape="diamond", filled=True, size=70, opacity=1)
        .encode(x=x, y=y, color=colour, tooltip=tooltip)
    )
    figures = alt.Chart().mark_text(align="right", dx=-5, fontSize=10, color=INK)
    figures = figures.encode(x=alt.X("left:Q"), y=y, text="text:N")
    name = rows("name").mark_text(align="left", fontSize=11, color=INK)
    return layered(
        bar,
        result,
        figures.transform_filter("datum.part == 'bar' && datum.shown"),
        figures.transform_filter("datum.part == 'result'").mark_text(
            align="right", dx=-8, fontSize=11, fontWeight="bold", color=INK
        ),
        name.encode(x=alt.value(0), y=y, text="text:N"),
        *theme.key(dashed=False),
    )


def data(lanes: Mapping[str, Sequence[Factor]], experiments: Mapping[str, Experiment]) -> pa.Table:
    """The rows of the chart: each network's factors in order, then their product."""
    # Networks of different depth share the rows: the deepest has all of them.
    names = {lane: _names(factors) for lane, factors in lanes.items()}
    order = [*max(names.values(), key=len), _RESULT]
    shown = len(order) * len(lanes) <= _MOST_FIGURES
    found: list[dict[str, Any]] = [
        {"part": "name", "y": place + 0.5, "text": name}
        for place, name in enumerate(order)
        if len(order) > 1
    ]
    if not found:
        # Some without a colour or a word, for Vega warns of rows that are not there.
        nothing = dict.fromkeys(("start", "end", "left"), 1.0) | {"text": "", "shown": True}
        found = [
            nothing | {"part": part, "y": 0.5, "top": 0.0, "bottom": 1.0}
            for part in ("name", "bar", "result")
        ]
    for number, (lane, factors) in enumerate(lanes.items()):
        thick = _THICK / len(lanes)
        before = 1.0
        for name, factor in zip(names[lane], factors, strict=True):
            after = before * factor.value
            top = order.index(name) + (1 - _THICK) / 2 + number * thick
            found.append(
                {
                    "part": "bar",
                    "lane": lane,
                    "start": max(before, _LEAST),
                    "end": max(after, _LEAST),
                    "left": max(min(before, after), _LEAST),
                    "y": top + thick / 2,
                    "top": top,
                    "bottom": top + thick,
                    "text": "×" + short(factor.value),
                    "label": factor.label,
                    "shown": shown,
                }
            )
            before = after
        if factors:
            size = max(product(factors), _LEAST)
            found.append(
                {
                    "part": "result",
                    "lane": lane,
                    "end": size,
                    # To the right of what stands at the axis' end: to the left is the row's name.
                    "left": size if size > 1e3 * _LEAST else 1e3 * size,
                    "y": len(order) - 1 + (1 - _THICK) / 2 + (number + 0.5) * thick,
                    "text": short(product(factors)),
                    "label": "all factors multiplied",
                }
            )
    found += [
        {"part": "key", "lane": lane, "text": text} for lane, text in titles(experiments).items()
    ]
    return pa.Table.from_pylist(found, _SCHEMA)


_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("part", "lane", "text", "label")]
    + [(name, pa.float64()) for name in ("start", "end", "left", "y", "top", "bottom")]
    + [("shown", pa.bool_())]
)


def _names(factors: Sequence[Factor]) -> list[str]:
    """The factors by the names that their tensors have on the page."""
    layers = 1 + sum(factor.name.startswith("W") for factor in factors)
    return [shown_name(layers, factor.name) for factor in factors]
