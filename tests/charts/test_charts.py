"""Every chart: it draws, and it has nothing that would make a browser build it anew."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import vl_convert

from charts import (
    atlas,
    chain,
    estimate,
    filled,
    flow,
    halves,
    ladder,
    loss,
    network,
    outputs,
    ridges,
    sleep,
)
from charts.theme import short
from model import PRESETS, Experiment, Run
from model.atlas import Atlas, Plan
from model.chain import factors
from model.history import MOST_SNAPSHOTS
from model.network import split, tensors_of
from model.workers import Workers

# From here on the browser draws a chart on a canvas, which it has to build anew.
MOST_ROWS = 2_000


@dataclass(frozen=True)
class Drawn:
    """A chart: its spec, and its data from two lanes at some step."""

    name: str
    spec: Callable[[], dict[str, Any]]
    data: Callable[[list[Run], int], pa.Table]
    of_runs: bool = True  # and not of what is computed once for all readers

    def __str__(self) -> str:
        return self.name


def _charts() -> Iterator[Drawn]:
    for axis in ("linear", "log"):
        for what in ("values", "gradients"):
            for biases in (False, True):
                kind = "biases" if biases else "weights"

                def rungs(
                    runs: list[Run],
                    step: int,
                    what: Any = what,
                    axis: Any = axis,
                    biases: bool = biases,
                ) -> pa.Table:
                    lanes = [ladder.Lane(r.history.at(0), r.history.at(step)) for r in runs]
                    return ladder.data(lanes[0], lanes[1:], what, axis, biases)

                def over_time(
                    runs: list[Run],
                    step: int,
                    what: Any = what,
                    axis: Any = axis,
                    biases: bool = biases,
                ) -> pa.Table:
                    return ridges.data(runs[0].history, step, what, axis, biases)

                name = f"{axis} {what} of {kind}"
                yield Drawn(f"ladder: {name}", lambda axis=axis: ladder.spec(axis), rungs)  # type: ignore[misc]
                yield Drawn(f"ridges: {name}", lambda axis=axis: ridges.spec(axis), over_time)  # type: ignore[misc]
    for what in ("values", "gradients"):
        yield Drawn(
            f"network: {what}",
            network.spec,
            lambda runs, step, what=what: network.data(runs[-1].history.at(step), what),  # type: ignore[misc]
        )
    for axis in ("linear", "log"):

        def signal(runs: list[Run], step: int, axis: Any = axis) -> pa.Table:
            lanes = [ladder.Lane(r.history.at(0), r.history.at(step)) for r in runs]
            return outputs.data(lanes[0], lanes[1:], axis)

        yield Drawn(f"outputs: {axis}", lambda axis=axis: outputs.spec(axis), signal)  # type: ignore[misc]
    yield Drawn("estimate", estimate.spec, lambda runs, step: estimate.data(now(runs, step)))
    yield Drawn("flow", flow.spec, lambda runs, step: flow.data(histories(runs), 10_000, step))
    yield Drawn("loss", loss.spec, lambda runs, step: loss.data(histories(runs), 10_000, step))
    yield Drawn(
        "loss with marks",
        loss.spec,
        lambda runs, step: loss.data(
            histories(runs), 10_000, step, loss.Marks(5_000, (4_000, 6_000, 9_000), 7_000)
        ),
    )
    yield Drawn("guess", estimate.spec, lambda runs, step: estimate.data(now(runs, step), 0.5))
    yield Drawn(
        "chain",
        chain.spec,
        lambda runs, _: chain.data(
            dict(zip(LANES, map(factors, runs), strict=False)),
            {name: run.experiment for name, run in zip(LANES, runs, strict=False)},
        ),
    )
    yield Drawn(
        "halves",
        halves.spec,
        lambda _, step: halves.data(["a", "b"], np.linspace(0, 1, 24).reshape(2, 12) * step / 100),
        of_runs=False,
    )
    for quantity in atlas.QUANTITIES:
        yield Drawn(
            f"atlas: {quantity}",
            lambda quantity=quantity: atlas.spec(quantity),  # type: ignore[misc]
            lambda _, step: atlas.data(known(step)),
            of_runs=False,
        )
    yield Drawn("law of sleep", sleep.spec, lambda _, step: sleep.data(known(step)), False)
    yield Drawn(
        "you are here", sleep.spec, lambda _, step: sleep.data(known(step), (3, 1e-3)), False
    )


LANES = ("first", "second")


def now(runs: list[Run], step: int) -> dict[str, Any]:
    return {name: run.history.at(step) for name, run in zip(LANES, runs, strict=False)}


def histories(runs: list[Run]) -> dict[str, Any]:
    return {name: run.history for name, run in zip(LANES, runs, strict=False)}


@cache
def known(step: int) -> Atlas:
    """An atlas as far as it might be known: every cell, from asleep to awake at once."""
    atlas_ = Atlas.of(Plan())
    size = atlas_.wake_up.shape
    wake = np.linspace(0, 2 * Plan().budget + step, int(np.prod(size))).reshape(size)
    return replace(atlas_, wake_up=np.where(wake > Plan().budget, np.inf, wake))


CHARTS = list(_charts())
OF_RUNS = [chart for chart in CHARTS if chart.of_runs]
OF_ALL = [chart for chart in CHARTS if not chart.of_runs]


@pytest.fixture(scope="module")
def train(pool: Workers) -> Callable[..., list[Run]]:
    @cache
    def trained(experiments: tuple[Experiment, ...], step: int) -> list[Run]:
        return [Run.at(experiment, step, pool.advance) for experiment in experiments]

    return trained


LARGEST = Experiment(layers=8, width=64, weights="he_normal")
PAIRS = {
    "one lane": (Experiment(),),
    "two lanes": (Experiment(), Experiment(layers=3)),
    "eight layers of 64, twice": (LARGEST, replace(LARGEST, seed=1)),
}


@pytest.mark.parametrize("chart", CHARTS, ids=str)
def test_a_chart_compiles_and_draws_marks(chart: Drawn, train: Callable[..., list[Run]]) -> None:
    table = chart.data(train(PAIRS["two lanes"], 300), 300)
    assert marks(chart, table) >= marks(chart, table.slice(0, 0)) + 3


def marks(chart: Drawn, table: pa.Table) -> int:
    """How many marks are drawn, with those of a legend, but without axes."""
    spec = json.loads(json.dumps(filled(chart.spec(), table), default=lambda t: t.to_pylist()))
    spec |= {"width": 400, "height": 300}  # the browser has a container for it
    svg = vl_convert.vegalite_to_svg(spec)
    groups = re.findall(r'<g class="mark-\w+ role-mark[^>]*>(.*?)</g>', svg, re.DOTALL)
    return sum(len(re.findall(r"<text|<path[^>]* d=.[^'\"]", group)) for group in groups)


@pytest.mark.parametrize("chart", OF_ALL, ids=str)
def test_no_chart_for_all_grows_to_where_the_browser_builds_it_anew(chart: Drawn) -> None:
    assert 10 < chart.data([], 300).num_rows < MOST_ROWS


@pytest.mark.parametrize("chart", OF_RUNS, ids=str)
@pytest.mark.parametrize("pair", PAIRS)
def test_no_chart_grows_to_where_the_browser_builds_it_anew(
    chart: Drawn, pair: str, train: Callable[..., list[Run]]
) -> None:
    # As many snapshots as a run can hold.
    runs = train(PAIRS[pair], MOST_SNAPSHOTS - 1)
    assert chart.data(runs, runs[0].step).num_rows < MOST_ROWS


@pytest.mark.parametrize("chart", CHARTS, ids=str)
def test_no_step_leaves_a_trace_in_the_spec(chart: Drawn, train: Callable[..., list[Run]]) -> None:
    spec, text = chart.spec(), json.dumps(chart.spec())
    tables = []
    for step in (0, 50, 300):
        table = chart.data(train(PAIRS["two lanes"], 300), step)
        sent = filled(spec, table)
        assert list(sent["datasets"]) == ["rows"]
        tables.append(table)
    assert chart.spec() is spec
    assert json.dumps(spec) == text
    # All columns keep their names and types, or the browser would read the data anew.
    assert tables[0].schema == tables[1].schema == tables[2].schema


@pytest.mark.parametrize("chart", CHARTS, ids=str)
def test_a_chart_has_one_dataset_and_it_has_a_name(chart: Drawn) -> None:
    text = json.dumps(chart.spec())
    assert chart.spec()["data"] == {"name": "rows"}
    assert text.count('"data":') == 1
    assert "datasets" not in chart.spec()


@pytest.mark.parametrize("chart", OF_RUNS, ids=str)
def test_a_diverged_run_can_be_drawn(chart: Drawn, train: Callable[..., list[Run]]) -> None:
    diverging = replace(
        PRESETS["cure"], layers=8, optimizer="adam", learning_rate=10, clip=0, bias="normal"
    )
    runs = train((diverging,), 2_000)
    assert runs[0].status == "diverged"
    spec = filled(chart.spec(), chart.data(runs, runs[0].step))
    # What JSON cannot hold, the browser cannot draw: NaN comes as null.
    text = json.dumps(spec, default=lambda t: t.to_pylist()).replace("NaN", "null")
    spec = json.loads(text, parse_constant=lambda c: pytest.fail(f"{c} in the data"))
    assert vl_convert.vegalite_to_svg(spec | {"width": 400, "height": 300})


def test_the_ladder_draws_the_histogram_that_numpy_counts(
    train: Callable[..., list[Run]],
) -> None:
    run = train(PAIRS["two lanes"], 300)[1]
    start, shown = run.history.at(0), run.history.at(300)
    table = ladder.data(ladder.Lane(start, shown), [], "gradients", "log", False).to_pylist()
    sizes = split(shown.rms_vector, tensors_of(run.experiment))
    for row, (name, gradient) in enumerate(
        (name, g) for name, g in sizes.items() if name.startswith("W")
    ):
        bars = [r for r in table if r["row"] == row and r["part"] == "now"]
        edges = np.array([bar["x"] for bar in bars])
        magnitudes = gradient[gradient != 0]
        expected = np.histogram(np.clip(magnitudes, edges[0], edges[-1]), edges)[0]
        heights = np.array([bar["floor"] - bar["y"] for bar in bars])[:-1]
        np.testing.assert_allclose(heights / heights.max(), expected / expected.max(), atol=1e-6)
        label = next(r for r in table if r["row"] == row and r["part"] == "label")
        assert label["name"].split()[0] == name
        assert label["figures"].endswith(f"RMS {short(shown.rms[name])}")
        assert shown.rms[name] == pytest.approx(np.sqrt(np.square(gradient).mean()), rel=1e-6)


def test_a_layer_whose_gradient_is_all_zero_has_a_figure_and_no_bar() -> None:
    zeros = np.zeros(256, np.float32)
    assert ladder.figures(zeros).startswith("100% exactly zero")
    assert ladder.figures(np.float32([0, 0, 1, -1])).startswith("50% exactly zero")
    assert "zero" not in ladder.figures(np.float32([0.1, -0.2]))
    assert ladder.figures(np.float32([0.1, np.nan])) == "not a number"
    assert ladder.figures(np.float32([[1, -1], [1, -1]])) == "spread 1"
