"""Run: an experiment, where it stands, and what it remembers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Self

import numpy as np

from model import inputs as stream
from model.experiment import MOST_STEPS, Experiment, Whole
from model.history import History
from model.network import estimate, split, tensors_of
from model.state import Float32, Snapshots, State

# advance(experiment, state, steps) -> (state, snapshots): model.trainer's, here or in a worker.
Engine = Callable[[Experiment, State | None, int], tuple[State, Snapshots]]

Status = Literal["ready", "training", "finished", "diverged"]


def in_process(experiment: Experiment, state: State | None, steps: int) -> tuple[State, Snapshots]:
    """Train in this process; imports TensorFlow when it is first called."""
    from model.trainer import advance

    return advance(experiment, state, steps)


class Run:
    """An experiment in progress. It is a function of the experiment and the step alone.

    Nothing is computed until something is asked of it; then it begins by itself.
    """

    def __init__(self, experiment: Experiment, engine: Engine = in_process) -> None:
        self.experiment = experiment
        self.history = History(experiment)
        self._engine = engine
        self._state: State | None = None

    @classmethod
    def at(cls, experiment: Experiment, step: int, engine: Engine = in_process) -> Self:
        """The run of ``experiment`` at ``step``, rebuilt from nothing else."""
        run = cls(experiment, engine)
        run.advance(step)
        return run

    def advance(self, steps: int) -> None:
        """Train ``steps`` more steps. On an error the run is as it was.

        ``experiment.steps`` is where the page stops; this goes on for as long as it is told. A run
        that has diverged stays where it did.

        Raises
        ------
        ValueError
            If ``steps`` is negative, not whole, or leads beyond 5,000,000.
        """
        try:
            steps = Whole(0, MOST_STEPS - self.step).check(steps)
        except ValueError as error:
            raise ValueError(f"steps to advance by {error} (the run is at {self.step:,})") from None
        if self._state is not None and (steps == 0 or self._state.diverged is not None):
            return
        state, snapshots = self._engine(self.experiment, self._state, steps)
        self.history.extend(snapshots)
        self._state = state

    @property
    def begun(self) -> bool:
        """Whether the initial parameters have been drawn."""
        return self._state is not None

    @property
    def step(self) -> int:
        """How many steps have been taken."""
        return 0 if self._state is None else self._state.step

    @property
    def status(self) -> Status:
        """Where the run is in its life; ``finished`` from ``experiment.steps`` on."""
        if self.diverged is not None:
            return "diverged"
        if self.step >= self.experiment.steps:
            return "finished"
        return "training" if self.step else "ready"

    @property
    def diverged(self) -> str | None:
        """In which tensor the first NaN or infinity stood, if one did."""
        return None if self._state is None else self._state.diverged

    @property
    def state(self) -> State:
        """All that training needs to go on."""
        if self._state is None:
            self.advance(0)
            assert self._state is not None
        return self._state

    @property
    def parameters(self) -> dict[str, Float32]:
        """The weights and biases by name, in the network's order; copies."""
        return split(self.state.parameters.copy(), tensors_of(self.experiment))

    @property
    def gradients(self) -> dict[str, Float32]:
        """The gradient of the last step before clipping, by name; before any, the first one's."""
        return split(self.state.gradients.copy(), tensors_of(self.experiment))

    @property
    def loss(self) -> float:
        """The loss of the last step, before its update."""
        return self.state.loss

    def inputs(self, start: int, stop: int) -> Float32:
        """The inputs of steps ``start`` to ``stop`` (excluded): float32 ``[stop - start, batch]``.

        Raises
        ------
        ValueError
            If ``start`` is negative or beyond ``stop``.
        """
        return stream.inputs(self.experiment, start, stop)

    def estimate(self, x: object) -> Float32:
        """The network's answer to inputs of any shape, the factor 2 included: float32, same shape.

        Raises
        ------
        ValueError
            If ``x`` is not made of numbers.
        """
        numbers = np.asarray(x)
        if numbers.dtype.kind not in "biuf":
            raise ValueError(f"inputs must be numbers, not {numbers.dtype.name}")
        values = numbers.astype(np.float32)
        answers = estimate(self.experiment, self.state.parameters, values.ravel())
        return answers.reshape(values.shape)
