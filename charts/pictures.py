"""The pictures of a comparison, each chart with its data: for page, poster, card and command line.

Networks are named by :data:`charts.theme.LANES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import pyarrow.compute as pc

from charts import Picture, chain, estimate, flow, ladder, loss, network, outputs, ridges
from charts.ladder import Axis, What
from model.chain import factors
from model.describe import titles
from model.history import History, Snapshot
from model.run import Run

Runs = Mapping[str, Run]
Now = Mapping[str, Snapshot]

#: What the ladder of values has its rows of.
Rows = Literal["weights", "biases", "outputs"]


@dataclass(frozen=True)
class View:
    """How the ladder is drawn."""

    rows: Rows = "weights"
    weights: Axis = "linear"
    gradients: Axis = "log"
    over_time: bool = False

    @property
    def is_sound(self) -> bool:
        """Whether every field is one of those that it may be."""
        axes = get_args(Axis)
        return (
            self.rows in get_args(Rows)
            and self.weights in axes
            and self.gradients in axes
            and self.over_time in (False, True)
        )

    def of(self, what: What) -> str:
        """What the ladder has its rows of, in words."""
        if what == "values":
            return self.rows
        return f"gradients of the {'biases' if self.rows == 'biases' else 'weights'}"


def ladder_of(
    histories: Mapping[str, History],
    now: Now,
    name: str,
    what: What,
    view: View = View(),
    quoted: Now | None = None,
) -> Picture:
    """The histograms of the network ``name``, on the axis that all of them share.

    The figures beside them are those of ``quoted``, if it is given. Outputs, the signal on its way
    forward, have the axis of what comes back.
    """
    is_values, biases = what == "values", view.rows == "biases"
    axis = view.weights if is_values and view.rows != "outputs" else view.gradients
    alt = f"Histograms of the {view.of(what)}, layer by layer"
    quoted = quoted or now
    lanes = {each: ladder.Lane(histories[each].start, now[each], quoted[each]) for each in now}
    lane = lanes.pop(name)
    others = list(lanes.values())
    if is_values and view.rows == "outputs":
        return Picture(outputs.spec(axis), outputs.data(lane, others, axis), alt)
    if view.over_time:
        table = ridges.data(histories[name], now[name].step, what, axis, biases)
        return Picture(ridges.spec(axis), table, alt)
    return Picture(ladder.spec(axis), ladder.data(lane, others, what, axis, biases), alt)


def first_row(picture: Picture) -> Picture:
    """A ladder's first layer alone, for where there is room for no more."""
    table = picture.table.filter(pc.equal(picture.table["row"], 0))
    if "figures" in table.column_names:
        short = [text.rpartition(" · ")[2] for text in table["figures"].to_pylist()]
        table = table.set_column(table.column_names.index("figures"), "figures", [short])
    return Picture(picture.spec, table, picture.alt)


def network_of(
    snapshot: Snapshot, what: What = "gradients", quoted: Snapshot | None = None
) -> Picture:
    """One network, drawn; its figures are those of ``quoted``, if it is given."""
    name = "The network: its edges as wide as their " + (
        "gradient" if what == "gradients" else "weight"
    )
    return Picture(network.spec(), network.data(snapshot, what, quoted), name)


def estimate_of(now: Now, guess: float | None = None) -> Picture:
    """The estimates of all networks, and the reader's guess."""
    name = "The estimate against the input, beside the line that it should be"
    return Picture(estimate.spec(), estimate.data(now, guess), name)


def flow_of(histories: Mapping[str, History], end: int, shown: int) -> Picture:
    """The gradients up to the step ``shown``, on an axis that goes on to ``end``."""
    table = flow.data(histories, end, shown)
    return Picture(flow.spec(), table, "Gradient of each layer against the step, on a log axis")


def loss_of(
    histories: Mapping[str, History], end: int, shown: int, marks: loss.Marks | None = None
) -> Picture:
    """The losses, likewise, and what was said of the wake-up."""
    name = "Loss against the step, beside what it costs to ignore the input"
    return Picture(loss.spec(), loss.data(histories, end, shown, marks), name)


def chain_of(runs: Runs, step: int | None = None) -> Picture:
    """What the first layer's gradient is made of, now or at the remembered step ``step``."""
    found = {name: factors(run, step) for name, run in runs.items()}
    table = chain.data(found, {name: run.experiment for name, run in runs.items()})
    name = "What the gradient of the first layer is multiplied by, factor by factor"
    return Picture(chain.spec(), table, name)


def histories_of(runs: Runs) -> dict[str, History]:
    """What each run remembers."""
    return {name: run.history for name, run in runs.items()}


#: Those that say how it went, by the part of the page that each is: from runs, end, step shown.
CURVES: Mapping[str, Callable[[Runs, int, int], Picture]] = {
    "flow": lambda runs, end, shown: flow_of(histories_of(runs), end, shown),
    "loss": lambda runs, end, shown: loss_of(histories_of(runs), end, shown),
    "chain": lambda runs, end, shown: chain_of(runs, shown),
}


def all_of(
    runs: Runs,
    now: Now,
    end: int,
    view: View = View(),
) -> dict[str, Picture]:
    """Every picture of the page, by the name of its file."""
    shown = next(iter(now.values())).step
    found = {"estimate": estimate_of(now)}
    found |= {part: draw(runs, end, shown) for part, draw in CURVES.items()}
    histories = histories_of(runs)
    named = titles({name: run.experiment for name, run in runs.items()})
    for name in runs:
        for what in get_args(What):
            picture = ladder_of(histories, now, name, what, view)
            found[f"{view.of(what)}, {named[name]}"] = picture
    return found
