"""Charts as a file: arranged on a sheet, with the ink and the colours that a page would lend them.

Rendered by vl-convert, which fetches nothing. While it renders, no other thread of the process
runs: a server renders in a worker.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from charts import Picture
from charts.theme import INK, INKS, LAYERS, PAPER, REFERENCE, Mode

Spec = dict[str, Any]

# A colour means layers in one chart and networks in the next.
_APART = {"scale": {"color": "independent", "strokeDash": "independent"}}


@dataclass(frozen=True)
class Cell:
    """A chart and its place on a sheet, in pixels."""

    picture: Picture
    width: int
    height: int
    title: str = ""
    note: str = ""


def sheet(
    rows: Sequence[Sequence[Cell]],
    mode: Mode = "light",
    *,
    title: str = "",
    lines: Sequence[str] = (),
    foot: str = "",
    gap: int = 76,
    size: int = 12,
) -> Spec:
    """A Vega-Lite spec with its data inside: rows of charts, words above and a line below.

    The title may have more than one line. Plots of a row stand ``gap`` pixels from each other;
    ``size`` is that of the axes' letters.
    """
    datasets: dict[str, list[dict[str, Any]]] = {}
    charts = []
    for row in rows:
        drawn = []
        for cell in row:
            name = f"rows {len(datasets)}"
            datasets[name] = _plain_rows(cell.picture.table)
            drawn.append(_placed(cell, mode) | {"data": {"name": name}})
        charts.append({"hconcat": drawn, "bounds": "flush", "spacing": gap, "resolve": _APART})
    body: Spec = {"vconcat": charts, "spacing": 16, "resolve": _APART}
    if title:
        body["title"] = _words(title.split("\n"), 2 * size, "top") | {
            "subtitle": list(lines),
            "subtitleFontSize": size + 1,
            "subtitlePadding": 8,
            "offset": 14,
        }
    spec: Spec = {"vconcat": [body]}
    if foot:
        spec["title"] = _words([foot], size, "bottom") | {"fontWeight": "normal", "offset": 14}
    return spec | {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "datasets": datasets,
        "padding": 24,
        "resolve": _APART,
        "config": _config(mode, size),
    }


def svg(spec: Spec) -> str:
    """The sheet as SVG; text stays text."""
    import vl_convert

    drawn: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    # Vega counts on from the picture before: the same sheet would have other names in each process.
    names: dict[str, int] = {}
    return re.sub(
        r'(id="clip|url\(#clip)(\d+)',
        lambda found: found[1] + str(names.setdefault(found[2], len(names))),
        drawn,
    )


def png(spec: Spec, scale: float = 2) -> bytes:
    """The sheet as PNG, with ``scale`` pixels to each of its own."""
    import vl_convert

    drawn: bytes = vl_convert.vegalite_to_png(spec, scale=scale, allowed_base_urls=[])
    return drawn


def _placed(cell: Cell, mode: Mode) -> Spec:
    spec: Spec = _resolved(cell.picture.spec, cell, mode)
    placed = {key: spec[key] for key in spec if key not in ("config", "$schema", "data")}
    placed |= {"width": cell.width, "height": cell.height}
    if cell.title:
        placed["title"] = _words([cell.title], 14, "top") | {"offset": 8}
        if cell.note:
            placed["title"] |= {"subtitle": cell.note, "subtitleFontSize": 12}
    return placed


def _resolved(part: Any, cell: Cell, mode: Mode) -> Any:
    """A part of a spec with what a page would know: its ink, and how large the chart is.

    In a chart among others, Vega's ``width`` is not the chart's own.
    """
    if isinstance(part, dict):
        if set(part) == {"expr"}:
            sizes = {"width": str(cell.width), "height": str(cell.height)}
            return {"expr": re.sub(r"\b(width|height)\b", lambda m: sizes[m[0]], part["expr"])}
        return {key: _resolved(value, cell, mode) for key, value in part.items()}
    if isinstance(part, list):
        return [_resolved(value, cell, mode) for value in part]
    return INKS[mode] if part == INK else part


def _words(lines: Sequence[str], size: int, orient: str) -> Spec:
    return {
        "text": list(lines),
        "anchor": "start",
        "frame": "group",
        "fontSize": size,
        "orient": orient,
    }


def _config(mode: Mode, size: int) -> Spec:
    ink = INKS[mode]
    return {
        "background": PAPER[mode],
        "font": "sans-serif",
        "view": {"stroke": None},
        "range": {"category": list(LAYERS[mode])},
        "axis": {
            "labelColor": ink,
            "titleColor": ink,
            "domainColor": REFERENCE,
            "tickColor": REFERENCE,
            "gridColor": REFERENCE,
            "gridOpacity": 0.22,
            "labelFontSize": size,
            "titleFontSize": size,
            "titleFontWeight": "normal",
        },
        "title": {"color": ink, "subtitleColor": ink, "fontWeight": "bold"},
    }


def _plain_rows(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a table for JSON, which has no word for what is not a number."""
    shorts = {field.name for field in table.schema if field.type == pa.float32()}
    return [
        {name: _plain(value, name in shorts) for name, value in row.items()}
        for row in table.to_pylist()
    ]


def _plain(value: Any, is_short: bool) -> Any:
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    # Nine digits tell any two float32 apart.
    return float(f"{value:.9g}") if is_short else value
