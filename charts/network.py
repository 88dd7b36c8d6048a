"""The network itself: its units as circles, its edges as wide as their gradient or their weight.

On one fixed log axis, so that a gradient of 1e-6 is a hair beside one of 1e-3 in every network and
at every step. The units' shade is the signal on its way forward, on a log axis of its own.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import altair as alt
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from charts import layered, prebuilt, rows, theme
from charts.ladder import What
from charts.theme import INKS, REFERENCE, short, shown_name
from model.histogram import LOG_AXIS
from model.history import PROBE, Snapshot
from model.network import tensors, tensors_of
from model.state import Float32, Float64

Int8 = NDArray[np.int8]

# What a row of the data is. Numbers, because a frame has hundreds of rows.
EDGE, UNIT, DEAD, NAME, FIGURE, CORNER = range(6)

# No more units of a layer are drawn than this, and no more of any than keep the edges below this:
# more of them could not be told apart on a phone, and each costs the browser time in every frame.
_MOST_UNITS, _MOST_EDGES = 16, 600

# Kinds of network (depth and width) whose fixed columns are kept.
_KINDS = 32

# Sizes are sent as whole numbers, so many to a power of ten: the eye sees no step between two.
_STEPS = 8
_LARGEST = _STEPS * (LOG_AXIS[1] - LOG_AXIS[0])

# Outputs are shaded from 1e-5 (as good as nothing) to 1.
_OUTPUTS = (-5, 0)

# Where a unit stands in its column: from -_SIDE to _SIDE.
_SIDE = 1000

# Pixels that the circles keep from the sides, from the words above and the figures below.
_PAD, _HEAD, _FOOT = 9, 23, 40

# Steep: a thousandth has to look like less at first sight, not at a second one. What gets nothing
# leaves a trace, so that it is still a network.
_WIDTHS = alt.Scale(type="pow", exponent=4, domain=[0, _LARGEST], range=[0.35, 4.2])
_OPACITIES = alt.Scale(type="pow", exponent=2.5, domain=[0, _LARGEST], range=[0.06, 0.92])
_SHADES = alt.Scale(type="pow", exponent=1.6, domain=[0, _LARGEST], range=[0.04, 1])

# Where two stand side by side on a phone (in pixels).
_NARROW = 240

# Figures are left out where layers stand closer than they are long (in pixels).
_LEGIBLE = "scale('x', 1) - scale('x', 0) < 32 ? 0 : 1"

# The colour of text. On a canvas nothing has the page's own, but its ground is known.
_INK = alt.ExprRef(f"luminance(background) < 0.5 ? '{INKS['dark']}' : '{INKS['light']}'")

# A cross in place of a circle, as a path in a square from -1 to 1.
_CROSS = "M-.8,-.8L.8,.8M-.8,.8L.8,-.8"


@prebuilt
def spec() -> alt.LayerChart:
    """Layers from left to right, edges between them, and below each its name and its size."""
    # Nothing here knows how many layers there are: the axis ends where the data does.
    across = alt.Scale(zero=False, nice=False, range=[_PAD, alt.ExprRef(f"width - {_PAD}")])
    down = alt.Scale(
        domain=[-_SIDE, _SIDE], nice=False, range=[_HEAD, alt.ExprRef(f"height - {_FOOT}")]
    )
    x = alt.X("layer:Q", title=None, axis=None, scale=across)
    y = alt.Y("start:Q", title=None, axis=None, scale=down)
    # So many pixels in radius that sixteen circles have a gap between them.
    radius = f"min(6, (height - {_HEAD + _FOOT}) / {2.6 * _MOST_UNITS})"
    area = alt.ExprRef(f"PI * pow({radius}, 2)")
    edge = (
        rows(EDGE)
        .transform_calculate(next="datum.layer + 1")
        .mark_rule(
            xOffset=alt.ExprRef(f"{radius} + 1.5"),
            x2Offset=alt.ExprRef(f"-1.5 - {radius}"),
            aria=False,
        )
        .encode(
            x=x,
            x2="next:Q",
            y=y,
            y2="end:Q",
            color=theme.layer_colour(),
            strokeWidth=alt.StrokeWidth("size:Q", scale=_WIDTHS, legend=None),
            opacity=alt.Opacity("size:Q", scale=_OPACITIES, legend=None),
        )
    )
    # One layer for both: where no unit is dead, a layer of crosses would have no rows.
    is_dead = alt.datum.part == DEAD
    unit = (
        alt.Chart()
        .transform_filter((alt.datum.part == UNIT) | is_dead)
        .mark_point(size=area, fill=_INK, opacity=1, aria=False)
        .encode(
            x=x,
            y=y,
            shape=alt.condition(is_dead, alt.value(_CROSS), alt.value("circle")),
            stroke=alt.condition(is_dead, alt.value(REFERENCE), alt.value(_INK)),
            strokeWidth=alt.condition(is_dead, alt.value(1.5), alt.value(1)),
            fillOpacity=alt.FillOpacity("size:Q", scale=_SHADES, legend=None),
        )
    )
    between, middle = alt.X("middle:Q", title=None, axis=None, scale=across), "datum.layer + 0.5"
    name = (
        rows(NAME)
        .transform_calculate(middle=middle)
        .mark_text(
            y=alt.ExprRef("height - 29"),
            baseline="top",
            color=_INK,
            aria=False,
            fontSize=12,
            fontWeight="bold",
        )
    )
    figure = (
        rows(FIGURE)
        .transform_calculate(middle=middle)
        .mark_text(
            y=alt.ExprRef("height - 13"),
            baseline="top",
            color=_INK,
            aria=False,
            fontSize=11,
            opacity=alt.ExprRef(_LEGIBLE),
        )
    )
    corner = rows(CORNER).mark_text(
        x=alt.ExprRef("datum.layer ? width : 0"),
        y=alt.ExprRef(f"datum.start < 0 ? 0 : height - {_FOOT + 6}"),
        align=alt.ExprRef("datum.layer ? 'right' : 'left'"),
        # What does not fit beside the other corner ends in dots.
        limit=alt.ExprRef("datum.layer ? 0 : width - 95"),
        text=alt.ExprRef(f"width < {_NARROW} ? replace(datum.text, ' (log)', '') : datum.text"),
        fontSize=10.5,
        baseline="top",
        color=_INK,
        aria=False,
    )
    chart = layered(
        edge,
        unit,
        name.encode(x=between, text="text:N"),
        figure.encode(x=between, text="text:N"),
        corner,
    )
    # Hundreds of lines cost a browser a third as much on a canvas as in a tree of elements.
    return chart.properties(usermeta={"embedOptions": {"renderer": "canvas"}})


def data(snapshot: Snapshot, what: What = "gradients", quoted: Snapshot | None = None) -> pa.Table:
    """The rows of the chart: edges, units, and the words beside them.

    An edge is as wide as the size of its gradient, or of its weight (``what``); a unit is as
    dark as the root mean square of its outputs over the probe inputs. The words are those of
    ``quoted``, if it is given.
    """
    experiment = snapshot.experiment
    kept = _kept(experiment.layers, experiment.width)
    edges = _entries(snapshot, what)[kept.entries]
    seen = [outputs[:, : kept.units] for outputs in snapshot.activations]
    outputs = np.concatenate([PROBE[:, None], *seen, snapshot.estimate[:, None]], axis=1)
    # In float64, which the square of what is about to diverge does not overflow.
    squares = np.square(outputs, dtype=np.float64).sum(axis=0)
    dead = squares == 0
    dead[[0, -1]] = False  # an answer of zero is an answer
    words = _words(quoted or snapshot, what, kept.units)
    part = kept.part.copy()
    part[len(edges) : len(edges) + len(dead)] += dead
    sizes = np.zeros(len(part), np.int8)
    sizes[: -len(words)] = kept.steps(np.concatenate([edges, np.sqrt(squares / len(PROBE))]))
    texts = pa.DictionaryArray.from_arrays(kept.text_of, pa.array(["", *words]))
    return pa.table({"part": part, **kept.columns, "size": sizes, "text": texts})


def finding(snapshot: Snapshot, what: What = "gradients") -> str:
    """What the drawing shows, in a sentence for those who do not see it."""
    sizes = [f"of {name} {size}" for name, size in _figures(snapshot, what)]
    noun = "gradient" if what == "gradients" else "weights"
    return f"{noun} {', '.join(sizes)}; of the units {_deaths(snapshot)}"


class _Kept(NamedTuple):
    """What is drawn of a kind of network, whatever its numbers are."""

    units: int  # of each hidden layer
    entries: NDArray[np.intp]  # [edges], where the edges' weights stand among the parameters
    part: Int8  # as if no unit were dead
    columns: dict[str, pa.Array]  # those that are the same in every frame
    text_of: pa.Array  # which of the words each row has; edges and units have none
    slope: Float64  # of each edge and each unit: from the logarithm of its size to a whole number
    offset: Float64

    def steps(self, sizes: Float64) -> Float64:
        """Places on the log axes of edges and units, from 1 to _LARGEST; what is zero is at 0."""
        with np.errstate(all="ignore"):
            places = np.log10(sizes) * self.slope + self.offset
        # What is not a number any more has no size.
        return np.where(sizes > 0, np.rint(np.clip(places, 1, _LARGEST)), 0)


@lru_cache(_KINDS)
def _kept(layers: int, width: int) -> _Kept:
    """The first units of each layer, as many as can be told apart."""
    units = min(width, _MOST_UNITS)
    while (layers - 2) * units**2 + 2 * units > _MOST_EDGES:
        units -= 1
    sizes = [1, *[units] * (layers - 1), 1]
    entries, layer, start, end = [], [], [], []
    weights = [tensor for tensor in tensors(layers, width) if tensor.is_weight]
    for k, tensor in enumerate(weights):
        places = np.arange(tensor.start, tensor.stop).reshape(tensor.shape)
        entries.append(places[: sizes[k], : sizes[k + 1]].ravel())
        layer += [k] * entries[-1].size
        start.append(np.repeat(_column(sizes[k]), sizes[k + 1]))
        end.append(np.tile(_column(sizes[k + 1]), sizes[k]))
    places = np.concatenate(entries)
    part = [EDGE] * len(places) + [UNIT] * sum(sizes)
    layer += np.repeat(np.arange(layers + 1), sizes).tolist()
    start += map(_column, sizes)
    part += [NAME] * layers + [FIGURE] * layers + [CORNER] * 4
    layer += [*range(layers), *range(layers), 0, layers, 0, layers]
    start.append(np.repeat([0, -_SIDE, _SIDE], [2 * layers, 2, 2]).astype(np.int16))
    end.append(np.zeros(len(part) - len(places), np.int16))
    columns = {
        "layer": pa.array(layer, pa.int8()),
        # Of an edge, where its layer stands on the ramp of colours.
        "shade": pa.array([theme.shade(min(k, layers - 1), layers) for k in layer], pa.int8()),
        "start": pa.array(np.concatenate(start)),
        "end": pa.array(np.concatenate(end)),
    }
    text_of = np.zeros(len(part), np.int8)
    words = len(part) - len(places) - sum(sizes)
    text_of[-words:] = np.arange(1, words + 1)
    axes = np.repeat([LOG_AXIS, _OUTPUTS], [len(places), sum(sizes)], axis=0)
    slope = (_LARGEST - 1) / (axes[:, 1] - axes[:, 0])
    return _Kept(
        units,
        places,
        np.array(part, np.int8),
        columns,
        pa.array(text_of),
        slope,
        1 - axes[:, 0] * slope,
    )


def _column(units: int) -> NDArray[np.int16]:
    """Where the units of a layer stand, from top to bottom."""
    if units == 1:
        return np.zeros(1, np.int16)
    return np.linspace(-_SIDE, _SIDE, units).round().astype(np.int16)


def _entries(snapshot: Snapshot, what: What) -> Float32:
    """The size of each parameter's gradient, or of the parameter itself ``[P]``."""
    return snapshot.rms_vector if what == "gradients" else np.abs(snapshot.vector)


def _figures(snapshot: Snapshot, what: What) -> list[tuple[str, str]]:
    """Each weight matrix' name and its root mean square, of all its entries."""
    layers = snapshot.experiment.layers
    weights = [tensor for tensor in tensors_of(snapshot.experiment) if tensor.is_weight]
    if what == "gradients":
        sizes = [snapshot.rms[tensor.name] for tensor in weights]
    else:
        squares = np.square(snapshot.vector, dtype=np.float64)
        sizes = [float(np.sqrt(squares[t.start : t.stop].mean())) for t in weights]
    # Of many layers side by side there is room for one digit.
    text = short if layers <= 5 else _shorter
    return [
        (shown_name(layers, t.name), text(size)) for t, size in zip(weights, sizes, strict=True)
    ]


def _words(snapshot: Snapshot, what: What, units: int) -> list[str]:
    """The names and figures of the layers, and what stands in the four corners."""
    names, figures = zip(*_figures(snapshot, what), strict=True)
    caption = f"lines: {'gradient' if what == 'gradients' else 'weight'} (log)"
    if units < snapshot.experiment.width:
        caption = f"{units} of {snapshot.experiment.width} units a layer; {caption}"
    return [*names, *figures, caption, f"× {_deaths(snapshot)}", "input", "output"]


def _deaths(snapshot: Snapshot) -> str:
    units = (snapshot.experiment.layers - 1) * snapshot.experiment.width
    return f"{sum(snapshot.silent)} of {units} dead"


def _shorter(value: float) -> str:
    """A number in one digit, as ``0.3`` or ``2e-3``."""
    return short(float(f"{value:.0e}")).replace(".0e", "e")
