"""The picture of a card, 1200 × 630: the estimate and the gradients, as they are on the page."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

# The size that the networks show without cutting.
WIDTH, HEIGHT = 1200, 630

_INK, _FAINT, _PAPER = "#1c2430", "#6b7483", "#ffffff"
_COLORS = ("#1b71bc", "#d77526")

# Characters of the sentence's size that fit the width, and lines of it.
_LINE, _LINES = 92, 3

# The answers are drawn from -1 to 1, the range of the right ones; the gradients on the page's axis.
_SMALLEST, _LARGEST = 1e-12, 10.0


@dataclass(frozen=True)
class Curves:
    """One network: what it is, its answers to evenly spaced inputs, its gradients by layer."""

    name: str
    estimate: Sequence[float]  # [probes], at inputs from -1 to 1
    gradients: Mapping[str, float]  # root mean square by weight matrix, in the network's order


def draw(title: str, sentence: str, curves: Sequence[Curves]) -> bytes:
    """The PNG; without curves it is the words alone."""
    # Here, because only the drawing process needs them.
    import vl_convert
    from PIL import Image

    drawn = vl_convert.vegalite_to_png(_spec(title, sentence, curves), allowed_base_urls=[])
    image = Image.open(io.BytesIO(drawn)).convert("RGB")
    # Vega-Lite decides the size of what stands side by side; the networks want one exactly.
    image.thumbnail((WIDTH, HEIGHT))
    sheet = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    sheet.paste(image, (0, (HEIGHT - image.height) // 2))
    packed = io.BytesIO()
    sheet.quantize(64).save(packed, "PNG", optimize=True)
    return packed.getvalue()


def _spec(title: str, sentence: str, curves: Sequence[Curves]) -> dict[str, Any]:
    lines = wrap(sentence, _LINE, max_lines=_LINES, placeholder=" …")
    panels = [_estimates(curves), _gradients(curves)] if curves else [_nothing()]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "padding": 40,
        "background": _PAPER,
        "title": {
            "text": title,
            "subtitle": lines,
            "anchor": "start",
            "frame": "group",
            "fontSize": 40,
            "subtitleFontSize": 22,
            "subtitlePadding": 14,
            "offset": 36,
            "color": _INK,
            "subtitleColor": _INK,
        },
        "spacing": 70,
        "hconcat": panels,
        "config": {
            "font": "sans-serif",
            "view": {"stroke": None},
            "axis": {
                "labelFontSize": 18,
                "titleFontSize": 18,
                "titleFontWeight": "normal",
                "labelColor": _INK,
                "titleColor": _INK,
                "gridOpacity": 0.3,
            },
        },
    }


def _nothing() -> dict[str, Any]:
    return {"mark": {"type": "point", "opacity": 0}, "data": {"values": [{}]}, **_size(1040)}


def _size(width: int) -> dict[str, int]:
    return {"width": width, "height": 290}


def _estimates(curves: Sequence[Curves]) -> dict[str, Any]:
    rows = [
        {"x": -1 + 2 * i / (len(curve.estimate) - 1), "y": y, "n": n}
        for n, curve in enumerate(curves)
        for i, y in enumerate(curve.estimate)
        if math.isfinite(y)
    ]
    scale = {"domain": [-1, 1], "clamp": True}
    x = {"field": "x", "type": "quantitative", "title": "input", "scale": scale}
    y = {"field": "y", "type": "quantitative", "title": "estimate", "scale": scale}
    for axis in (x, y):
        axis["axis"] = {"values": [-1, 0, 1]}
    target = [{"x": v, "y": v} for v in (-1, 1)]
    return {
        **_size(460),
        "encoding": {"x": x, "y": y},
        "layer": [
            {
                "data": {"values": target},
                "mark": {"type": "line", "color": _FAINT, "strokeDash": [8, 6], "strokeWidth": 2},
            },
            {
                "data": {"values": rows},
                "mark": {"type": "line", "strokeWidth": 5},
                "encoding": {"color": _color()},
            },
        ],
    }


def _gradients(curves: Sequence[Curves]) -> dict[str, Any]:
    rows = [
        {"layer": name, "g": min(max(value, _SMALLEST), _LARGEST), "n": n}
        for n, curve in enumerate(curves)
        for name, value in curve.gradients.items()
        if math.isfinite(value) and value > 0
    ]
    layers = max((list(curve.gradients) for curve in curves), key=len)
    return {
        **_size(460),
        "data": {"values": rows},
        "mark": {"type": "point", "filled": True, "size": 420, "opacity": 1},
        "encoding": {
            "x": {
                "field": "g",
                "type": "quantitative",
                "title": "gradient of each layer, log axis",
                "scale": {"type": "log", "domain": [_SMALLEST, _LARGEST]},
                "axis": {"format": "~e", "values": [10.0**k for k in range(-12, 2, 3)]},
            },
            "y": {
                "field": "layer",
                "type": "nominal",
                "title": None,
                "scale": {"domain": layers},
                "axis": {"grid": True},
            },
            "color": _color(),
        },
    }


def _color() -> dict[str, Any]:
    scale = {"domain": [0, 1], "range": list(_COLORS)}
    return {"field": "n", "type": "nominal", "scale": scale, "legend": None}
