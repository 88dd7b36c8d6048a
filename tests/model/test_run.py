"""Run: what a page and a notebook rely on, whatever goes wrong beneath."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from model import Experiment, Run
from model.experiment import MOST_STEPS
from model.run import in_process
from model.state import Snapshots, State

SHORT = Experiment(steps=50)


class Engine:
    """The real engine, counted, and broken on demand."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: BaseException | None = None

    def __call__(
        self, experiment: Experiment, state: State | None, steps: int
    ) -> tuple[State, Snapshots]:
        self.calls += 1
        result = in_process(experiment, state, steps)
        if self.error is not None:
            raise self.error
        return result


def visible(run: Run) -> dict[str, Any]:
    return {
        "step": run.step,
        "status": run.status,
        "begun": run.begun,
        "parameters": {k: v.tobytes() for k, v in run.parameters.items()} if run.begun else None,
        "steps": run.history.steps.tolist(),
        "losses": run.history.mean_loss.tolist(),
    }


@pytest.mark.parametrize("begun", [0, None, 30], ids=["at step 0", "not begun", "at step 30"])
@pytest.mark.parametrize("error", [RuntimeError("worker gone"), KeyboardInterrupt()], ids=repr)
def test_an_engine_that_fails_leaves_the_run_as_it_was(
    begun: int | None, error: BaseException
) -> None:
    engine = Engine()
    run = Run(SHORT, engine)
    if begun is not None:
        run.advance(begun)
    before = visible(run)
    engine.error = error
    with pytest.raises(type(error)):
        run.advance(10)
    assert visible(run) == before
    engine.error = None
    run.advance(10)
    assert visible(run) == visible(Run.at(SHORT, (begun or 0) + 10))


def test_a_run_goes_from_ready_through_training_to_finished() -> None:
    run = Run(SHORT)
    seen = [run.status]
    for steps in (0, 1, 48, 1, 100):
        run.advance(steps)
        seen.append(run.status)
    assert seen == ["ready", "ready", "training", "training", "finished", "finished"]
    assert run.step == 150, "a notebook may go on for as long as it likes"


@pytest.mark.parametrize("steps", [-1, 1.5, 2.0, True, "10", None, np.nan, MOST_STEPS + 1])
def test_steps_that_are_none_are_refused_with_the_bound(steps: Any) -> None:
    run = Run.at(SHORT, 5)
    before = visible(run)
    with pytest.raises(ValueError, match="steps to advance by must be a whole number from 0 to"):
        run.advance(steps)
    assert visible(run) == before


def test_no_run_goes_beyond_the_most_steps_there_are() -> None:
    run = Run.at(SHORT, 5)
    with pytest.raises(ValueError, match=r"from 0 to 4,999,995, not 4999996 \(the run is at 5\)"):
        run.advance(MOST_STEPS - 4)
    with pytest.raises(ValueError, match="steps to advance by"):
        Run.at(SHORT, MOST_STEPS + 1)


def test_numpy_counts_are_counts() -> None:
    run = Run(SHORT)
    run.advance(np.int64(7))  # type: ignore[arg-type]
    assert run.step == 7
    assert type(run.step) is int


def test_nothing_is_computed_before_something_is_asked() -> None:
    engine = Engine()
    run = Run(SHORT, engine)
    assert (run.step, run.status, run.diverged, run.begun) == (0, "ready", None, False)
    assert len(run.history) == 0
    run.inputs(0, 10)
    assert engine.calls == 0
    for ask in (lambda: run.parameters, lambda: run.gradients, lambda: run.estimate(0.5)):
        ask()
        assert engine.calls == 1
        assert run.begun
    assert list(run.history.steps) == [0]


def test_advancing_by_nothing_begins_once_and_then_computes_nothing() -> None:
    engine = Engine()
    run = Run(SHORT, engine)
    for _ in range(3):
        run.advance(0)
    assert engine.calls == 1
    assert (run.step, run.status) == (0, "ready")


def test_the_first_gradient_is_seen_before_the_first_step_takes_it() -> None:
    run = Run(SHORT)
    gradients, loss = run.gradients, run.loss
    run.advance(1)
    assert run.loss == loss
    for tensor, gradient in run.gradients.items():
        np.testing.assert_array_equal(gradient, gradients[tensor])


@pytest.mark.parametrize(
    "x", [0.5, np.float32(0.5), [0.5], [], [1, 2], [[0.1, 0.2], [0.3, 0.4]], np.zeros((2, 0, 3))]
)
def test_an_estimate_has_the_shape_of_what_was_asked(x: Any) -> None:
    run = Run.at(Experiment(), 10)
    answer = run.estimate(x)
    assert answer.shape == np.shape(x)
    assert answer.dtype == np.float32
    one_by_one = [float(run.estimate(value)) for value in np.ravel(x)]
    np.testing.assert_allclose(answer.ravel(), one_by_one, rtol=1e-6)


@pytest.mark.parametrize("x", ["0.5", None, [None], [[1], [2, 3]], 1j, {}], ids=repr)
def test_an_estimate_of_what_is_no_number_is_an_error(x: Any) -> None:
    with pytest.raises(ValueError, match=r"numbers|inhomogeneous"):
        Run.at(Experiment(), 0).estimate(x)


def test_what_a_run_hands_out_is_the_reader_s_own() -> None:
    run = Run.at(Experiment(), 10)
    for view in (run.parameters, run.gradients):
        for array in view.values():
            array[:] = 7
    assert not any((array == 7).any() for array in (*run.parameters.values(),))
    assert not any((array == 7).any() for array in (*run.gradients.values(),))


def test_names_and_shapes_are_those_of_the_design() -> None:
    run = Run.at(Experiment(layers=3), 1_000)
    shapes = {"W": (1, 16), "b": (16,), "W1": (16, 16), "b1": (16,), "W2": (16, 1), "b2": (1,)}
    for parts in (run.parameters, run.gradients):
        assert {tensor: part.shape for tensor, part in parts.items()} == shapes
        assert {part.dtype for part in parts.values()} == {np.dtype(np.float32)}
        assert list(parts) == list(shapes)
    assert run.inputs(0, 1_000).shape == (1_000, 1)
    assert type(run.loss) is float


def test_a_run_survives_pickling_between_any_two_chunks() -> None:
    def through_a_pipe(
        experiment: Experiment, state: State | None, steps: int
    ) -> tuple[State, Snapshots]:
        arguments = pickle.loads(pickle.dumps((experiment, state, steps)))
        result: tuple[State, Snapshots] = pickle.loads(pickle.dumps(in_process(*arguments)))
        return result

    run = Run(SHORT, through_a_pipe)
    for _ in range(4):
        run.advance(5)
    assert visible(run) == visible(Run.at(SHORT, 20))


def test_a_state_is_not_changed_by_training_on_from_it() -> None:
    run = Run.at(Experiment(optimizer="adam"), 20)
    state = run.state
    before = pickle.dumps(state)
    run.advance(100)
    assert pickle.dumps(state) == before
