"""One theme for all charts: every colour, every number format, what things are called.

Colour has one meaning. Layers are one ordered ramp, first to last. Networks are two hues used for
nothing else, one solid and one dashed. What is compared with is grey. A verdict is a word, never a
colour. Where charts stand on a page, text and the layers' ramp come from the page's own theme,
light or dark; a file brings its own (:data:`PAPER`, :data:`INKS`, :data:`LAYERS`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import altair as alt

from model.describe import short, shown_name

__all__ = ["short", "shown_name"]

Mode = Literal["light", "dark"]
MODES: tuple[Mode, ...] = ("light", "dark")

#: The names of the two networks in the data of every chart: the first, and what it is compared to.
FIRST, SECOND = LANES = ("first", "second")

#: The networks' hues, readable on light and on dark, and their dashes.
NETWORKS = ("#e0660a", "#a855c0")
DASHES = ((1, 0), (7, 4))

#: The layers' ramp, which the page says again in ``.streamlit/config.toml``: cool, to stand apart
#: from the networks. Each colour has a contrast of at least 3 to its ground, and neighbours can be
#: told apart by those who do not see all colours.
LAYERS: Mapping[Mode, tuple[str, ...]] = {
    "light": (
        *("#2a2793", "#014b7f", "#025e77", "#076e75"),
        *("#017f70", "#08905f", "#459a2a", "#889d06"),
    ),
    "dark": (
        *("#5c71d2", "#2c8edf", "#03a8d3", "#01bec7"),
        *("#05d5b6", "#6fe399", "#b7eb7d", "#f5ee6d"),
    ),
}

#: The colour of text: the page's own, light or dark, as the browser has it.
INK = "currentColor"

#: The colour of what things are compared with: readable on light and on dark.
REFERENCE = "#808a98"

#: The atlas: a scheme of its own, bright for soon and dark for late; beyond its end what sleeps;
#: what exploded in grey, which is on no scheme. On every cell, lines are seen in the dark ink.
ATLAS: Final = "magma"
ASLEEP, EXPLODED, CELL_INK = "#0b0620", "#9aa3ae", "#10131a"

#: Verdicts in the atlas, best to worst, readable by everyone (Okabe & Ito 2008).
VERDICTS: Mapping[str, str] = {
    "learned": "#009e73",
    "awake": "#f0e442",
    "asleep": "#3d3a6b",
    "exploded": "#d55e00",
    "diverged": "#9c1f1f",
    "training": "#8a93a0",
}

#: Text and ground of a file, which has no page to take them from.
INKS: Mapping[Mode, str] = {"light": "#1c2430", "dark": "#e4e8ee"}
PAPER: Mapping[Mode, str] = {"light": "#ffffff", "dark": "#14181f"}


def shade(place: int, count: int) -> int:
    """Where layer ``place`` of ``count`` stands on the ramp: the first and the last at its ends.

    A column ``shade`` of a chart's data, so that the spec knows no number of layers.
    """
    return round(place * (len(LAYERS["light"]) - 1) / max(count - 1, 1))


def layer_colour() -> alt.Color:
    """The colour of the layer whose ``shade`` stands in the data."""
    places = alt.Scale(domain=list(range(len(LAYERS["light"]))))
    return alt.Color("shade:N", scale=places, legend=None)


def network_colour() -> alt.Color:
    """The colour of the network whose ``lane`` stands in the data."""
    return alt.Color("lane:N", scale=_hues(), legend=None)


def network_stroke() -> alt.Stroke:
    """The same for the outline of a mark."""
    return alt.Stroke("lane:N", scale=_hues(), legend=None)


def _hues() -> alt.Scale:
    return alt.Scale(domain=list(LANES), range=list(NETWORKS))


def network_dash() -> alt.StrokeDash:
    """Solid for the first network, dashed for the second."""
    dashes = alt.Scale(domain=list(LANES), range=[list(dash) for dash in DASHES])
    return alt.StrokeDash("lane:N", scale=dashes, legend=None)


#: Pixels above a plot for a line of its key, and the lane of the line that names a reference.
KEY, GREY = 16, "grey"


def key(coloured: bool = True, dashed: bool = True, lines: int = 1) -> list[alt.Chart]:
    """Which line is which: above the plot, from the rows of part ``key``.

    A row whose lane is :data:`GREY` names what is compared with, on the last of two lines.
    """
    layers = []
    top, below = 9 - KEY * lines, 9 - KEY
    for lane, start, y, hue, dash in (
        (FIRST, "0", top, NETWORKS[0], DASHES[0]),
        (SECOND, "width / 2", top, NETWORKS[1], DASHES[1]),
        (GREY, "0", below, REFERENCE, DASHES[0]),
    ):
        mine = alt.Chart().transform_filter((alt.datum.part == "key") & (alt.datum.lane == lane))
        sample = mine.mark_rule(
            strokeWidth=2.5,
            strokeDash=list(dash if dashed else DASHES[0]),
            color=hue if coloured or lane == GREY else INK,
        )
        name = mine.mark_text(align="left", baseline="middle", fontSize=11, color=INK)
        ends = (alt.value(alt.expr(f"{start} + {by}")) for by in (0, 24, 29))
        left, right, text = ends
        layers += [
            sample.encode(x=left, x2=right, y=alt.value(y)),
            name.encode(x=text, y=alt.value(y), text="text:N"),
        ]
    return layers


def number_axis(ticks: int = 5, **settings: Any) -> alt.Axis:
    """A linear axis of plain numbers."""
    # Vega's own format rounds to the digits of a tick, and would write 600 as 6e+2.
    text = "replace(format(datum.value, '~g'), 'e+', 'e')"
    return alt.Axis(labelExpr=text, tickCount=ticks, **settings)


def step_axis(ticks: int = 5) -> alt.Axis:
    """A linear axis of steps, as ``0, 2k, 4k``."""
    # Vega's own format would write the first of them as 0k.
    text = "datum.value == 0 ? '0' : format(datum.value, '~s')"
    return alt.Axis(labelExpr=text, tickCount=ticks)


def power_axis(lowest: int, highest: int, every: int = 2) -> alt.Axis:
    """A log axis labelled at every so many powers of ten from ``lowest`` to ``highest``."""
    values = [10.0**k for k in range(lowest, highest + 1, every)]
    # As the numbers beside it are written: 1e-4, but 1.
    text = "datum.value == 1 ? '1' : replace(format(datum.value, '~e'), '+', '')"
    return alt.Axis(labelExpr=text, values=values)
