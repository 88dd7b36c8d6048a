"""The charts, one to a file.

Each is a function of nothing that returns a Vega-Lite spec, and one of the runs that returns its
data as an Arrow table.

The rules that keep the picture steady: nothing that changes with the step goes into a spec, no
chart has more than one dataset, and none has 2,000 marks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import altair as alt

# Altair looks for it whenever it builds a spec, and of two threads that do so for the first time
# one would find it half imported.
import pandas as pd  # noqa: F401
import pyarrow as pa

from charts.theme import INK

# Named, because Streamlit hands named data over with the spec: data without a name it adds to the
# view afterwards, and Vega warns of axes that have nothing to show.
_DATASET = "rows"


def prebuilt(build: Callable[[], alt.LayerChart]) -> Callable[[], dict[str, Any]]:
    """The spec of a chart, built once; its one dataset has a name, and comes with each frame."""

    @cache
    def spec() -> dict[str, Any]:
        chart = build().properties(data=alt.NamedData(_DATASET))
        # Streamlit's grey for axes is too faint on a light page (3.7 to 1; WCAG AA asks for 4.5).
        chart = chart.configure_axis(labelColor=INK, titleColor=INK)
        built = dict(chart.configure_legend(labelColor=INK, titleColor=INK).to_dict())
        _name_no_mark(built)
        return built

    spec.__doc__ = build.__doc__
    return spec


def _name_no_mark(spec: dict[str, Any]) -> None:
    """The chart is one picture with one name; its marks are no pictures of their own."""
    for layer in spec.get("layer", []):
        if isinstance(layer.get("mark"), dict):
            layer["mark"]["aria"] = False
        _name_no_mark(layer)


@dataclass(frozen=True)
class Picture:
    """A chart with its data."""

    spec: dict[str, Any]
    table: pa.Table
    # Its name, for those who do not see it. The browser makes it part of the spec: a name that
    # changes has the chart built anew. So what a chart shows (its finding) is for a run at rest.
    alt: str


def filled(spec: dict[str, Any], table: pa.Table) -> dict[str, Any]:
    """The spec with its data, as ``st.vega_lite_chart`` takes it."""
    return spec | {"datasets": {_DATASET: table}}


def rows(part: str | int | None = None) -> alt.Chart:
    """A layer of a chart, on the rows of its data whose ``part`` is ``part``, or on all of them."""
    chart = alt.Chart()
    if part is None:
        return chart
    return chart.transform_filter(alt.datum.part == part)


def layered(*layers: alt.Chart | alt.LayerChart) -> alt.LayerChart:
    """Layers on top of each other, as high as the place that they are put in."""
    return cast(alt.LayerChart, alt.layer(*layers).properties(height="container"))
