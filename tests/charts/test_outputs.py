"""The signal forward: outputs are counted as NumPy counts them, and in their own layer's row."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np

from charts import ladder, outputs
from charts.ladder import Lane, What
from charts.pictures import View, ladder_of
from model import Experiment, Run
from model.history import PROBE, Snapshot
from model.network import join, size_of, tensors_of
from model.workers import Workers


def network(**parameters: np.ndarray) -> Snapshot:
    """Three linear layers of two units, zero but for what is given."""
    experiment = Experiment(layers=3, width=2, activation="linear")
    zeros = np.zeros(size_of(experiment), np.float32)
    snapshot = Snapshot(experiment, 0, 0.0, 0.0, zeros, zeros, zeros, {}, 1)
    vector = join(dict(snapshot.values) | parameters, tensors_of(experiment))
    return replace(snapshot, vector=vector)


def test_each_row_counts_the_outputs_of_its_own_layer() -> None:
    shown = network(W=np.float32([[1, -0.5]]), W1=np.float32([[0.01, 0], [0, 0]]))
    table = outputs.data(Lane(shown, shown), [], "linear").to_pylist()
    for row, units in (
        (0, np.stack([PROBE, -0.5 * PROBE])),
        (1, np.stack([0.01 * PROBE, 0 * PROBE])),
    ):
        bars = [r for r in table if r["row"] == row and r["part"] == "now"]
        edges = np.array([bar["x"] for bar in bars])
        expected = np.histogram(np.float32(units), edges)[0]
        heights = np.array([bar["floor"] - bar["y"] for bar in bars])[:-1]
        np.testing.assert_allclose(heights / heights.max(), expected / expected.max(), atol=1e-6)
    labels = [row for row in table if row["part"] == "label"]
    assert [row["name"] for row in labels] == ["hidden layer 1, 2 units", "hidden layer 2, 2 units"]
    assert "50% exactly zero" not in labels[0]["figures"]
    assert labels[1]["figures"].startswith("51% exactly zero")  # a dead unit, and 0 at 0


def test_a_layer_s_size_is_the_root_mean_square_that_the_drawing_shades() -> None:
    shown = network(W=np.float32([[1, 1]]))
    size = np.sqrt(np.mean(np.square(PROBE, dtype=np.float64)))
    np.testing.assert_allclose(outputs.sizes(shown), [size, 0])
    assert outputs.finding(shown) == "outputs of hidden layer 1 0.59, of hidden layer 2 0"


def test_a_hidden_layer_has_the_colour_of_the_weights_that_feed_it() -> None:
    shown = network(W=np.float32([[1, 1]]))
    lane = Lane(replace(shown, rms=dict.fromkeys(shown.values, 0.1)), shown)
    weights = ladder.data(lane, [], "values", "linear", biases=False).to_pylist()
    shade = {row["row"]: row["shade"] for row in weights}
    for row in outputs.data(lane, [], "linear").to_pylist():
        assert row["shade"] == shade[row["row"]]


def test_outputs_are_a_choice_of_the_ladder_beside_the_gradients(pool: Workers) -> None:
    run = Run(Experiment(layers=3, steps=50), pool.advance)
    run.advance(50)
    histories, now = {"first": run.history}, {"first": run.history.at(50)}
    values, gradients = (
        ladder_of(histories, now, "first", what, View(rows="outputs")).table.to_pylist()
        for what in get_args(What)
    )
    assert next(r["name"] for r in values if r["name"]).startswith("hidden layer 1")
    assert next(r["name"] for r in gradients if r["name"]).startswith("W ")
    # The signal on its way forward has the axis of what comes back.
    assert {r["x"] for r in values} == {r["x"] for r in gradients}


def test_figures_can_be_those_of_another_moment() -> None:
    now, before = network(W=np.float32([[1, 2]])), network(W=np.float32([[0.5, 0.7]]))
    lane = Lane(now, now)
    for draw in (
        lambda lane: outputs.data(lane, [], "log"),
        lambda lane: ladder.data(lane, [], "values", "linear", biases=False),
    ):
        mixed = draw(replace(lane, quoted=before))
        assert mixed["figures"] == draw(Lane(before, before))["figures"] != draw(lane)["figures"]
        assert mixed.drop_columns("figures") == draw(lane).drop_columns("figures")


def test_two_networks_share_the_axis_of_the_larger_outputs() -> None:
    small, large = network(W=np.float32([[0.01, 0]])), network(W=np.float32([[7, 0]]))
    lane, other = Lane(small, small), Lane(large, large)
    ends = [
        max(outputs.data(a, [b], "linear")["x"].to_pylist())
        for a, b in ((lane, other), (other, lane))
    ]
    assert ends == [7, 7]
