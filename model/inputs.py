"""The inputs of a run: uniform on [-1, 1), from a counter-based generator.

Any step's inputs can be had without the ones before it, and ten lines of NumPy get the same:
``2 * Generator(Philox(seed)).random((steps, batch)) - 1``.
"""

from __future__ import annotations

import numpy as np

from model.experiment import Experiment
from model.state import Float32

# One tick of Philox's counter yields four 64-bit draws.
_DRAWS_PER_TICK = 4


def inputs(experiment: Experiment, start: int, stop: int) -> Float32:
    """Inputs of the steps ``start`` to ``stop`` (excluded): float32 ``[stop - start, batch]``.

    Raises
    ------
    ValueError
        If ``start`` is negative or beyond ``stop``.
    """
    if not 0 <= start <= stop:
        raise ValueError(f"inputs are for steps 0 <= start <= stop, not {start} to {stop}")
    first, last = start * experiment.batch, stop * experiment.batch
    ticks, skip = divmod(first, _DRAWS_PER_TICK)
    generator = np.random.Generator(np.random.Philox(experiment.seed).advance(ticks))
    uniform = generator.random(skip + last - first)[skip:]
    return (2.0 * uniform - 1.0).astype(np.float32).reshape(stop - start, experiment.batch)
