"""The poster: a whole comparison on one sheet, as SVG and PNG, good enough to print.

It arranges the charts of the page: the estimate against the input, the gradients of each layer by
magnitude, their flow over the steps, and the loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from charts.pictures import estimate_of, flow_of, ladder_of, loss_of
from charts.sheet import Cell, Spec, png, sheet, svg
from charts.theme import LANES, Mode
from export.page import cite
from model.describe import describe, titles
from model.history import History

# Pixels: two columns, the axis between them and the margins come to about 1,200.
_COLUMN, _GAP = 510, 76
_HIGH, _LOW, _ROW = 250, 220, 50

# Characters of a line of words across the sheet.
_LINE = 170


@dataclass(frozen=True)
class Lane:
    """One network on the poster."""

    name: str
    history: History
    verdict: str  # one sentence


def poster_svg(lanes: Sequence[Lane], url: str, version: str, mode: Mode = "light") -> str:
    """The poster as SVG; text stays text.

    Raises
    ------
    ValueError
        If there are no lanes, more than two, or one that has not begun.
    """
    return svg(poster_spec(lanes, url, version, mode))


def poster_png(
    lanes: Sequence[Lane], url: str, version: str, mode: Mode = "light", scale: float = 2
) -> bytes:
    """The poster as PNG, ``scale`` times 1,200 pixels wide: the default prints at 200 dpi on A5.

    Raises
    ------
    ValueError
        If there are no lanes, more than two, or one that has not begun.
    """
    return png(poster_spec(lanes, url, version, mode), scale)


def poster_spec(lanes: Sequence[Lane], url: str, version: str, mode: Mode = "light") -> Spec:
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
    histories = {key: lane.history for key, lane in zip(LANES, lanes, strict=False)}
    ends = {key: int(history.steps[-1]) for key, history in histories.items()}
    now = {key: history.at(ends[key]) for key, history in histories.items()}
    end = max(ends.values())
    named = titles({key: history.experiment for key, history in histories.items()})
    tall = max(_HIGH, *(_ROW * history.experiment.layers for history in histories.values()))

    estimate = Cell(
        estimate_of(now),
        _COLUMN,
        _HIGH,
        "The estimate",
        "What the network answers to each input; grey: what it should answer",
    )
    ladders = [
        Cell(
            ladder_of(histories, now, key, "gradients"),
            _COLUMN,
            tall,
            "The gradient of each layer's weights" + (f": {named[key]}" if len(lanes) > 1 else ""),
            "By magnitude, log axis. Filled: now; outline: step 0; RMS: root mean square",
        )
        for key in histories
    ]
    flow = Cell(
        flow_of(histories, end, end),
        _COLUMN if len(lanes) == 1 else 2 * _COLUMN + _GAP,
        _LOW,
        "The flow of the gradient",
        "Root mean square over the steps since the point before, log axis",
    )
    loss = Cell(
        loss_of(histories, end, end),
        _COLUMN,
        _LOW if len(lanes) == 1 else _HIGH,
        "The loss",
        "Mean over the steps since the point before",
    )
    rows = [[estimate, loss], ladders, [flow]] if len(lanes) > 1 else [[estimate, *ladders]]
    if len(lanes) == 1:
        rows.append([flow, loss])
    words = [line for lane in lanes for line in _words(lane)]
    title = "The Middle Layer: can the network learn to repeat its input?"
    return sheet(rows, mode, title=title, lines=words, foot=cite(url, version), gap=_GAP)


def _words(lane: Lane) -> list[str]:
    """What the network is, and what has become of it."""
    steps = int(lane.history.steps[-1])
    return [*wrap(describe(lane.history.experiment, steps), _LINE), *wrap(lane.verdict, _LINE)]
