"""The chapters of the story: which experiments each one is about.

A link may name a chapter alone; what it says besides changes the chapter's experiments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType

from model.experiment import PRESETS, Experiment, Value

# What a reader may change in any chapter, for its words hold all the same: they quote the run.
_ALWAYS_FREE = frozenset({"seed", "steps"})


@dataclass(frozen=True)
class Chapter:
    """One page of the story, as far as numbers go."""

    title: str
    first: Experiment
    second: Experiment | None = None  # what it is compared with
    speed: int = 100  # steps a frame
    free: frozenset[str] = frozenset()  # fields that are the reader's to change in this chapter
    forecast: bool = False  # whether the run rests once, at its first forecast, and asks

    def is_left(self, first: Experiment, second: Experiment | None) -> bool:
        """Whether these experiments are no longer what the chapter is about."""
        free = _ALWAYS_FREE | self.free
        return _kept(first, free) != _kept(self.first, free) or _kept(second, free) != _kept(
            self.second, free
        )


def _kept(experiment: Experiment | None, free: frozenset[str]) -> dict[str, Value] | None:
    if experiment is None:
        return None
    return {name: value for name, value in asdict(experiment).items() if name not in free}


_TWO, _THREE, _CURE = PRESETS["two_layers"], PRESETS["three_layers"], PRESETS["cure"]
_BATCH = PRESETS["whole_batch"]

# Without the clip of the question's script, which is what saves weights of this size.
_LARGE = Experiment(layers=5, weight_scale=1.0, bias_scale=1.0, clip=0, steps=1_000)

CHAPTERS: Mapping[str, Chapter] = MappingProxyType(
    {
        "learns": Chapter("It learns", _TWO),
        "stops": Chapter("One more layer", _THREE),
        "why": Chapter("Why", _TWO, _THREE),
        "cure": Chapter("The cure", _THREE, _CURE),
        "half": Chapter("Which half of the cure?", PRESETS["scale_only"], PRESETS["bias_only"]),
        "large": Chapter("Too large", _LARGE, speed=1),
        "patience": Chapter("Patience", PRESETS["patience"], speed=10_000, forecast=True),
        "batch": Chapter("The whole batch", replace(_BATCH, batch=1), _BATCH),
        "adam": Chapter("Adam", _THREE, PRESETS["adam"]),
        "atlas": Chapter(
            "The atlas",
            replace(_THREE, weight_scale=0.0316, bias_scale=0.0316, steps=30_000),
            speed=300,
            free=frozenset({"layers", "weight_scale", "bias_scale"}),
        ),
    }
)
