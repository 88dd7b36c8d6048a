"""The charts of the page, one file each, as pictures for a post or a paper."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Mapping
from typing import Any, Literal

import pyarrow as pa
import vl_convert

Kind = Literal["svg", "png"]

# A chart: its Vega-Lite spec, and the one dataset that the spec names.
Chart = tuple[dict[str, Any], pa.Table]

# Pixels; a PNG has twice as many.
_WIDTH, _HEIGHT = 720, 400
_SCALE = 2

# On the page text has the page's own colour; on paper there is none to inherit.
_INK = "#1c2430"


def charts_zip(charts: Mapping[str, Chart], kind: Kind) -> bytes:
    """A zip with a file for each chart, named after it; light, on white."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, chart in charts.items():
            archive.writestr(f"{name}.{kind}", picture(chart, kind))
    return buffer.getvalue()


def picture(chart: Chart, kind: Kind) -> str | bytes:
    """One chart as SVG text or PNG bytes."""
    spec = standalone(chart)
    if kind == "svg":
        svg: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
        return svg
    png: bytes = vl_convert.vegalite_to_png(spec, scale=_SCALE, allowed_base_urls=[])
    return png


def standalone(chart: Chart) -> dict[str, Any]:
    """The chart's spec with its data inside, and nothing that it would get from a page."""
    spec, table = chart
    found: dict[str, Any] = json.loads(json.dumps(spec).replace("currentColor", _INK))
    rows = [{k: _plain(v) for k, v in row.items()} for row in table.to_pylist()]
    return found | {
        "datasets": {found["data"]["name"]: rows},
        "width": _WIDTH,
        "height": _HEIGHT,
        "background": "white",
    }


def _plain(value: Any) -> Any:
    """JSON has no word for what is not a number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
