"""What a verdict rests on: a run as it was at one step, and the numbers that are shown for it."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from model.describe import shown_name
from model.experiment import Experiment
from model.history import PROBE, Series, Snapshot
from model.run import Run
from model.state import Float64

# What the estimate should span over the inputs, and what an estimate costs that ignores the
# input: the variance of the uniform law on [-1, 1].
SPAN = 2.0
IGNORANT = 1 / 3

# As shares of SPAN: below the first the estimate is flat, at the second the network is awake.
FLAT, AWAKE = 0.1, 0.5

# As shares of IGNORANT: a network that costs less than the first has learned, one that costs more
# than the second, and no less than before, explodes.
LEARNED, EXPLODING = 0.05, 10.0


class Seen:
    """One snapshot of a run, and the remembered steps up to it."""

    def __init__(self, run: Run, step: int | None) -> None:
        history = run.history
        self.now: Snapshot = history.at(run.step if step is None else step)
        self.experiment: Experiment = run.experiment
        self.last = run.experiment.layers - 1
        count = int(np.searchsorted(history.steps, self.now.step)) + 1
        self.is_last = count == len(history)
        self.steps = history.steps[:count]
        self.mean_loss = history.mean_loss[:count].astype(np.float64)
        self.tensors: dict[str, Series] = history.tensors
        self.count = count
        self.spans = np.maximum(np.diff(self.steps, prepend=0), 1)
        self.share = float(np.ptp(self.now.estimate)) / SPAN
        self.error = float(np.square(self.now.estimate - PROBE).mean()) / IGNORANT

    def since(self, share: float) -> int:
        """The first row whose steps lie in the last ``share`` of the way; the latest at most."""
        row = int(np.searchsorted(self.steps, (1 - share) * self.now.step, side="right"))
        return min(row, self.count - 1)

    def rms(self, name: str, start: int, stop: int) -> float:
        """Root mean square gradient of a tensor over the steps of rows ``start`` to ``stop``."""
        squares = self.tensors[name].rms[start:stop].astype(np.float64) ** 2
        return sqrt(self._mean(squares, start, stop))

    def pulled(self, name: str) -> bool:
        """Whether a tensor had a gradient at any step since the snapshot before."""
        return bool(self.tensors[name].rms[self.count - 1] > 0)

    def loss(self, start: int, stop: int) -> float:
        """Mean loss over the steps of rows ``start`` to ``stop``, as a share of IGNORANT."""
        return self._mean(self.mean_loss[start:stop], start, stop) / IGNORANT

    def _mean(self, values: Float64, start: int, stop: int) -> float:
        """Mean over the steps of rows, each of which is a mean over the steps since the last."""
        spans = self.spans[start:stop]
        return float(values @ spans) / float(spans.sum())

    def rows(self, shares: Float64) -> NDArray[np.intp]:
        """The first rows at or after these shares of the way."""
        return np.searchsorted(self.steps, shares * self.now.step)

    def vectors(self, rows: NDArray[np.intp]) -> Float64:
        """The flat parameters of some remembered rows, ``[n, P]``."""
        parts = [series.values[rows].reshape(len(rows), -1) for series in self.tensors.values()]
        return np.concatenate(parts, axis=1).astype(np.float64)

    def evidence(self) -> tuple[tuple[str, float], ...]:
        """The numbers that every verdict rests on."""
        return tuple(self._evidence())

    def _evidence(self) -> Iterator[tuple[str, float]]:
        recent, end = self.since(0.1), self.count
        steps = int(self.spans[recent:].sum())
        stretch = over(steps) if self.now.step else shown_over(self.now)
        yield f"the estimate moves over all inputs, of the {SPAN:.2f} it should", self.share * SPAN
        yield "error over all inputs, as a share of what ignoring the input costs", self.error
        yield f"loss {stretch}, as a share of what ignoring the input costs", self.loss(recent, end)
        weights = [f"W{k or ''}" for k in range(self.last + 1)]
        pulls = [self.now.rms[name] for name in weights]
        shown = [shown_name(self.experiment.layers, name) for name in weights]
        for name, pull in zip(shown, pulls, strict=True):
            yield f"gradient of {name} {shown_over(self.now)}, root mean square", pull
        if pulls[-1] > 0:
            yield f"gradient of W as a share of that of {shown[-1]}", pulls[0] / pulls[-1]
        layers = zip(self.now.activations, self.now.silent, strict=True)
        for k, (outputs, silent) in enumerate(layers, 1):
            yield f"silent units in hidden layer {k}, of {self.experiment.width}", silent
            if silent < self.experiment.width > 1 and (outputs == outputs[:, :1]).all():
                yield f"different units in hidden layer {k}", 1
            size = sqrt(float(np.square(outputs, dtype=np.float64).mean()))
            yield f"outputs of hidden layer {k} over all inputs, root mean square", size
        if self.count > 1:
            for name in self.tensors:
                said = shown_name(self.experiment.layers, name)
                before, after = self.tensors[name].values[self.count - 2 : self.count]
                size = float(np.linalg.norm(after))
                moved = float(np.linalg.norm(after - before)) / float(self.spans[-1])
                if size > 0:
                    yield f"{said} moves per step, as a share of its size", moved / size


def shown_over(snapshot: Snapshot) -> str:
    """Over which steps the size of a gradient goes that is shown of a network, in words."""
    if snapshot.step:
        return over(snapshot.rms_steps)
    return f"over the first {snapshot.rms_steps:,} batches, with nothing trained"


def over(steps: int) -> str:
    """Over which steps something goes that is said of the last ones, in words."""
    return "in the last step" if steps == 1 else f"over the last {steps:,} steps"
