"""The loss, against what it costs to ignore the input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import altair as alt
import numpy as np
import pyarrow as pa

from charts import layered, prebuilt, rows, theme
from charts.flow import mark_of_a_step
from charts.theme import INK, REFERENCE, short
from model.describe import titles
from model.evidence import IGNORANT
from model.history import History

# How far down the chart the words beside each mark stand, so that they never meet each other.
_HEIGHTS = {"guess": 0.34, "forecast": 0.5, "woke": 0.66}


@dataclass(frozen=True)
class Marks:
    """What was said of the step at which a network wakes up, and when it did."""

    guess: int | None = None  # the reader's
    forecast: tuple[int, int, int] | None = None  # earliest, best guess, latest
    woke: int | None = None

    @property
    def hit(self) -> bool | None:
        """Whether it woke up when the forecast said; ``None`` as long as nobody knows."""
        if self.forecast is None or self.woke is None:
            return None
        early, _, late = self.forecast
        return early <= self.woke <= late


@prebuilt
def spec() -> alt.LayerChart:
    """Mean loss of each lane since the step remembered before, and the line at 1/3."""
    x = alt.X("step:Q", title=None, axis=theme.step_axis())
    y = alt.Y("loss:Q", title="mean loss", axis=theme.number_axis(4))
    line = (
        rows("lane")
        .mark_line(strokeWidth=2)
        .encode(x=x, y=y, color=theme.network_colour(), strokeDash=theme.network_dash())
    )
    rule = rows("ignoring").mark_line(strokeWidth=1.5, color=REFERENCE).encode(x=x, y=y)
    band = rows("band").mark_rect(color=REFERENCE, opacity=0.22, clip=True)
    # Beside its line, on the side that has more room.
    right = "datum.step > domain('x')[1] / 2"
    said = alt.Chart().transform_filter(alt.FieldOneOfPredicate(field="part", oneOf=list(_HEIGHTS)))
    marks = said.mark_rule(
        color=INK,
        strokeWidth=alt.ExprRef("datum.text ? (datum.part == 'woke' ? 2 : 1.2) : 0"),
        strokeDash=alt.ExprRef("datum.part == 'woke' ? [1, 0] : [4, 3]"),
    )
    words = said.mark_text(
        y=alt.ExprRef(f"height * ({_where(_HEIGHTS)})"),
        align=alt.ExprRef(f"{right} ? 'right' : 'left'"),
        dx=alt.ExprRef(f"{right} ? -5 : 5"),
        fontSize=11,
        color=INK,
    )
    return layered(
        band.encode(x=x, x2="until:Q"),
        rule,
        line,
        mark_of_a_step(x),
        marks.encode(x=x),
        words.encode(x=x, text="text:N"),
        *theme.key(lines=2),
    )


def _where(heights: Mapping[str, float]) -> str:
    """An expression of the height that belongs to a row's part."""
    cases = [f"datum.part == '{part}' ? {height} : " for part, height in heights.items()]
    return "".join(cases) + "0"


def data(
    lanes: Mapping[str, History], end: int, shown: int, marks: Marks | None = None
) -> pa.Table:
    """The rows of the chart.

    ``end`` is the last step that the axis shows, ``shown`` the one that the other charts show;
    ``marks`` are what was said of the wake-up, and when it came.
    """
    part, lane_of = ["ignoring"] * 2, [""] * 2
    steps = [np.array([0, end], np.int64)]
    loss = [np.full(2, IGNORANT, np.float32)]
    for lane, history in lanes.items():
        seen = np.isfinite(history.mean_loss)
        steps.append(history.steps[seen])
        loss.append(history.mean_loss[seen])
        lane_of += [lane] * int(seen.sum())
        part += ["lane"] * int(seen.sum())
    names = titles({lane: history.experiment for lane, history in lanes.items()})
    names[theme.GREY] = "as good as ignoring the input"
    said = _marked(marks or Marks(), end)
    extra = 1 + len(names) + len(said)
    at = np.array([shown] * (1 + len(names)) + [first for _, first, _, _ in said])
    until = np.zeros(len(part) + extra, np.int64)
    until[len(part) + 1 + len(names) :] = [last for _, _, last, _ in said]
    return pa.table(
        {
            "part": [*part, "shown", *["key"] * len(names), *[mark for mark, *_ in said]],
            "lane": [*lane_of, "", *names, *[""] * len(said)],
            "step": np.concatenate([*steps, at]),
            "loss": np.concatenate([*loss, np.full(extra, np.nan, np.float32)]),
            "text": [""] * (len(part) + 1) + [*names.values(), *[text for *_, text in said]],
            "until": until,
        }
    )


def _marked(marks: Marks, end: int) -> list[tuple[str, int, int, str]]:
    """The rows of the marks: part, step, last step and words. None makes the axis longer."""
    # Two that are not seen: Vega warns of rows that are not there.
    found = [("band", 0, 0, ""), ("guess", 0, 0, "")]
    if marks.guess is not None:
        found.append(("guess", min(marks.guess, end), 0, f"your guess: {marks.guess:,}"))
    if marks.forecast is not None:
        early, likely, late = marks.forecast
        found.append(("band", min(early, end), min(late, end), ""))
        found.append(("forecast", min(likely, end), 0, f"forecast: {likely:,}"))
    if marks.woke is not None:
        ends = {None: "", True: ", as forecast", False: ", not as forecast"}[marks.hit]
        found.append(("woke", min(marks.woke, end), 0, f"woke up: {marks.woke:,}{ends}"))
    return found


def finding(lanes: Mapping[str, History], shown: int) -> str:
    """What the chart shows, in words for those who do not see it."""
    return "; ".join(_cost(_recent(history, shown)) for history in lanes.values())


def _recent(history: History, shown: int) -> float:
    """The mean loss over the last quarter of the steps: over a few of them it is mostly chance."""
    steps, now = history.steps, history.at(shown).step
    rows = (steps >= 0.75 * now) & (steps <= now)
    spans = np.maximum(np.diff(steps, prepend=0), 1)
    return float(np.average(history.mean_loss[rows], weights=spans[rows]))


def _cost(mean_loss: float) -> str:
    share = mean_loss / IGNORANT
    if not np.isfinite(share):
        return "the loss is not a number"
    if 0.5 < share < 2:
        return f"mean loss {short(mean_loss)}, about what ignoring the input costs"
    factor, word = (share, "more") if share > 1 else (1 / max(share, 1e-9), "less")
    return f"mean loss {short(mean_loss)}, {factor:,.0f} times {word} than ignoring the input costs"
