"""Many networks at once: they are what single runs are, and the atlas remembers them rightly."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from model.atlas import Atlas, Looks, Networks, Plan, he_scale, probed_steps, theory, xavier_scale
from model.experiment import Experiment
from model.fleet import LANES, advance_atlas, begin, spread, train
from model.history import PROBE
from model.initializers import initial_parameters
from model.run import Run

BASE = Experiment(layers=3, weight_scale=0.3, bias_scale=0.1)


def complete(plan: Plan, steps: int) -> Atlas:
    state = advance_atlas(plan, None, steps)
    while not state.complete:
        state = advance_atlas(plan, state, steps)
    return state


@pytest.mark.parametrize(
    "fields",
    [
        {"weight_scale": 1e-4, "bias_scale": 1e-4},
        {"weight_scale": 7.3, "bias_scale": -0.2},
        {"weights": "he_normal", "bias": "constant", "bias_scale": 0.1},
        {"weights": "orthogonal", "bias_scale": 0},
    ],
)
def test_networks_start_from_the_very_parameters_of_single_runs(fields: dict[str, object]) -> None:
    experiments = [replace(BASE, seed=seed, **fields) for seed in (0, 5)]
    drawn = begin(experiments).parameters
    for column, experiment in enumerate(experiments):
        np.testing.assert_array_equal(drawn[:, column], initial_parameters(experiment))


@pytest.mark.parametrize(
    "base",
    [
        BASE,
        replace(BASE, layers=2, batch=4, objective="first", width=3),
        replace(BASE, layers=2, batch=4, objective="all", optimizer="adam", activation="tanh"),
    ],
    ids=["question", "first of a batch", "whole batch, adam"],
)
def test_each_network_agrees_with_its_single_run(base: Experiment) -> None:
    experiments = [
        replace(base, seed=1),
        replace(base, seed=2, weight_scale=0.5),
        replace(base, seed=2, learning_rate=1e-2),
        replace(base, seed=2, clip=0.3),
    ]
    stops = [7, 300]
    networks, looks = train(experiments, begin(experiments), stops)
    assert networks.step == 300
    for column, experiment in enumerate(experiments):
        run = Run(experiment)
        for row, stop in enumerate(stops):
            run.advance(stop - run.step)
            np.testing.assert_allclose(
                looks.estimates[row, column], run.estimate(PROBE), atol=2e-5, rtol=1e-4
            )
        history = run.history
        spans = np.diff(history.steps, prepend=0)
        expected = (history.tensors["W"].rms.astype(float) ** 2 * spans)[history.steps > 0].sum()
        np.testing.assert_allclose(looks.squares[:, column].sum(), expected, rtol=1e-3)


def test_a_network_does_not_depend_on_those_beside_it_nor_on_how_the_way_is_cut() -> None:
    many = [replace(BASE, seed=k % 5, weight_scale=0.1 + k / 50) for k in range(LANES + 3)]
    together, seen = train(many, begin(many), [20, 5_000])
    alone = many[-1:]
    half, first = train(alone, begin(alone), [20])
    whole, second = train(alone, half, [1_000, 5_000])
    np.testing.assert_array_equal(together.parameters[:, -1:], whole.parameters)
    np.testing.assert_array_equal(seen.estimates[0, -1], first.estimates[0, 0])
    np.testing.assert_allclose(seen.squares[1, -1], second.squares[:, 0].sum(), rtol=1e-12)


def test_networks_of_two_kinds_are_refused_not_mixed() -> None:
    with pytest.raises(ValueError, match="share a graph, not have 2"):
        begin([BASE, replace(BASE, layers=2)])
    with pytest.raises(ValueError, match="not have 0"):
        begin([])


def test_spread_is_the_share_of_the_targets_range_that_single_runs_span() -> None:
    cured = Experiment(layers=3, weights="xavier_uniform")
    experiments = [replace(cured, seed=3), replace(cured, bias="constant", bias_scale=0.1)]
    found = spread(experiments, 150)
    assert found.steps[[0, 1, -1]].tolist() == [0, 10, 150]
    for column, experiment in enumerate(experiments):
        for row in (0, -1):
            at = Run.at(experiment, int(found.steps[row]))
            expected = np.ptp(at.estimate(PROBE)) / 2
            assert found.shares[row, column] == pytest.approx(expected, rel=1e-3, abs=1e-5)
    with pytest.raises(ValueError, match="1 or more, not 0"):
        spread(experiments, 0)


PLAN = Plan(layers=(2, 3), scales=(0.05, 0.2, 0.7), seeds=(0, 1), budget=4_000, after=500)


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    return complete(PLAN, 1_000)


def test_cells_agree_with_single_runs(atlas: Atlas) -> None:
    probes = [0, *probed_steps(PLAN.budget)]
    for cell in np.ndindex(*PLAN.shape):
        run = Run(PLAN.experiment(*(axis[i] for axis, i in zip(
            (PLAN.layers, PLAN.scales, PLAN.seeds), cell, strict=True))))  # fmt: skip
        woke = None
        for index, step in enumerate(probes):
            run.advance(step - run.step)
            if woke is None and np.ptp(run.estimate(PROBE)) >= 1:
                woke = index
            if step == atlas.last[cell]:
                break
        if woke is None:
            assert np.isnan(atlas.wake_up[cell])
            assert run.step == PLAN.budget
        else:
            assert abs(probes.index(int(atlas.wake_up[cell])) - woke) <= 1
            assert atlas.last[cell] >= atlas.wake_up[cell] + 500 or run.step == PLAN.budget
        estimate = run.estimate(PROBE)
        assert atlas.range[cell] == pytest.approx(float(np.ptp(estimate)), rel=0.02, abs=1e-3)
        error = float(np.square(estimate - PROBE).mean())
        assert atlas.loss[cell] == pytest.approx(error, rel=0.1, abs=1e-3)
        first = Run.at(run.experiment, 10).history
        squares = first.tensors["W"].rms[1:].astype(float) ** 2
        assert atlas.gradient[cell] == pytest.approx(np.sqrt(squares.mean()), rel=1e-3)


def test_an_atlas_is_the_same_to_the_bit_however_it_is_cut_and_shipped(atlas: Atlas) -> None:
    state = None
    while state is None or not state.complete:
        before = pickle.dumps(state)
        after = advance_atlas(PLAN, state, 170)
        assert pickle.dumps(state) == before, "the state that was handed in was changed"
        state = pickle.loads(pickle.dumps(after))
    for name in ("wake_up", "range", "loss", "gradient", "last", "left"):
        np.testing.assert_array_equal(getattr(state, name), getattr(atlas, name))
    assert advance_atlas(PLAN, state, 1) is state
    assert state.progress == 1


def test_networks_that_are_done_stop_costing(atlas: Atlas) -> None:
    state = Atlas.of(PLAN)
    counts = []
    while state.row == 0:
        state = advance_atlas(PLAN, state, 100)
        if state.networks is not None:
            assert state.networks.parameters.shape[1] == len(state.active) == len(state.experiments)
            counts.append(len(state.active))
    assert counts[0] == 6
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] < 6
    # Those that were awake at the start leave at the first look after `after` steps.
    assert (atlas.last[atlas.wake_up == 0] == 500).all()


def test_a_network_that_diverges_leaves_and_the_others_do_not_notice() -> None:
    wild = Plan((2,), (0.05, 10.0), (0,), 200, base=Experiment(learning_rate=1, clip=0))
    tame = replace(wild, scales=(0.05,))
    state = complete(wild, 1_000)
    assert state.status[0, 1, 0] == "diverged"
    assert state.last[0, 1, 0] < 200
    np.testing.assert_array_equal(state.loss[0, 0], complete(tame, 1_000).loss[0, 0])


def looked_at(slopes: list[list[float]], steps: list[int], plan: Plan) -> Atlas:
    """An atlas of one depth whose networks answered ``slope · x`` at the steps, row by row."""
    count = len(slopes[0])
    networks = Networks(
        steps[-1], np.zeros((1, count), np.float32), np.zeros((0, 1, count), np.float32)
    )
    estimates = (np.array(slopes)[..., None] * PROBE).astype(np.float32)
    looks = Looks(np.array(steps), estimates, np.zeros((len(steps), count)))
    return replace(Atlas.of(plan), active=np.arange(count)).seen(networks, looks)


def test_every_status_is_given_to_the_network_that_deserves_it() -> None:
    plan = Plan((2,), (0.1, 0.2, 0.3), (0, 1), budget=200, after=50)
    state = looked_at(
        [[0, 0.5, 1, 30, np.nan, 0.1], [0, 0.5, 1, 30, 0, 0.5]],
        [50, 100],
        replace(plan, budget=100),
    )
    assert state.status.ravel().tolist() == [
        "asleep", "awake", "learned", "exploded", "diverged", "awake",
    ]  # fmt: skip
    assert state.wake_up.ravel().tolist()[1:4] == [50, 50, 50]
    assert state.wake_up[0, 2, 1] == 100
    assert state.complete
    assert looked_at([[0] * 6], [50], plan).status[0, 0, 0] == "training"


def test_what_happens_after_a_network_has_left_is_not_remembered() -> None:
    plan = Plan((2,), (0.1,), (0,), budget=1_000, after=100)
    state = looked_at([[0.6], [1.0], [7.0]], [100, 200, 300], plan)
    assert state.last[0, 0, 0] == 200
    assert state.loss[0, 0, 0] == pytest.approx(0)


def test_half_the_seeds_decide_and_an_open_cell_says_so() -> None:
    plan = Plan((2,), (1.0,), (0, 1, 2, 3), budget=300, after=100)
    state = looked_at([[0, 0.5, 0, 0.5]], [100], plan)
    assert state.wake_up_of_half[0, 0] == 100
    state = looked_at([[0, 0.5, 0, 0]], [100], plan)
    assert np.isnan(state.wake_up_of_half[0, 0])
    state = looked_at([[0, 0.5, 0, 0]], [300], plan)
    assert np.isinf(state.wake_up_of_half[0, 0])


@pytest.mark.parametrize("budget", [1, 10, 95, 1_000, 12_345, 100_000])
def test_probed_steps_rise_to_the_budget_and_are_never_a_tenth_apart(budget: int) -> None:
    steps = np.array(probed_steps(budget))
    assert steps[-1] == budget
    assert (np.diff(steps) > 0).all()
    assert (np.diff(steps) <= np.maximum(10, steps[:-1] / 10)).all()


def test_the_speed_of_the_theory_is_that_of_the_expected_gradient() -> None:
    # Oracle: one hidden ReLU unit (w, b, v) under the expected gradient near the origin, where the
    # error is the target itself, integrated by brute force until it grows steadily.
    x = np.linspace(-1, 1, 20_001)
    w, b, v = 1e-3, 2e-4, 3e-4
    sizes = []
    for _ in range(20_000):
        opened = w * x + b > 0
        h = (w * x + b) * opened
        pull = 4e-3 * x  # rate · 2 · GAIN · target
        w, b, v = (
            w + v * (pull * x * opened).mean(),
            b + v * (pull * opened).mean(),
            v + (pull * h).mean(),
        )
        w, b, v = (np.array([w, b, v]) / (size := np.linalg.norm([w, b, v]))) * 1e-3
        sizes.append(np.log(size / 1e-3))
    decade = np.log(10) / np.mean(sizes[-100:])
    predicted = theory(2, [1e-4, 1e-3])
    assert predicted[0] - predicted[1] == pytest.approx(decade, rel=0.01)


@pytest.mark.parametrize(("layers", "scale"), [(2, 1e-3), (3, 0.01), (4, 0.06)])
def test_the_theory_meets_what_sleeping_networks_do(layers: int, scale: float) -> None:
    plan = Plan((layers,), (scale,), (0, 1, 2, 3, 4), budget=70_000, after=0)
    woke = complete(plan, 10_000).wake_up_of_half[0, 0]
    assert woke > 1_000
    assert 0.5 < theory(layers, scale) / woke < 2


def test_the_theory_follows_learning_rate_and_depth_by_their_powers() -> None:
    slow, fast = theory(3, [1e-3], learning_rate=1e-4), theory(3, [1e-3], learning_rate=1e-3)
    assert slow[0] == pytest.approx(10 * fast[0])
    for layers in (3, 4, 6):
        shallow, deep = theory(layers, [1e-4, 1e-5])
        assert deep / shallow == pytest.approx(10 ** (layers - 2), rel=1e-3)
    assert theory(5, [1.0])[0] == 0


def test_the_lines_of_xavier_and_he_are_the_spreads_that_their_laws_draw() -> None:
    for weights, expected in (("xavier_normal", xavier_scale(64)), ("he_normal", he_scale(64))):
        run = Run(Experiment(layers=3, width=64, weights=weights))
        assert run.parameters["W1"].std() == pytest.approx(expected, rel=0.05)


def test_the_page_can_read_an_atlas_without_tensorflow() -> None:
    code = (
        "import model.atlas, sys; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
