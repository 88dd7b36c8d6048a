"""The chapters of the story: which experiments each one is about.

A link may name a chapter alone; what it says besides changes the chapter's experiments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from model.experiment import PRESETS, Experiment


@dataclass(frozen=True)
class Chapter:
    """One page of the story, as far as numbers go."""

    title: str
    first: Experiment
    second: Experiment | None = None  # what it is compared with
    speed: int = 100  # steps a frame


_TWO, _THREE = PRESETS["two_layers"], PRESETS["three_layers"]

CHAPTERS: Mapping[str, Chapter] = MappingProxyType(
    {
        "learns": Chapter("It learns", _TWO),
        "stops": Chapter("It stops", _THREE),
        "why": Chapter("Why", _TWO, _THREE),
        "cure": Chapter("The cure", _THREE, PRESETS["cure"]),
        "half": Chapter("Which half of the cure?", PRESETS["cure"]),
        "patience": Chapter("Patience", PRESETS["patience"], speed=100_000),
        "batch": Chapter("The whole batch", PRESETS["whole_batch"]),
        "adam": Chapter("Adam", _THREE, PRESETS["adam"]),
        "atlas": Chapter("The atlas", _THREE),
    }
)
