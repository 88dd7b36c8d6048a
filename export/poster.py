"""The poster: a whole comparison on one sheet, as SVG and PNG, good enough to print.

One column a network; in it the estimate against the input, the gradients of each layer by
magnitude, their flow over the steps, and the loss. Both columns have the same axes, so that what
looks smaller is smaller. Rendered by vl-convert, which fetches nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, Literal

import altair as alt
import numpy as np
import vl_convert

from export.page import cite
from model.describe import describe
from model.diagnosis import IGNORANT, SPAN
from model.histogram import LOG_AXIS, log_edges, magnitude_counts
from model.history import PROBE, History, Snapshot
from model.network import tensors_of
from model.state import Float32

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
Rows = list[dict[str, Any]]
Chart = alt.LayerChart | alt.FacetChart

# Pixels: two columns, the axis between them and the margins come to about 1,200.
COLUMN = 510
GAP = 76
_HIGH, _LOW = 240, 180  # rows of charts; the ladder's grows with the layers
_LADDER_ROW = 46

# Characters of the subtitle's size that fit a column, and the sheet.
_LINE, _WIDE_LINE = 92, 190

# How much of a row of the ladder its tallest bar takes; the rest is for the row's label.
_TALLEST = 0.58

# Ink, faint ink and paper.
_INK: Mapping[Theme, tuple[str, str, str]] = {
    "light": ("#1f2430", "#6b7483", "#ffffff"),
    "dark": ("#e8eaf0", "#98a1b0", "#12151c"),
}

# First layer to last, after viridis (Smith & van der Walt 2015), which keeps its order in grey and
# for the colour-blind; its ends bent so that each colour has a contrast of 3 : 1 to the paper.
_COLORS: Mapping[Theme, tuple[str, ...]] = {
    "light": (
        *("#440154", "#46307e", "#3b528b", "#2c728e"),
        *("#1f8a86", "#1f9a6e", "#4a9a3c", "#8f9a00"),
    ),
    "dark": (
        *("#7a8ed6", "#5aa5dc", "#3dbad0", "#34c9ad"),
        *("#55d17f", "#8bd94f", "#c4de33", "#fde725"),
    ),
}

# Answers beyond this many times the target's range would flatten everything else.
_MOST_ANSWER = 3.0


@dataclass(frozen=True)
class Lane:
    """One network on the poster."""

    name: str
    history: History
    verdict: str  # one sentence


def poster_svg(lanes: Sequence[Lane], url: str, version: str, theme: Theme = "light") -> str:
    """The poster as SVG; text stays text.

    Raises
    ------
    ValueError
        If there are no lanes, more than two, or one that has not begun.
    """
    svg: str = vl_convert.vegalite_to_svg(
        poster_spec(lanes, url, version, theme), allowed_base_urls=[]
    )
    return svg


def poster_png(
    lanes: Sequence[Lane], url: str, version: str, theme: Theme = "light", scale: float = 2
) -> bytes:
    """The poster as PNG, ``scale`` times 1,200 pixels wide: the default prints at 200 dpi on A5.

    Raises
    ------
    ValueError
        If there are no lanes, more than two, or one that has not begun.
    """
    png: bytes = vl_convert.vegalite_to_png(
        poster_spec(lanes, url, version, theme), scale=scale, allowed_base_urls=[]
    )
    return png


def poster_spec(
    lanes: Sequence[Lane], url: str, version: str, theme: Theme = "light"
) -> dict[str, Any]:
    """The poster as a Vega-Lite spec with its data inside.

    Raises
    ------
    ValueError
        If there are no lanes, more than two, or one that has not begun.
    """
    if not 1 <= len(lanes) <= 2:
        raise ValueError(f"a poster shows one network or two, not {len(lanes)}")
    for lane in lanes:
        if not len(lane.history):
            raise ValueError(f"{lane.name!r} has not begun: there is nothing to show of it")
    sheet = _Sheet(lanes, theme)
    charts = [
        [sheet.estimate(lane), sheet.ladder(lane), sheet.flow(lane), sheet.loss(lane)]
        for lane in lanes
    ]
    if len(lanes) == 1:
        ((estimate, ladder, flow, loss),) = charts
        rows: list[tuple[Chart, ...]] = [(estimate, ladder), (flow, loss)]
    else:
        rows = [tuple(sheet.head(lane) for lane in lanes), *zip(*charts, strict=True)]
    foot = sheet.words([cite(url, version)], faint=True)
    poster = (
        alt.vconcat(*[_beside(row) for row in rows], foot, spacing=16)
        .resolve_scale(color="independent")
        .properties(title=alt.TitleParams(**sheet.title()), padding=24)
    )
    spec: dict[str, Any] = poster.to_dict()
    return spec | {"config": sheet.config(), "datasets": sheet.datasets}


class _Sheet:
    """What the charts of one poster share: the lanes' common axes, and the colours."""

    def __init__(self, lanes: Sequence[Lane], theme: Theme) -> None:
        self._lanes = lanes
        self._ink, self._faint, self._paper = _INK[theme]
        self._colors = _COLORS[theme]
        self.datasets: dict[str, Rows] = {}
        self._end = max(int(lane.history.steps[-1]) for lane in lanes) or 1
        # A row of the ladder is as high in every lane, however many layers it has.
        self._most_layers = max(lane.history.experiment.layers for lane in lanes)
        self._high = max(_HIGH, _LADDER_ROW * self._most_layers)
        answers = np.concatenate([_now(lane).estimate for lane in lanes])
        seen = answers[np.isfinite(answers)]
        low, high = min(-1.0, *seen, 0.0), max(1.0, *seen, 0.0)
        self._answers = [max(low, -_MOST_ANSWER), min(high, _MOST_ANSWER)]

    def title(self) -> dict[str, Any]:
        """The sheet's title, and of a single network what it is."""
        lines = ["Can the network learn to repeat its input?"]
        if len(self._lanes) == 1:
            (lane,) = self._lanes
            lines = [*wrap(_described(lane), _WIDE_LINE), *wrap(lane.verdict, _WIDE_LINE)]
        return {
            "text": "The Middle Layer",
            "subtitle": lines,
            "anchor": "start",
            "fontSize": 24,
            "subtitleFontSize": 13,
            "subtitlePadding": 8,
            "offset": 18,
        }

    def head(self, lane: Lane) -> Chart:
        """The words above a column: name, experiment, verdict."""
        texts = [
            [*wrap(_described(each), _LINE), *wrap(each.verdict, _LINE)] for each in self._lanes
        ]
        own = texts[list(self._lanes).index(lane)]
        lines = own + [""] * (max(map(len, texts)) - len(own))
        return self.words([lane.name, *lines], bold_first=True).properties(width=COLUMN)

    def words(self, lines: Sequence[str], faint: bool = False, bold_first: bool = False) -> Chart:
        """Lines of text as a chart, because only charts can stand in a grid of charts."""
        rows = [{"line": i, "text": line} for i, line in enumerate(lines)]
        base = self._chart(rows).encode(x=alt.value(0), y=alt.Y("line:O", axis=None), text="text:N")
        color = self._faint if faint else self._ink
        plain = base.transform_filter("datum.line > 0" if bold_first else "true").mark_text(
            align="left", fontSize=12, color=color
        )
        bold = base.transform_filter("datum.line == 0" if bold_first else "false").mark_text(
            align="left", fontSize=15, fontWeight="bold", color=color
        )
        return alt.layer(plain, bold).properties(height=18 * len(lines), width=COLUMN)

    def estimate(self, lane: Lane) -> Chart:
        """The estimate against the input, and the line that it should be."""
        answers = _now(lane).estimate
        rows = [
            {"input": _plain(x), "estimate": _plain(y)}
            for x, y in zip(PROBE, answers, strict=True)
            if np.isfinite(y)
        ]
        domain = alt.Scale(domain=self._answers, clamp=True, nice=False)
        x = alt.X("input:Q", title="input", scale=alt.Scale(domain=[-1, 1]), axis=_axis("~g", 5))
        y = alt.Y("estimate:Q", title="estimate", scale=domain, axis=_axis("~g", 5))
        target = self._chart([{"input": v, "estimate": v} for v in (-1, 1)])
        note = f"The estimate moves by {_moves(answers)} of {SPAN:.2f}; dashed: the right answer"
        return self._titled(
            alt.layer(
                target.mark_line(strokeDash=[5, 4], color=self._faint).encode(x=x, y=y),
                self._chart(rows)
                .mark_line(strokeWidth=2.5, color=self._colors[3])
                .encode(x=x, y=y),
            ),
            self._high,
            "The estimate",
            note,
        )

    def ladder(self, lane: Lane) -> Chart:
        """Magnitudes of each layer's gradient entries, now and at step 0, on one log axis."""
        bars, labels = _ladder_rows(lane.history)
        x = alt.X(
            "magnitude:Q",
            title="magnitude of a gradient's entries",
            scale=alt.Scale(type="log", domain=[10.0**end for end in LOG_AXIS], nice=False),
            axis=_axis("~e", values=[10.0**k for k in range(LOG_AXIS[0], LOG_AXIS[1] + 1, 2)]),
        )
        y = alt.Y(
            "y:Q",
            axis=None,
            scale=alt.Scale(domain=[self._most_layers, 0], nice=False, zero=False),
        )
        base = self._chart(bars)
        words = self._chart(labels).encode(y=y)
        return self._titled(
            alt.layer(
                base.transform_filter("datum.part == 'now'")
                .mark_area(interpolate="step-after", opacity=0.9)
                .encode(x=x, y=y, y2="floor:Q", color=self._layers(lane, legend=False)),
                base.transform_filter("datum.part == 'start'")
                .mark_line(interpolate="step-after", strokeWidth=1, color=self._faint)
                .encode(x=x, y=y, detail="layer:N"),
                words.mark_text(
                    align="left",
                    baseline="bottom",
                    dy=-2,
                    fontSize=12,
                    fontWeight="bold",
                    color=self._ink,
                ).encode(x=alt.value(3), text="name:N"),
                words.mark_text(
                    align="right", baseline="bottom", dy=-2, fontSize=12, color=self._ink
                ).encode(x=alt.value("width"), text="figures:N"),
            ),
            self._high,
            "The gradient of each layer's weights",
            "Filled: the last step; outline: step 0; σ: standard deviation; exact zeros apart",
        )

    def flow(self, lane: Lane) -> Chart:
        """Root mean square gradient of each layer's weights against the step, log axis."""
        history = lane.history
        rows = [
            {"step": int(step), "rms": _plain(rms), "layer": _shown(history, tensor.name)}
            for tensor in tensors_of(history.experiment)
            if tensor.is_weight
            for step, rms in zip(history.steps, history.tensors[tensor.name].rms, strict=True)
            if np.isfinite(rms) and rms > 0
        ]
        y = alt.Y(
            "rms:Q",
            title="gradient (RMS)",
            scale=alt.Scale(
                type="log", domain=[10.0**end for end in LOG_AXIS], nice=False, clamp=True
            ),
            axis=_axis("~e", values=[10.0**k for k in range(LOG_AXIS[0], 2, 3)]),
        )
        chart = (
            self._chart(rows)
            .mark_line(strokeWidth=2)
            .encode(x=self._step(), y=y, color=self._layers(lane, legend=True))
        )
        return self._titled(
            alt.layer(chart),
            _LOW,
            "The flow of the gradient",
            "Root mean square over the steps since the point before",
        )

    def loss(self, lane: Lane) -> Chart:
        """Mean loss against the step, and the line of those who ignore the input."""
        history = lane.history
        top = 2 * IGNORANT
        for each in self._lanes:
            mean = each.history.mean_loss
            top = max(top, *(float(v) for v in mean[np.isfinite(mean)]))
        scale = alt.Scale(domain=[0, min(top, _MOST_ANSWER)], clamp=True, nice=False)
        y = alt.Y("loss:Q", title="mean loss", scale=scale, axis=_axis("~g", 4))
        rows = [
            {"step": int(step), "loss": _plain(loss)}
            for step, loss in zip(history.steps, history.mean_loss, strict=True)
            if np.isfinite(loss)
        ]
        ignorant = [{"step": step, "loss": IGNORANT} for step in (0, self._end)]
        return self._titled(
            alt.layer(
                self._chart(ignorant)
                .mark_line(strokeDash=[5, 4], color=self._faint)
                .encode(x=self._step(), y=y),
                self._chart(rows)
                .mark_line(strokeWidth=2, color=self._colors[3])
                .encode(x=self._step(), y=y),
            ),
            _LOW,
            "The loss",
            "Dashed: 1/3, as good as ignoring the input",
        )

    def config(self) -> dict[str, Any]:
        """The sheet's colours and its one type face."""
        ink, faint = self._ink, self._faint
        return {
            "background": self._paper,
            "font": "sans-serif",
            "view": {"stroke": None},
            "axis": {
                "labelColor": ink,
                "titleColor": ink,
                "domainColor": faint,
                "tickColor": faint,
                "gridColor": faint,
                "gridOpacity": 0.22,
                "labelFontSize": 12,
                "titleFontSize": 12,
                "titleFontWeight": "normal",
            },
            "title": {"color": ink, "subtitleColor": ink, "fontWeight": "bold"},
            "legend": {"labelColor": ink, "labelFontSize": 12},
        }

    def _chart(self, rows: Rows) -> alt.Chart:
        # By name: Altair would copy and check every number, several times over.
        name = f"rows {len(self.datasets)}"
        self.datasets[name] = rows
        return alt.Chart(alt.NamedData(name))

    def _titled(self, chart: Chart, height: int, text: str, note: str) -> Chart:
        title = alt.TitleParams(
            text=text,
            subtitle=note,
            anchor="start",
            frame="group",
            fontSize=14,
            subtitleFontSize=12,
            offset=8,
        )
        return chart.properties(width=COLUMN, height=height, title=title)

    def _step(self) -> alt.X:
        scale = alt.Scale(domain=[0, self._end], nice=False)
        return alt.X("step:Q", title="step", scale=scale, axis=_axis("~s", 6))

    def _layers(self, lane: Lane, legend: bool) -> alt.Color:
        names = [name for name, _ in _weights(lane.history)]
        spread = np.linspace(0, len(self._colors) - 1, len(names)).round().astype(int)
        return alt.Color(
            "layer:N",
            sort=None,
            scale=alt.Scale(domain=names, range=[self._colors[i] for i in spread]),
            legend=alt.Legend(orient="bottom", title=None) if legend else None,
        )


def _beside(charts: Sequence[Chart]) -> alt.HConcatChart:
    """Put charts side by side, plot by plot: so that the columns of all rows are in line."""
    row: alt.HConcatChart = alt.hconcat(*charts, bounds="flush", spacing=GAP).resolve_scale(
        color="independent"
    )
    return row


def _described(lane: Lane) -> str:
    return describe(lane.history.experiment, int(lane.history.steps[-1]))


def _now(lane: Lane) -> Snapshot:
    return lane.history.at(int(lane.history.steps[-1]))


def _axis(number: str, ticks: int = 5, values: Sequence[float] | None = None) -> alt.Axis:
    # Tick by tick: Vega's own format would write the first of 0, 2k, 4k as 0k.
    label = f"datum.value == 0 || datum.value == 1 ? datum.value : format(datum.value, '{number}')"
    if values is None:
        return alt.Axis(labelExpr=label, tickCount=ticks)
    return alt.Axis(labelExpr=label, values=list(values))


def _plain(number: np.floating[Any]) -> float:
    """A single as the shortest decimal that is read back as it, so that the spec stays small."""
    return float(str(np.float32(number)))


def _moves(answers: Float32) -> str:
    return f"{np.ptp(answers):.2f}" if np.isfinite(answers).all() else "no finite part"


def _weights(history: History) -> list[tuple[str, slice]]:
    """The weight matrices by the name they are shown under, and where they lie."""
    return [
        (_shown(history, t.name), slice(t.start, t.stop))
        for t in tensors_of(history.experiment)
        if t.is_weight
    ]


def _shown(history: History, name: str) -> str:
    """A tensor's name as on the page: of two layers, the question calls the last pair 2."""
    return name.replace("1", "2") if history.experiment.layers == 2 else name


def _ladder_rows(history: History) -> tuple[Rows, Rows]:
    """The outlines of the ladder's histograms, and its labels; rows grow downwards."""
    edges, last = log_edges(), int(history.steps[-1])
    bars: Rows = []
    labels: Rows = []
    for row, (name, place) in enumerate(_weights(history)):
        for part, step in (("start", 0), ("now", last)):
            heights = magnitude_counts(history.at(step).gradient_vector[place], edges)
            heights = _TALLEST * heights / max(float(heights.max()), 1.0)
            bars += [
                {"part": part, "layer": name, "magnitude": edge, "y": row + 1 - y, "floor": row + 1}
                for edge, y in zip(edges.tolist(), [*heights.tolist(), 0.0], strict=True)
            ]
        entries = history.at(last).gradient_vector[place]
        labels.append({"name": name, "figures": _figures(entries), "y": row + 1 - _TALLEST})
    return bars, labels


def _figures(entries: Float32) -> str:
    """The spread of a gradient's entries, and how many of them are exactly zero."""
    if not np.isfinite(entries).all():
        return "not a number"
    zeros = float((entries == 0).mean())
    spread = f"σ {entries.std(dtype=np.float64):.1e}"
    return f"{zeros:.0%} exactly zero, {spread}" if zeros else spread
