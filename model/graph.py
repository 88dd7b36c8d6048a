"""What decides which compiled function trains an experiment; needs no TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass

from model.experiment import Experiment

# Steps that one call of the compiled function can take. A call costs about a millisecond whatever
# it does; this many steps of the smallest network take some thirty.
BLOCK = 16_384


@dataclass(frozen=True)
class Graph:
    """What changes the compiled function, and nothing else."""

    layers: int
    width: int
    activation: str
    optimizer: str
    objective: str
    batch: int

    @classmethod
    def of(cls, experiment: Experiment) -> Graph:
        """The graph that trains ``experiment``."""
        return cls(
            experiment.layers,
            experiment.width,
            experiment.activation,
            experiment.optimizer,
            experiment.objective,
            experiment.batch,
        )

    @property
    def block(self) -> int:
        """Steps a call can take: fewer for larger batches, whose inputs would be megabytes."""
        return max(256, BLOCK // self.batch)
