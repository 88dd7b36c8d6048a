"""The drawn network: each edge is as wide as its gradient, dead units show, nothing grows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import vl_convert

from charts import network
from charts.theme import INKS
from model import Experiment
from model.history import Snapshot
from model.network import join, size_of, split, tensors_of


def snapshot(experiment: Experiment, gradient: float = 0.0) -> Snapshot:
    """A network at rest whose gradients are all the same; its units get 1 and pass it on."""
    ones = np.ones(size_of(experiment), np.float32)
    gradients = np.float32(gradient) * ones
    rms = {tensor.name: gradient for tensor in tensors_of(experiment)}
    return Snapshot(experiment, 0, 0.0, 0.0, ones, gradients, gradients, rms, 1)


def drawn(shown: Snapshot, part: int, what: Any = "gradients") -> list[dict[str, Any]]:
    return [row for row in network.data(shown, what).to_pylist() if row["part"] == part]


def test_an_edge_is_as_wide_as_its_own_gradient() -> None:
    shown = snapshot(Experiment(layers=3, width=4), 1e-6)
    gradients = split(shown.rms_vector, tensors_of(shown.experiment))  # views
    gradients["W1"][2, 3] = 0.1
    gradients["W2"][1, 0] = 0
    edges = drawn(shown, network.EDGE)
    (widest,) = [edge for edge in edges if edge["size"] == max(e["size"] for e in edges)]
    column = sorted({edge["start"] for edge in edges if edge["layer"] == 1})
    assert widest["layer"] == 1
    assert (widest["start"], widest["end"]) == (column[2], column[3])
    (gone,) = [edge for edge in edges if edge["size"] == 0]
    assert (gone["layer"], gone["start"]) == (2, column[1])
    # One axis for all layers: what is equal is equally wide.
    assert len({edge["size"] for edge in edges}) == 3


def test_its_words_can_be_those_of_another_moment() -> None:
    now, before = snapshot(Experiment(layers=3), 1e-3), snapshot(Experiment(layers=3), 2e-6)
    mixed = network.data(now, quoted=before)
    assert mixed["text"] == network.data(before)["text"] != network.data(now)["text"]
    assert mixed.drop_columns("text") == network.data(now).drop_columns("text")


def test_ten_times_the_gradient_is_always_the_same_distance_on_the_axis() -> None:
    experiment = Experiment(layers=3)
    sizes = [drawn(snapshot(experiment, 10.0**k), network.EDGE)[0]["size"] for k in range(-11, 1)]
    assert set(np.diff(sizes)) <= {7, 8}  # in whole numbers
    # Beyond its ends there is no more room, and nothing that exists is drawn as nothing.
    for far, near in ((1e-30, 1e-12), (1e4, 10)):
        ends = [drawn(snapshot(experiment, x), network.EDGE)[0]["size"] for x in (far, near)]
        assert ends[0] == ends[1] > 0


def test_edges_do_not_flicker_with_the_last_step() -> None:
    shown = snapshot(Experiment(layers=3, width=4), 1e-3)
    other = replace(shown, gradient_vector=100 * shown.gradient_vector)
    assert network.data(shown) == network.data(other)


def test_weights_are_drawn_in_place_of_gradients_when_asked_for() -> None:
    experiment = Experiment(layers=3, width=4)
    shown = replace(snapshot(experiment), vector=snapshot(experiment, 0.25).rms_vector)
    assert {edge["size"] for edge in drawn(shown, network.EDGE)} == {0}
    assert min(edge["size"] for edge in drawn(shown, network.EDGE, "values")) > 0
    assert [row["text"] for row in drawn(shown, network.FIGURE, "values")] == ["0.25"] * 3


def test_a_unit_that_answers_zero_to_every_input_is_marked_dead_and_no_other() -> None:
    experiment = Experiment(layers=3, width=4)
    parameters = dict(snapshot(experiment).values)
    parameters["b1"] = np.float32([1, -1e6, 1, 1])
    shown = replace(snapshot(experiment), vector=join(parameters, tensors_of(experiment)))
    (dead,) = drawn(shown, network.DEAD)
    units = [row for row in network.data(shown).to_pylist() if row["layer"] == 2]
    column = sorted({row["start"] for row in units if row["part"] in (network.UNIT, network.DEAD)})
    assert (dead["layer"], dead["start"]) == (2, column[1])
    assert network.finding(shown).endswith("1 of 8 dead")


def test_an_answer_of_zero_is_not_a_dead_unit() -> None:
    experiment = Experiment(layers=2, weights="zeros", bias="constant", bias_scale=0)
    zeros = np.zeros(size_of(experiment), np.float32)
    shown = replace(snapshot(experiment), vector=zeros)
    assert {row["layer"] for row in drawn(shown, network.DEAD)} == {1}
    assert {row["layer"] for row in drawn(shown, network.UNIT)} == {0, 2}


@pytest.mark.parametrize("layers", range(2, 9))
@pytest.mark.parametrize("width", [1, 7, 16, 64])
def test_what_is_left_out_of_a_large_network_is_said(layers: int, width: int) -> None:
    shown = snapshot(Experiment(layers=layers, width=width), 0.1)
    # A browser draws a frame of so many marks in time.
    assert network.data(shown).num_rows < 800
    units = len(drawn(shown, network.UNIT)) - 2
    caption = drawn(shown, network.CORNER)[0]["text"]
    said = f"{units // (layers - 1)} of {width} units"
    assert (said in caption) == (units < (layers - 1) * width)
    assert units // (layers - 1) == width or units // (layers - 1) >= 8


def test_no_step_moves_a_unit_or_an_edge() -> None:
    experiment = Experiment(layers=4, width=20)
    first, second = (network.data(snapshot(experiment, g)) for g in (0.0, 1e-3))
    for name in ("layer", "start", "end"):
        assert first[name] == second[name]
    assert first["size"] != second["size"]


def test_a_two_layer_network_has_the_names_that_the_question_gave_it() -> None:
    names = [row["text"] for row in drawn(snapshot(Experiment()), network.NAME)]
    assert names == ["W", "W2"]
    assert network.finding(snapshot(Experiment(), 2e-3)).startswith(
        "gradient of W 2.0e-3, of W2 2.0e-3"
    )


def test_figures_of_many_layers_are_short_enough_to_stand_side_by_side() -> None:
    shown = snapshot(Experiment(layers=8), 3.4e-17)
    assert [row["text"] for row in drawn(shown, network.FIGURE)] == ["3e-17"] * 8


def test_a_frame_is_some_kilobytes() -> None:
    table = network.data(snapshot(Experiment(layers=3), 1e-6))
    assert table.nbytes < 5_000


def test_text_is_legible_on_a_light_and_on_a_dark_ground() -> None:
    # On a canvas the page's own colour of text is not known, and would be black.
    spec = json.dumps(network.spec())
    assert network.spec()["usermeta"]["embedOptions"]["renderer"] == "canvas"
    texts = [layer["mark"] for layer in network.spec()["layer"] if layer["mark"]["type"] == "text"]
    assert all("luminance(background)" in mark["color"]["expr"] for mark in texts)
    for ground, ink in (("#ffffff", INKS["light"]), ("#14181f", INKS["dark"])):
        rows = network.data(snapshot(Experiment(layers=3), 1e-3)).to_pylist()
        drawn = json.loads(spec) | {"datasets": {"rows": rows}, "background": ground}
        svg = vl_convert.vegalite_to_svg(drawn | {"width": 340, "height": 180})
        assert svg.count(f'fill="{ink}"') > 6
