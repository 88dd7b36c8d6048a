"""The charts of the page, one file each, as pictures for a post or a paper."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Literal

from charts import Picture
from charts.sheet import Cell, png, sheet, svg

Kind = Literal["svg", "png"]

# Pixels; a PNG has twice as many.
_WIDTH, _HEIGHT = 720, 400


def charts_zip(charts: Mapping[str, Picture], kind: Kind) -> bytes:
    """A zip with a file for each chart, named after it; light, on white."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, chart in charts.items():
            spec = sheet([[Cell(chart, _WIDTH, _HEIGHT)]])
            archive.writestr(f"{name}.{kind}", svg(spec) if kind == "svg" else png(spec))
    return buffer.getvalue()
