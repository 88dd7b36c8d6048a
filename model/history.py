"""What a run remembers: a bounded number of snapshots, evenly spaced, and always the latest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from model.experiment import Experiment
from model.network import estimate, hidden, size_of, split, tensors_of
from model.state import Float32, Float64, Snapshots

MOST_SNAPSHOTS = 101
MOST_BYTES = 8 * 2**20

# The size of a gradient, wherever it is shown, goes over so many of the last steps at least: one
# step of one input is mostly noise.
SHOWN_STEPS = 100

# Step 0 has no steps behind it: there it goes over the run's first batches, so many of them, or
# as many as have so many inputs.
_FIRST_BATCHES, _FIRST_INPUTS = 256, 4096

# The inputs at which a network is looked at.
PROBE: Float32 = np.linspace(-1, 1, 41, dtype=np.float32)


def capacity(experiment: Experiment) -> int:
    """How many snapshots a run of ``experiment`` may hold: at most 101, and at most 8 MiB."""
    size, count = size_of(experiment), len(tensors_of(experiment))
    row = 2 * 4 * size + 8 * (size + count + 1) + 8 + 4
    return min(MOST_SNAPSHOTS, MOST_BYTES // row)


def first_looks(experiment: Experiment) -> int:
    """How many of the run's first batches the gradient at step 0 is measured over."""
    return min(_FIRST_BATCHES, _FIRST_INPUTS // experiment.batch)


def stride_at(experiment: Experiment, step: int) -> int:
    """The distance between the snapshots that are kept of a run which stands at ``step``.

    The smallest power of two at which step 0, the multiples of the stride and the latest step
    all fit: so the stride doubles, and every other snapshot goes, whenever history is full.
    """
    room = capacity(experiment) - 1
    stride = 1
    while -(-step // stride) > room:
        stride *= 2
    return stride


@dataclass(frozen=True)
class Snapshot:
    """A network as it was after one step of its run.

    The size of a gradient is its root mean square over ``rms_steps`` steps: those since the newest
    remembered step that lies 100 steps or more back; before step 100, all steps so far; at step 0,
    the run's first batches, none of which is trained. ``rms`` takes the mean over the entries of a
    tensor too.
    """

    experiment: Experiment
    step: int
    loss: float  # the step's own
    mean_loss: float  # over the steps since the snapshot before
    vector: Float32  # [P], the parameters
    gradient_vector: Float32  # [P], of the step, before clipping
    rms_vector: Float32  # [P], root mean square gradient of each parameter over `rms_steps`
    rms: dict[str, float]  # per tensor: that of all its entries
    rms_steps: int

    @property
    def values(self) -> dict[str, Float32]:
        """The parameters by name."""
        return split(self.vector, tensors_of(self.experiment))

    @property
    def gradients(self) -> dict[str, Float32]:
        """The step's gradients by name, before clipping."""
        return split(self.gradient_vector, tensors_of(self.experiment))

    @cached_property
    def estimate(self) -> Float32:
        """The network's answers to the 41 inputs of :data:`PROBE`."""
        return estimate(self.experiment, self.vector, PROBE)

    @property
    def answer(self) -> float:
        """The median of the estimate: what it is, where it is flat."""
        return float(np.sort(self.estimate)[len(PROBE) // 2])

    @cached_property
    def activations(self) -> list[Float32]:
        """Outputs of every hidden layer at the probe inputs, each ``[41, width]``."""
        return hidden(self.experiment, self.vector, PROBE)

    @property
    def silent(self) -> list[int]:
        """Per hidden layer, how many units are exactly zero for every probe input."""
        return [int(np.count_nonzero(~outputs.any(axis=0))) for outputs in self.activations]


@dataclass(frozen=True)
class Series:
    """One tensor through the n remembered steps."""

    values: Float32  # [n, *shape]
    gradients: Float32  # [n, *shape], of that one step, before clipping
    rms: Float32  # [n], root mean square gradient over the steps since the snapshot before


class History:
    """The remembered steps of one run, oldest first; step 0 and the latest are among them."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self._layout = tensors_of(experiment)
        self._sizes = np.array([t.size for t in self._layout])
        self._starts = [t.start for t in self._layout]
        rows, size = capacity(experiment), size_of(experiment)
        self._count = 0
        self._start: Snapshot | None = None
        # The last one that was asked for: a frame's pictures, words and verdict are all of one.
        self._taken: Snapshot | None = None
        # Full size at once: memory is only taken as rows are written.
        self._steps = np.empty(rows, np.int64)
        self._loss = np.empty(rows, np.float32)
        self._values = np.empty((rows, size), np.float32)
        self._gradients = np.empty((rows, size), np.float32)
        # Sums over the steps since the snapshot before: squared gradients of each parameter, of
        # each tensor, and the loss.
        self._sums = np.empty((rows, size + len(self._layout) + 1))
        self._tensors = slice(size, -1)

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Bytes that the remembered steps take at most."""
        return sum(column.nbytes for column in self._columns)

    @property
    def steps(self) -> NDArray[np.int64]:
        """The remembered steps ``[n]``."""
        return self._steps[: self._count]

    @property
    def loss(self) -> Float32:
        """The loss of each remembered step ``[n]``."""
        return self._loss[: self._count]

    @property
    def mean_loss(self) -> Float32:
        """The mean loss over the steps since the snapshot before ``[n]``."""
        return (self._sums[: self._count, -1] / self._spans()).astype(np.float32)

    @property
    def estimates(self) -> Float32:
        """The answers at the 41 inputs of :data:`PROBE`, at each remembered step ``[n, 41]``."""
        return estimate(self.experiment, self._values[: self._count], PROBE)

    @property
    def tensors(self) -> dict[str, Series]:
        """Every tensor through the remembered steps, by name, in the network's order."""
        n = self._count
        values = split(self._values[:n], self._layout)
        gradients = split(self._gradients[:n], self._layout)
        rms = _root(self._sums[:n, self._tensors], self._spans()[:, None] * self._sizes)
        return {
            t.name: Series(values[t.name], gradients[t.name], rms[:, i])
            for i, t in enumerate(self._layout)
        }

    @property
    def shown_rms(self) -> dict[str, Float32]:
        """The ``rms`` of the :class:`Snapshot` at every remembered step ``[n]``, by tensor."""
        steps, rows = self.steps, np.arange(self._count)
        first = np.searchsorted(steps, steps - SHOWN_STEPS, side="right")
        first = np.minimum(np.maximum(first, 1), rows)
        # Sums over stretches that overlap: reduceat takes pairs of their ends.
        ends = np.stack([first, rows + 1], axis=1).ravel()[:-1]
        squares = np.ascontiguousarray(self._sums[: self._count, self._tensors].T)
        if len(ends):
            squares = np.add.reduceat(squares, ends, axis=1)[:, ::2]
        counts = np.maximum(steps - steps[np.maximum(first - 1, 0)], 1)
        rms = _root(squares, counts * self._sizes[:, None])
        return {t.name: each for t, each in zip(self._layout, rms, strict=True)}

    @property
    def start(self) -> Snapshot:
        """Step 0, which stays: taken once.

        Raises
        ------
        LookupError
            If the run has not begun.
        """
        if self._start is None:
            self._start = self.at(0)
        return self._start

    def at(self, step: int) -> Snapshot:
        """The remembered step nearest to ``step``, the earlier one of two.

        Raises
        ------
        LookupError
            If the run has not begun.
        """
        if not self._count:
            raise LookupError("nothing is remembered of a run that has not begun")
        i = int(np.argmin(np.abs(self.steps - step)))
        if self._taken is None or self._taken.step != self._steps[i]:
            self._taken = self._at(i)
        return self._taken

    def _at(self, i: int) -> Snapshot:
        # The row that the gradients shown are summed from; step 0 stands for itself.
        here = int(self._steps[i])
        before = max(int(self.steps.searchsorted(here - SHOWN_STEPS, side="right")) - 1, 0)
        squares = self._sums[min(before + 1, i) : i + 1].sum(axis=0)
        steps = here - int(self._steps[before]) if i else 1
        rms = _root(squares[self._tensors], steps * self._sizes)
        return Snapshot(
            experiment=self.experiment,
            step=here,
            loss=float(self._loss[i]),
            mean_loss=float(np.float32(self._sums[i, -1] / self._spans(slice(i, i + 1))[0])),
            vector=self._values[i].copy(),
            gradient_vector=self._gradients[i].copy(),
            rms_vector=_root(squares[: self._tensors.start], steps),
            rms={t.name: float(r) for t, r in zip(self._layout, rms, strict=True)},
            rms_steps=steps if i else first_looks(self.experiment),
        )

    def extend(self, snapshots: Snapshots) -> None:
        """Remember what a run has seen since; forget what the new stride leaves no room for."""
        if not len(snapshots.steps):
            return
        self._taken = None
        pending = self._thin(stride_at(self.experiment, int(snapshots.steps[-1])))
        start, self._count = self._count, self._count + len(snapshots.steps)
        rows = slice(start, self._count)
        self._steps[rows] = snapshots.steps
        self._loss[rows] = snapshots.loss
        self._values[rows] = snapshots.values
        self._gradients[rows] = snapshots.gradients
        by_tensor = np.add.reduceat(snapshots.squares, self._starts, axis=1)
        columns = (snapshots.squares, by_tensor, snapshots.losses[:, None])
        np.concatenate(columns, axis=1, out=self._sums[rows])
        self._sums[start] += pending

    @property
    def _columns(self) -> tuple[NDArray[np.generic], ...]:
        return (self._steps, self._loss, self._values, self._gradients, self._sums)

    def _thin(self, stride: int) -> Float64:
        """Keep the multiples of ``stride``; return the sums that the next snapshot is to add."""
        stays = self.steps % stride == 0
        first = self._count if stays.all() else int(np.argmin(stays))  # to go; most stay
        going = slice(first, self._count)
        sums = self._sums[going].copy()
        if not len(sums):
            return np.zeros(sums.shape[1])
        kept = np.flatnonzero(stays[first:])
        # The sums of a step that goes are part of the next one that stays, or of one to come.
        starts = np.concatenate([[0], kept + 1])
        merged = np.add.reduceat(sums, starts[starts < len(sums)], axis=0)
        rows = slice(first, first + len(kept))
        for column in self._columns:
            column[rows] = column[first + kept]
        self._sums[rows] = merged[: len(kept)]
        self._count = rows.stop
        return merged[-1] if len(merged) > len(kept) else np.zeros(sums.shape[1])

    def _spans(self, rows: slice = slice(None)) -> NDArray[np.int64]:
        """How many steps the sums of each snapshot go over ``[n]``."""
        start, stop, _ = rows.indices(self._count)
        before = self._steps[start - 1] if start else 0
        return np.maximum(np.diff(self._steps[start:stop], prepend=before), 1)


def _root(squares: Float64, counts: object) -> Float32:
    """The root of mean squares from their sums and what they count."""
    rms: Float32 = np.sqrt(squares / np.asarray(counts)).astype(np.float32)
    return rms
