"""The charts of the page as they stand: the stage draws them, and a reader can take them home."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from charts import Picture, chain, estimate, flow, ladder, loss, ridges
from model.chain import factors
from model.history import History, Snapshot
from ui.session import Session


def lanes_of(session: Session, now: Mapping[str, Snapshot]) -> dict[str, ladder.Lane]:
    """Each lane as a ladder shows it."""
    return {n: ladder.Lane(run.history.at(0), now[n]) for n, run in session.runs.items()}


def ladder_of(
    session: Session, lanes: Mapping[str, ladder.Lane], name: str, what: ladder.What
) -> Picture:
    """The histograms of the lane ``name``, as the reader's view has them."""
    view, lane = session.view, lanes[name]
    axis = view.weights if what == "values" else view.gradients
    alt = f"Histograms of the {what} of each layer"
    if view.over_time:
        history = session.runs[name].history
        table = ridges.data(history, lane.now.step, what, axis, view.biases)
        return Picture(ridges.spec(axis), table, alt)
    others = [other for each, other in lanes.items() if each != name]
    return Picture(ladder.spec(axis), ladder.data(lane, others, what, axis, view.biases), alt)


def estimate_of(now: Mapping[str, Snapshot]) -> Picture:
    """The estimates of all lanes."""
    name = "The estimate against the input, beside the line that it should be"
    return Picture(estimate.spec(), estimate.data(now), name)


def _flow(session: Session) -> Picture:
    table = flow.data(_histories(session), session.end, session.shown)
    return Picture(flow.spec(), table, "Gradient of each layer against the step, on a log axis")


def _loss(session: Session) -> Picture:
    table = loss.data(_histories(session), session.end, session.shown)
    name = "Loss against the step, beside what it costs to ignore the input"
    return Picture(loss.spec(), table, name)


def _chain(session: Session) -> Picture:
    table = chain.data({name: factors(run) for name, run in session.runs.items()})
    name = "What the gradient of the first layer is multiplied by, factor by factor"
    return Picture(chain.spec(), table, name)


# Those that say how it went, by the part of the page that each is.
CURVES: Mapping[str, Callable[[Session], Picture]] = {
    "flow": _flow,
    "loss": _loss,
    "chain": _chain,
}


def _histories(session: Session) -> dict[str, History]:
    return {name: run.history for name, run in session.runs.items()}
