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

# The inputs at which a network is looked at.
PROBE: Float32 = np.linspace(-1, 1, 41, dtype=np.float32)


def capacity(experiment: Experiment) -> int:
    """How many snapshots a run of ``experiment`` may hold: at most 101, and at most 8 MiB."""
    row = 2 * 4 * size_of(experiment) + 8 * (3 + len(tensors_of(experiment)))
    return min(MOST_SNAPSHOTS, MOST_BYTES // row)


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
    """A network as it was after one step of its run."""

    experiment: Experiment
    step: int
    loss: float  # the step's own
    mean_loss: float  # over the steps since the snapshot before
    vector: Float32  # [P], the parameters
    gradient_vector: Float32  # [P], of the step, before clipping
    rms: dict[str, float]  # per tensor: root mean square gradient since the snapshot before

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

    @cached_property
    def activations(self) -> list[Float32]:
        """Outputs of every hidden layer at the probe inputs, each ``[41, width]``."""
        return hidden(self.experiment, self.vector, PROBE)

    @property
    def silent(self) -> list[int]:
        """Per hidden layer, how many units are exactly zero for every probe input."""
        return [int((outputs == 0).all(axis=0).sum()) for outputs in self.activations]


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
        rows, size = capacity(experiment), size_of(experiment)
        self._count = 0
        # Full size at once: memory is only taken as rows are written.
        self._steps = np.empty(rows, np.int64)
        self._loss = np.empty(rows, np.float32)
        self._values = np.empty((rows, size), np.float32)
        self._gradients = np.empty((rows, size), np.float32)
        self._squares = np.empty((rows, len(self._layout)))
        self._losses = np.empty(rows)

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
        return (self._losses[: self._count] / self._spans()).astype(np.float32)

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
        rms = self._rms()
        return {
            t.name: Series(values[t.name], gradients[t.name], rms[:, i])
            for i, t in enumerate(self._layout)
        }

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
        rms = self._rms(slice(i, i + 1))[0]
        return Snapshot(
            experiment=self.experiment,
            step=int(self._steps[i]),
            loss=float(self._loss[i]),
            mean_loss=float(np.float32(self._losses[i] / self._spans(slice(i, i + 1))[0])),
            vector=self._values[i].copy(),
            gradient_vector=self._gradients[i].copy(),
            rms={t.name: float(r) for t, r in zip(self._layout, rms, strict=True)},
        )

    def extend(self, snapshots: Snapshots) -> None:
        """Remember what a run has seen since; forget what the new stride leaves no room for."""
        if not len(snapshots.steps):
            return
        pending = self._thin(stride_at(self.experiment, int(snapshots.steps[-1])))
        start, self._count = self._count, self._count + len(snapshots.steps)
        rows = slice(start, self._count)
        self._steps[rows] = snapshots.steps
        self._loss[rows] = snapshots.loss
        self._values[rows] = snapshots.values
        self._gradients[rows] = snapshots.gradients
        self._squares[rows] = snapshots.squares
        self._losses[rows] = snapshots.losses
        self._squares[start] += pending[:-1]
        self._losses[start] += pending[-1]

    @property
    def _columns(self) -> tuple[NDArray[np.generic], ...]:
        return (
            self._steps,
            self._loss,
            self._values,
            self._gradients,
            self._squares,
            self._losses,
        )

    def _thin(self, stride: int) -> Float64:
        """Keep the multiples of ``stride``; return the sums that the next snapshot is to add."""
        stays = self.steps % stride == 0
        first = self._count if stays.all() else int(np.argmin(stays))  # to go; most stay
        going = slice(first, self._count)
        sums = np.column_stack([self._squares[going], self._losses[going]])
        if not len(sums):
            return np.zeros(sums.shape[1])
        kept = np.flatnonzero(stays[first:])
        # The sums of a step that goes are part of the next one that stays, or of one to come.
        starts = np.concatenate([[0], kept + 1])
        merged = np.add.reduceat(sums, starts[starts < len(sums)], axis=0)
        rows = slice(first, first + len(kept))
        for column in self._columns:
            column[rows] = column[first + kept]
        self._squares[rows] = merged[: len(kept), :-1]
        self._losses[rows] = merged[: len(kept), -1]
        self._count = rows.stop
        return merged[-1] if len(merged) > len(kept) else np.zeros(sums.shape[1])

    def _spans(self, rows: slice = slice(None)) -> NDArray[np.int64]:
        """How many steps the sums of each snapshot go over ``[n]``."""
        start, stop, _ = rows.indices(self._count)
        before = self._steps[start - 1] if start else 0
        return np.maximum(np.diff(self._steps[start:stop], prepend=before), 1)

    def _rms(self, rows: slice = slice(None)) -> Float32:
        mean = self._squares[: self._count][rows] / (self._spans(rows)[:, None] * self._sizes)
        rms: Float32 = np.sqrt(mean).astype(np.float32)
        return rms
