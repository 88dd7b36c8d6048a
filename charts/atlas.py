"""The atlas: depth against initial scale, and what becomes of the networks in each cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import altair as alt
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from charts import layered, prebuilt, rows, theme
from charts.theme import power_axis
from model.atlas import Atlas, Plan, he_scale, sleeping_scale, theory, xavier_scale
from model.describe import law
from model.experiment import PRESETS
from model.state import Float64

Quantity = Literal["wake_up", "loss", "gradient", "status"]

QUANTITIES: Mapping[Quantity, str] = {
    "wake_up": "wake-up step",
    "loss": "final loss",
    "gradient": "gradient of W at the start",
    "status": "verdict",
}

# The name of the selection that a click on a cell makes: its layers and its scale.
CELL = "cell"

_PLAN = Plan()

# Best to worst; a cell shows that of its middle seed.
_VERDICTS = tuple(theme.VERDICTS)

_DOMAINS: Mapping[Quantity, list[float]] = {
    "wake_up": [100, _PLAN.budget],
    "loss": [1e-4, 1e4],
    "gradient": [1e-16, 1e4],
}

# The network that the question is about: its depth and its scale.
_QUESTION = PRESETS["three_layers"]

_EXPLODED = "datum.status == 'exploded' || datum.status == 'diverged'"


def _colour(quantity: Quantity) -> alt.Color:
    title = QUANTITIES[quantity]
    if quantity == "status":
        scale = alt.Scale(domain=list(_VERDICTS), range=list(theme.VERDICTS.values()))
        return alt.Color("status:N", title=title, scale=scale)
    scale = alt.Scale(
        type="log",
        domain=_DOMAINS[quantity],
        clamp=True,
        # Dark is late, and dark is a gradient too small to move anything.
        scheme=theme.ATLAS,
        reverse=quantity != "gradient",
    )
    legend = alt.Legend(format="~s" if quantity == "wake_up" else "~e", gradientLength=160)
    return alt.Color(f"{quantity}:Q", title=title, scale=scale, legend=legend)


def _chart(quantity: Quantity) -> alt.LayerChart:
    low, high = _edges(_PLAN)
    x = alt.X(
        "low:Q",
        title="initial scale: standard deviation of weights and biases",
        scale=alt.Scale(type="log", domain=[low[0], high[-1]], nice=False),
        axis=power_axis(-4, 1),
    )
    depth = alt.Y("layers:O", title="layers", scale=alt.Scale(domain=list(_PLAN.layers)))
    tooltip = [
        alt.Tooltip("layers:O"),
        alt.Tooltip("scale:Q", title="initial scale", format=".3~g"),
        alt.Tooltip("label:N", title="half the seeds awake by step"),
        alt.Tooltip("seeds:N", title="each seed"),
        alt.Tooltip("predicted:Q", title="theory says", format=",.3~r"),
        alt.Tooltip("status:N", title="verdict"),
        alt.Tooltip("loss:Q", title="final loss", format=".2~g"),
        alt.Tooltip("gradient:Q", title="gradient of W at the start", format=".2~g"),
    ]
    clicked = alt.selection_point(name=CELL, fields=["layers", "scale"])
    colour: Any = _colour(quantity)
    special = [{"test": _EXPLODED, "value": theme.EXPLODED}]
    if quantity == "wake_up":
        special.append({"test": "datum.label == 'asleep'", "value": theme.ASLEEP})
    if quantity != "status":
        colour = alt.Color(**(colour.to_dict() | {"condition": special}))
    cells = (
        rows("cell")
        .mark_rect(cursor="pointer")
        .encode(x=x, x2="high:Q", y=depth, color=colour, tooltip=tooltip)
        .add_params(clicked)
    )
    exploded = (
        rows("cell")
        .transform_filter(_EXPLODED)
        .mark_point(
            shape="cross", size=22, angle=45, filled=True, color=theme.CELL_INK, opacity=0.6
        )
        .encode(x="scale:Q", y=depth)
    )
    # The theory's edge of sleep: to the left of it, longer than the budget.
    edge = (
        rows("edge")
        .mark_line(
            point=alt.OverlayMarkDef(color="white", size=40),
            color="white",
            strokeWidth=2.5,
            strokeDash=[6, 3],
        )
        .encode(x="scale:Q", y=depth, tooltip=[alt.Tooltip("label:N", title="theory")])
    )
    line = rows("line").mark_rule(color=theme.CELL_INK, strokeWidth=1.5).encode(x="scale:Q")
    # One on each side of the pair of lines, which are but a few pixels apart on a phone.
    names = [
        rows("line")
        .transform_filter(alt.datum.label == label)
        .mark_text(align="right", angle=270, dy=dy, color=theme.CELL_INK, fontSize=11)
        .encode(x="scale:Q", y=alt.value(6), text="label:N")
        for label, dy in (("Xavier", -6), ("He", 9))
    ]
    crosses = [] if quantity == "status" else [exploded]
    return layered(cells, line, *names, edge, *crosses, *_here(depth), *_key(quantity))


def _here(depth: alt.Y) -> list[alt.Chart]:
    """A ring around the network of the question, and what it is."""
    ring = rows("here").mark_point(shape="circle", size=110, opacity=1, filled=False)
    tip = [alt.Tooltip("label:N", title="here")]
    word = rows("here").mark_text(align="left", dx=10, fontSize=11, fontWeight="bold")
    word = word.encode(x="scale:Q", y=depth, text=alt.value("you are here"))
    return [
        ring.encode(
            x="scale:Q",
            y=depth,
            stroke=alt.value(colour),
            strokeWidth=alt.value(width),
            tooltip=tip,
        )
        for colour, width in ((theme.CELL_INK, 5), ("white", 2.5))
    ] + [
        word.encode(
            color=alt.value("white"),
            stroke=alt.value(colour),
            strokeWidth=alt.value(width),
        )
        for colour, width in ((theme.CELL_INK, 3), ("white", 0))
    ]


def _key(quantity: Quantity) -> list[alt.Chart]:
    """Above the plot, the two colours that are on no scale."""
    entries = [("exploded", theme.EXPLODED)]
    if quantity == "status":
        return []
    if quantity == "wake_up":
        entries.insert(0, ("asleep to the end", theme.ASLEEP))
    layers = []
    for place, (text, colour) in enumerate(entries):
        row, left = rows("key"), 130 * place
        square = row.mark_point(
            shape="square",
            size=90,
            filled=True,
            opacity=1,
            fill=colour,
            stroke=theme.REFERENCE,
            strokeWidth=1,
        )
        words = row.mark_text(align="left", baseline="middle", fontSize=11, color=theme.INK)
        layers += [
            square.encode(x=alt.value(left + 6), y=alt.value(-9)),
            words.encode(x=alt.value(left + 16), y=alt.value(-9), text=alt.value(text)),
        ]
    return layers


_SPECS = {
    quantity: prebuilt(lambda quantity=quantity: _chart(quantity))  # type: ignore[misc]
    for quantity in QUANTITIES
}


def spec(quantity: Quantity = "wake_up") -> dict[str, Any]:
    """The chart of one quantity; all of them are drawn from the same data."""
    return _SPECS[quantity]()


def data(atlas: Atlas) -> pa.Table:
    """The rows of the chart: cells that are known, the edge of sleep, Xavier's and He's lines."""
    plan, base = atlas.plan, atlas.plan.base
    half, statuses = atlas.wake_up_of_half, _of_middle_seed(atlas.status)
    low, high = _edges(plan)
    found = []
    for d, s in np.argwhere(~np.isnan(half)):
        layers, scale = plan.layers[d], plan.scales[s]
        found.append(
            {
                "part": "cell",
                "layers": layers,
                "scale": scale,
                "low": low[s],
                "high": high[s],
                # Null would take the cell off the chart: what sleeps has a colour of its own.
                "wake_up": float(np.clip(half[d, s], 1, plan.budget)),
                "label": _step(half[d, s]),
                "seeds": ", ".join(
                    _step(step) for step in np.nan_to_num(atlas.wake_up[d, s], nan=np.inf)
                ),
                "predicted": float(theory(layers, scale, base.width, base.learning_rate)),
                "status": str(statuses[d, s]),
                "loss": _finite(np.median(atlas.loss[d, s])),
                "gradient": _finite(np.median(atlas.gradient[d, s])),
            }
        )
    for layers in plan.layers:
        scale = sleeping_scale(layers, plan.budget, base.width, base.learning_rate)
        if scale >= low[0]:
            label = f"asleep for {plan.budget:,} steps from {scale:.2g} down"
            found.append({"part": "edge", "layers": layers, "scale": scale, "label": label})
    found.append({"part": "key"})
    e = _QUESTION
    here = f"the question's network: {e.layers} layers, {law(e)}"
    found.append({"part": "here", "layers": e.layers, "scale": e.weight_scale, "label": here})
    for label, scale in (("Xavier", xavier_scale(base.width)), ("He", he_scale(base.width))):
        found.append({"part": "line", "scale": scale, "label": label})
    return pa.Table.from_pylist(found, _SCHEMA)


_SCHEMA = pa.schema(
    [("part", pa.string()), ("layers", pa.int64())]
    + [(name, pa.float64()) for name in ("scale", "low", "high", "wake_up", "predicted")]
    + [(name, pa.string()) for name in ("label", "seeds", "status")]
    + [(name, pa.float64()) for name in ("loss", "gradient")]
)


def _edges(plan: Plan) -> tuple[Float64, Float64]:
    """Where the cells of the scales begin and end, so that they touch on a log axis."""
    logs = np.log(plan.scales)
    between = (logs[1:] + logs[:-1]) / 2
    first, last = 2 * logs[0] - between[0], 2 * logs[-1] - between[-1]
    return np.exp(np.append(first, between)), np.exp(np.append(between, last))


def _of_middle_seed(status: NDArray[np.str_]) -> NDArray[np.str_]:
    """Per cell the verdict that half the seeds reach or better ``[D, S]``."""
    rank = np.argmax(status[..., None] == np.array(_VERDICTS), axis=-1)
    middle = np.sort(rank, axis=2)[..., (status.shape[2] - 1) // 2]
    verdicts: NDArray[np.str_] = np.array(_VERDICTS)[middle]
    return verdicts


def _step(step: float) -> str:
    return f"{step:,.0f}" if np.isfinite(step) else "asleep"


def _finite(number: float) -> float | None:
    """A number for a log axis; what diverged has none."""
    return float(number) if np.isfinite(number) and number > 0 else None
