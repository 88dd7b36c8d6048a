"""Where a run stands, and what it hands to its history: plain NumPy, so that any process can go on.

A state is all that training needs besides the experiment. It is small (a few hundred numbers for
the networks of the question), it can be pickled, and nothing else remembers anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class State:
    """A run between two steps.

    Vectors are flat; :func:`model.network.tensors_of` says which tensor lies where.
    """

    step: int
    parameters: Float32  # [P], after `step` steps
    slots: Float32  # [S, P], what the optimizer remembers
    gradients: Float32  # [P], of the last step, before clipping; before any step, the first one's
    loss: float  # of the same step as the gradients, before its update
    diverged: str | None = None  # where the first NaN or infinity stood


@dataclass(frozen=True)
class Snapshots:
    """What was seen at n steps of a run, oldest first.

    The two sums go over the steps since the snapshot before. Step 0 has no steps: it holds the
    means over the run's first batches, all looked at with the initial parameters.
    """

    steps: NDArray[np.int64]  # [n]
    loss: Float32  # [n]
    values: Float32  # [n, P]
    gradients: Float32  # [n, P]
    squares: Float64  # [n, P], squared gradients, summed
    losses: Float64  # [n], losses, summed
