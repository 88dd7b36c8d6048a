"""The charts of the page, one file each, as pictures for a post or a paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from charts import Picture
from charts.sheet import Cell, png, sheet, svg
from export.archive import archive

Kind = Literal["svg", "png"]

# Pixels; a PNG has twice as many.
_WIDTH, _HEIGHT = 720, 400


def charts_zip(charts: Mapping[str, Picture], kind: Kind) -> bytes:
    """A zip with a file for each chart, named after it; light, on white."""
    draw = svg if kind == "svg" else png
    return archive(
        (f"{name}.{kind}", draw(sheet([[Cell(chart, _WIDTH, _HEIGHT)]])))
        for name, chart in charts.items()
    )
