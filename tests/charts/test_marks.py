"""What a reader guessed, what was forecast, what came: marks on charts whose specs know nothing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from charts import estimate, halves, loss, sleep
from charts.loss import Marks
from model import Experiment, Run
from model.atlas import Atlas, Plan, theory
from model.history import Snapshot
from model.network import join, size_of, tensors_of
from model.workers import Workers

END = 1_000


@pytest.fixture(scope="module")
def run(pool: Workers) -> Run:
    return Run.at(Experiment(layers=3), 300, pool.advance)


def parts(table: pa.Table) -> dict[str, dict[str, object]]:
    """The last row of each part."""
    return {row["part"]: row for row in table.to_pylist()}


def test_guess_forecast_and_wake_up_stand_where_they_were_said_to(run: Run) -> None:
    marks = Marks(guess=200, forecast=(300, 400, 600), woke=500)
    table = loss.data({"first": run.history}, END, 300, marks)
    found = parts(table)
    assert found["guess"]["step"] == 200
    assert (found["band"]["step"], found["band"]["until"]) == (300, 600)
    assert found["forecast"]["step"] == 400
    assert found["woke"]["step"] == 500
    # A mark is rows and nothing else: the browser keeps the chart that it has.
    bare = loss.data({"first": run.history}, END, 300)
    assert bare.schema == table.schema
    assert bare.num_rows == table.num_rows - 4


def test_no_mark_makes_the_axis_of_steps_longer(run: Run) -> None:
    marks = Marks(guess=10 * END, forecast=(END // 2, 2 * END, 3 * END), woke=5 * END)
    table = loss.data({"first": run.history}, END, 300, marks)
    assert max(table["step"].to_pylist()) == END
    assert max(table["until"].to_pylist()) == END
    assert "10,000" in str(parts(table)["guess"]["text"])


@pytest.mark.parametrize(
    ("woke", "hit", "said"),
    [(None, None, None), (300, True, "300, as"), (600, True, "600, as"), (601, False, "601, not")],
)
def test_a_forecast_hits_when_its_band_holds_the_wake_up(
    woke: int | None, hit: bool | None, said: str | None, run: Run
) -> None:
    marks = Marks(forecast=(300, 400, 600), woke=woke)
    assert marks.hit is hit
    found = parts(loss.data({"first": run.history}, END, 300, marks))
    assert ("woke" in found) == (said is not None)
    assert said is None or said in str(found["woke"]["text"])


def test_a_loss_is_told_by_what_ignoring_the_input_costs(run: Run) -> None:
    said = loss.finding({"first": run.history}, 300)
    assert said.endswith("about what ignoring the input costs")
    assert loss._cost(1 / 3 / 250).endswith("250 times less than ignoring the input costs")
    assert loss._cost(1 / 3 * 70).endswith("70 times more than ignoring the input costs")
    assert loss._cost(float("nan")) == "the loss is not a number"


def test_a_guess_on_the_estimate_spans_the_share_that_was_guessed(run: Run) -> None:
    shown = {"first": run.history.at(300)}
    table = estimate.data(shown, guess=0.25)
    guess = [row for row in table.to_pylist() if row["part"] == "guess"]
    assert [(row["input"], row["estimate"]) for row in guess] == [(-1, -0.25), (1, 0.25)]
    assert estimate.data(shown).schema == table.schema
    unsaid = [row for row in estimate.data(shown).to_pylist() if row["part"] == "guess"]
    assert [(row["input"], row["estimate"], row["text"]) for row in unsaid] == [(0, 0, "")] * 2


def answering(slope: float, constant: float) -> Snapshot:
    """A linear network of one unit that answers so much."""
    experiment = Experiment(width=1, activation="linear")
    parameters = {
        "W": np.float32([[slope / 2]]),
        "b": np.float32([0]),
        "W1": np.float32([[1]]),
        "b1": np.float32([constant / 2]),
    }
    vector = join(parameters, tensors_of(experiment))
    zeros = np.zeros(size_of(experiment), np.float32)
    return Snapshot(experiment, 0, 0.0, 0.0, vector, zeros, zeros, {}, 1)


@pytest.mark.parametrize(
    ("slope", "constant", "said"),
    [
        (0.0, 0.02, "flat at 0.02"),
        (0.09, -0.5, "flat at −0.5"),
        (0.9, 0.0, "moves by 1.80 of the 2.00 it should"),
        (np.inf, 0.0, "not a number"),
    ],
)
def test_the_estimate_says_what_it_does(slope: float, constant: float, said: str) -> None:
    with np.errstate(all="ignore"):
        assert estimate.finding({"first": answering(slope, constant)}) == said


def test_two_estimates_are_told_in_their_order() -> None:
    both = {"first": answering(1, 0), "second": answering(0, 0.02)}
    assert estimate.finding(both) == "moves by 2.00 of the 2.00 it should; flat at 0.02"


def test_a_guess_of_a_half_stands_in_its_own_column() -> None:
    shares = np.float32([[0.9, 0.8], [0.0, 0.1]])
    table = halves.data(["weights", "biases"], shares, guess="biases")
    assert parts(table)["guess"]["part_of_the_cure"] == "biases"
    assert "guess" not in parts(halves.data(["weights", "biases"], shares))
    assert halves.finding(["weights", "biases"], shares) == "weights: median 85%, biases: median 5%"


@pytest.mark.parametrize("scale", [1e-3, 3e-2])
def test_you_are_here_stands_on_the_law(scale: float) -> None:
    atlas = Atlas.of(Plan())
    row = parts(sleep.data(atlas, (3, scale)))["here"]
    assert row["scale"] == scale
    assert row["step"] == pytest.approx(float(theory(3, scale)))
    assert sleep.data(atlas).schema == sleep.data(atlas, (3, scale)).schema
    assert row["label"] == sleep.finding(3, scale)


def test_what_lies_beyond_the_law_s_chart_stands_on_its_edge_and_says_where_it_is() -> None:
    atlas = Atlas.of(Plan())
    sleepless = parts(sleep.data(atlas, (3, 5.0)))["here"]
    assert (sleepless["scale"], sleepless["step"]) == (1.0, 10.0)
    assert sleepless["label"] == "you are here: awake at once"
    deep = parts(sleep.data(atlas, (8, 1e-3)))["here"]
    top = 10.0 * Plan().budget
    assert deep["step"] == top < sleep.predicted_step(8, 1e-3)
